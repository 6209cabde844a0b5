/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Suspend, close and kill. Trusts the kernel's tables only, and proves by them what it reports:
 * the key is gone when the live table has none. */

#include "volume/teardown.h"

#include "base/clock.h"
#include "volume/child.h"
#include "volume/dm.h"
#include "volume/table.h"

enum { SWAP_TRIES = 20, SWAP_PAUSE_MS = 100 };

/* The mapping's table if it is a LUKS2 mapping of this name. */
static int find(const char *name, struct table *ret, struct diag *diag)
{
        int r = table_ask(name, ret, diag);

        if (r < 0)
                return r;
        if (!ret->exists) {
                (void)diag_refuse(diag, VOLUME_E_INACTIVE, "not-open", "%s is not open", name);
                diag_advise(diag, "see what is open: luks-kms status");
                return VOLUME_E_INACTIVE;
        }
        if (!table_is_ours(ret, NULL, name)) {
                (void)diag_refuse(diag, VOLUME_E_FOREIGN, "foreign-mapping",
                                  "the mapping %s is not a LUKS2 volume", name);
                diag_advise(diag, "see what it is: dmsetup info %s", name);
                return VOLUME_E_FOREIGN;
        }
        return 0;
}

static int in_use(const char *name, struct diag *diag)
{
        (void)diag_refuse(diag, VOLUME_E_BUSY, "in-use", "%s is in use", name);
        diag_advise(diag,
                    "unmount it and stop what uses it (lsblk /dev/mapper/%s), or cut "
                    "it off: luks-kms close --kill %s",
                    name, name);
        return VOLUME_E_BUSY;
}

static int clear_inactive(const char *name)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_CLEAR, name);

        return task ? dm_run(task) : -ENOMEM;
}

/* The table that is not live yet goes last: it must not keep the live one from being suspended. */
static int suspend_and_wipe(void *name, struct diag *diag)
{
        struct dm_task *suspend CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_SUSPEND, name);
        struct dm_task *wipe CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_TARGET_MSG, name);
        int r;

        if (!suspend || !wipe || !dm_task_set_message(wipe, "key wipe") ||
            !dm_task_set_sector(wipe, 0))
                return -ENOMEM;
        r = dm_run(suspend);
        if (r == 0)
                r = dm_run(wipe);
        if (r == 0)
                r = clear_inactive(name);
        if (r < 0)
                return diag_fail(diag, r, "cannot suspend %s", (const char *)name);
        return 0;
}

static int is_without_key(const struct table *t)
{
        return t->suspended && t->key == TABLE_KEY_WIPED && !t->inactive && t->targets == 1;
}

int volume_suspend(const char *name, int timeout_ms, struct diag *diag)
{
        struct table table;
        char copy[128];
        int r = find(name, &table, diag);

        if (r != 0 || is_without_key(&table))
                return r;
        if (strcmp(table.target, "crypt") != 0)
                return diag_refuse(diag, VOLUME_E_INACTIVE, "no-crypt",
                                   "%s was killed, or never came up: there is nothing to suspend",
                                   name);
        if (table.targets != 1) {
                (void)diag_refuse(diag, VOLUME_E_TABLE, "live-table",
                                  "%s has %u targets, of which each may hold a key", name,
                                  table.targets);
                diag_advise(diag,
                            "this is not luks-kms's work; cut it off: luks-kms close --kill %s",
                            name);
                return VOLUME_E_TABLE;
        }
        (void)snprintf(copy, sizeof(copy), "%s", name);
        r = child_run(suspend_and_wipe, copy, timeout_ms, diag);
        if (r == VOLUME_E_TIMEOUT)
                diag_advise(diag,
                            "storage or file system hang; cut it off: luks-kms close --kill %s",
                            name);
        if (r != 0)
                return r;
        r = find(name, &table, diag);
        if (r == 0 && !is_without_key(&table))
                return diag_refuse(diag, VOLUME_E_TABLE, "live-table",
                                   "%s was suspended, but its table still has a key", name);
        return r;
}

int volume_close(const char *name, struct diag *diag)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = NULL;
        struct table table;
        int r = find(name, &table, diag);

        if (r != 0)
                return r;
        if (table.open_count > 0)
                return in_use(name, diag);
        task = dm_open_task(DM_DEVICE_REMOVE, name);
        if (!task || !dm_task_retry_remove(task))
                return -ENOMEM;
        r = dm_run_synced(task);
        if (r == -EBUSY)
                return in_use(name, diag);
        return r < 0 ? diag_fail(diag, r, "cannot close %s", name) : 0;
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

static int remove_at_last_close(const char *name)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_REMOVE, name);

        if (!task || !dm_task_deferred_remove(task))
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

static int kill_mapping(void *arg, struct diag *diag)
{
        const char *name = arg;
        struct table table;
        int r = find(name, &table, diag);

        if (r != 0)
                return r;
        if (table.inactive)
                r = clear_inactive(name);
        if (r == 0 && table.live)
                r = swap_in_error_table(name, table.start + table.length);
        if (r < 0)
                return diag_fail(diag, r, "cannot kill %s", name);
        if (r == 0)
                r = find(name, &table, diag);
        if (r == 0 && (table.inactive || (table.live && strcmp(table.target, "error") != 0)))
                return diag_refuse(diag, VOLUME_E_TABLE, "live-table", "%s still has a %s table",
                                   name, table.live ? table.target : "loaded");
        if (r == 0)
                r = remove_at_last_close(name);
        return r < 0 ? diag_fail(diag, r, "%s is dead, but cannot be removed", name) : r;
}

int volume_kill(const char *name, int timeout_ms, struct diag *diag)
{
        char copy[128];

        (void)snprintf(copy, sizeof(copy), "%s", name);
        return child_run(kill_mapping, copy, timeout_ms, diag);
}
