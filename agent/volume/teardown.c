/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Suspend, close and kill, as a person asks for them: with the file system frozen where there is
 * time, and with words and advice. Trusts the kernel's tables only. */

#include "volume/teardown.h"

#include "volume/child.h"
#include "volume/mapping.h"
#include "volume/rung.h"

static int in_use(const char *name, struct diag *diag)
{
        (void)diag_refuse(diag, VOLUME_E_BUSY, "in-use", "%s is in use", name);
        diag_advise(diag,
                    "unmount it and stop what uses it (lsblk /dev/mapper/%s), or cut "
                    "it off: luks-kms close --kill %s",
                    name, name);
        return VOLUME_E_BUSY;
}

static int suspend_in_child(void *name, struct diag *diag)
{
        return mapping_suspend(name, MAPPING_FREEZE, diag);
}

int volume_suspend(const char *name, int timeout_ms, struct diag *diag)
{
        struct table table;
        char copy[128];
        int r = mapping_find(name, NULL, &table, diag);

        if (r != 0 || table_is_suspended(&table))
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
        r = child_run(suspend_in_child, copy, timeout_ms, diag);
        if (r == VOLUME_E_TIMEOUT)
                diag_advise(diag,
                            "storage or file system hang; cut it off: luks-kms close --kill %s",
                            name);
        return r;
}

int volume_close(const char *name, struct diag *diag)
{
        struct table table;
        int r = mapping_find(name, NULL, &table, diag);

        if (r != 0)
                return r;
        if (table.open_count > 0)
                return in_use(name, diag);
        r = mapping_remove(name);
        if (r == -EBUSY)
                return in_use(name, diag);
        return r < 0 ? diag_fail(diag, r, "cannot close %s", name) : 0;
}

static int kill_in_child(void *name, struct diag *diag)
{
        return rung_kill(name, NULL, diag);
}

int volume_kill(const char *name, int timeout_ms, struct diag *diag)
{
        char copy[128];

        (void)snprintf(copy, sizeof(copy), "%s", name);
        return child_run(kill_in_child, copy, timeout_ms, diag);
}
