/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* News of block devices: from udevd where it runs (then its rules are through with the device),
 * from the kernel where it does not. News only say that something changed: what there is now, the
 * caller looks up himself. */

#include <stdbool.h>
#include <sys/types.h>

#include "base/diag.h"

struct monitor;

/* Begins to listen. *ret is the caller's. 0 or -errno. */
int monitor_new(struct monitor **ret, struct diag *diag);
void monitor_free(struct monitor *monitor); /* accepts NULL */

/* Readable when there is news. */
int monitor_fd(const struct monitor *monitor);

/* Takes all news there is. True if any could matter: a block device has come, gone or changed; also
 * when news were lost. changed is called for each device whose content may be another one now. */
bool monitor_take(struct monitor *monitor, void (*changed)(void *arg, dev_t device), void *arg);

DEFINE_CLEANUP(struct monitor *, monitor_free)
#define CLEANUP_MONITOR CLEANUP(monitor_freep)
