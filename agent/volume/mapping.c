/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the kernel is told to do with a mapping. Trusts the kernel's tables only, and proves by them
 * what it reports: the key is gone when neither the live table has one nor one that is loaded. */

#include "volume/mapping.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "volume/child.h"
#include "volume/dm.h"
#include "volume/header.h"

enum { SWAP_TRIES = 20, SWAP_PAUSE_MS = 100 };

int mapping_find(const char *name, const char *uuid, struct table *ret, struct diag *diag)
{
        int r = table_ask(name, ret, diag);

        if (r < 0)
                return r;
        if (!ret->exists) {
                (void)diag_refuse(diag, VOLUME_E_INACTIVE, "not-open", "%s is not open", name);
                diag_advise(diag, "see what is open: luks-kms status");
                return VOLUME_E_INACTIVE;
        }
        if (!table_is_ours(ret, uuid, name)) {
                (void)diag_refuse(diag, VOLUME_E_FOREIGN, "foreign-mapping",
                                  "the mapping %s is not %s%s", name,
                                  uuid ? "LUKS2 volume " : "a LUKS2 volume", uuid ? uuid : "");
                diag_advise(diag, "see what it is: dmsetup info %s", name);
                return VOLUME_E_FOREIGN;
        }
        return 0;
}

static int clear_inactive(const char *name)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_CLEAR, name);

        return task ? dm_run(task) : -ENOMEM;
}

static int suspend_and_wipe(const char *name, int freeze)
{
        struct dm_task *suspend CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_SUSPEND, name);
        struct dm_task *wipe CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_TARGET_MSG, name);
        int r;

        if (!suspend || !wipe || !dm_task_set_message(wipe, "key wipe") ||
            !dm_task_set_sector(wipe, 0))
                return -ENOMEM;
        if (!freeze && (!dm_task_no_flush(suspend) || !dm_task_skip_lockfs(suspend)))
                return -ENOMEM;
        r = dm_run(suspend);
        return r == 0 ? dm_run(wipe) : r;
}

int mapping_suspend(const char *name, int freeze, struct diag *diag)
{
        struct table table;
        int r = suspend_and_wipe(name, freeze);

        if (r == 0)
                r = table_read(name, &table);
        if (r == 0 && table.inactive) {
                r = clear_inactive(name); /* it may hold a key of its own */
                if (r == 0)
                        r = table_read(name, &table);
        }
        if (r < 0)
                return diag_fail(diag, r, "cannot suspend %s", name);
        if (!table_is_suspended(&table))
                return diag_refuse(diag, VOLUME_E_TABLE, "live-table",
                                   "%s was suspended, but its table still has a key", name);
        return 0;
}

static int load_error_table(const char *name, uint64_t length)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_RELOAD, name);

        if (!task || !dm_task_add_target(task, 0, length, "error", "") ||
            !dm_task_no_open_count(task))
                return -ENOMEM;
        return dm_run(task);
}

static int swap_in_without_flush(const char *name)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_RESUME, name);

        if (!task || !dm_task_no_flush(task) || !dm_task_skip_lockfs(task))
                return -ENOMEM;
        return dm_run_synced(task);
}

/* A suspend that goes on in the kernel makes the swap fail for a moment (EINVAL, EINTR). */
static int swap_in_error_table(const char *name, uint64_t length)
{
        int r = -EINVAL;

        for (int i = 0; i < SWAP_TRIES && (r == -EINVAL || r == -EINTR); i++) {
                if (i > 0)
                        clock_sleep_ms(SWAP_PAUSE_MS);
                r = load_error_table(name, length);
                if (r == 0)
                        r = swap_in_without_flush(name);
        }
        return r;
}

static int is_dead(const struct table *t)
{
        return !t->inactive && (!t->live || (t->targets == 1 && strcmp(t->target, "error") == 0));
}

static int kill_and_remove(void *arg)
{
        const char *name = arg;
        struct table table;
        int r = table_read(name, &table);

        if (r == 0 && table.inactive) {
                table.inactive = 0;
                r = clear_inactive(name);
        }
        if (r == 0 && !is_dead(&table))
                r = swap_in_error_table(name, table.start + table.length);
        return r == 0 ? mapping_remove_later(name) : r;
}

/* One process at a time works on a mapping: a second one would hang in the kernel beside the first,
 * and so on with each attempt. The lock ends with whoever holds it. -1 without sysfs. */
static int lock_mapping(const struct table *table)
{
        char path[64];
        int fd;

        (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", table->major, table->minor);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
                (void)flock(fd, LOCK_EX);
        return fd;
}

static int kill_detached(const char *name, int lock)
{
        char copy[128];
        int status;
        pid_t pid;

        (void)snprintf(copy, sizeof(copy), "%s", name);
        pid = child_detach(kill_and_remove, copy, lock);
        if (pid < 0)
                return (int)pid;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

int mapping_kill(const char *name, const char *uuid, struct diag *diag)
{
        struct table table;
        int lock CLEANUP_FD = -1, r;

        r = mapping_find(name, uuid, &table, diag);
        if (r != 0)
                return r;
        lock = lock_mapping(&table);
        r = kill_detached(name, lock);
        if (r == 0 || r == -ENXIO) /* an earlier attempt may have come to its end */
                r = table_read(name, &table);
        if (r < 0)
                return diag_fail(diag, r, "cannot kill %s", name);
        if (!is_dead(&table))
                return diag_refuse(diag, VOLUME_E_TABLE, "live-table", "%s still has a %s table",
                                   name, table.live ? table.target : "loaded");
        return 0;
}

int mapping_remove(const char *name)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_REMOVE, name);

        if (!task || !dm_task_retry_remove(task))
                return -ENOMEM;
        return dm_run_synced(task);
}

int mapping_remove_later(const char *name)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_REMOVE, name);

        if (!task || !dm_task_deferred_remove(task))
                return -ENOMEM;
        return dm_run_synced(task);
}
