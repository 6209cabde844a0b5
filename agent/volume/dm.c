/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The few libdevmapper calls that every task needs. */

#include "volume/dm.h"

#include <stdarg.h>

#include "base/clock.h"

enum { UDEV_WAIT_MS = 10000 };

static void quiet(int level, const char *file, int line, int error, const char *fmt, ...)
{
        (void)level;
        (void)file;
        (void)line;
        (void)error;
        (void)fmt;
}

struct dm_task *dm_open_task(int type, const char *name)
{
        struct dm_task *task;

        dm_log_with_errno_init(quiet);
        task = dm_task_create(type);
        if (task && name && !dm_task_set_name(task, name)) {
                dm_task_destroy(task);
                task = NULL;
        }
        return task;
}

int dm_run(struct dm_task *task)
{
        int error;

        if (dm_task_run(task))
                return 0;
        error = dm_task_get_errno(task);
        return error > 0 ? -error : -EIO;
}

/* udevd may hang: what the kernel has done stands whether it answers or not. */
static void wait_for_udev(uint32_t cookie)
{
        const uint64_t deadline = clock_now_ms() + UDEV_WAIT_MS;
        int ready = 0;

        if (!dm_udev_get_sync_support()) { /* no udevd: this makes the nodes, at once */
                (void)dm_udev_wait(cookie);
                return;
        }
        while (dm_udev_wait_immediate(cookie, &ready) && !ready) {
                if (clock_left_ms(deadline) == 0) {
                        (void)dm_udev_complete(cookie);
                        return;
                }
                clock_sleep_ms(5);
        }
}

int dm_run_synced(struct dm_task *task)
{
        uint32_t cookie = 0;
        int r;

        if (!dm_task_set_cookie(task, &cookie, 0))
                return -EIO;
        r = dm_run(task);
        wait_for_udev(cookie);
        return r;
}
