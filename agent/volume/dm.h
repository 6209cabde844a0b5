/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside volume/ only: libdevmapper tasks with the tree's cleanup and error habits. */

#include <libdevmapper.h>

#include "base/cleanup.h"

static inline void dm_task_destroyp(struct dm_task **task)
{
        if (*task)
                dm_task_destroy(*task);
}

/* A task on the named mapping (NULL: on none), or NULL. The library's own messages are silenced. */
struct dm_task *dm_open_task(int type, const char *name);

/* Runs it: 0 or -errno. */
int dm_run(struct dm_task *task);

/* As dm_run(), with a udev cookie where udev runs, and waits for udev. */
int dm_run_synced(struct dm_task *task);
