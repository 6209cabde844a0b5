/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rungs suspend, close and kill. They act on a revocation: where a person would be asked to
 * unmount first, they go on. Trust the kernel's tables only. */

#include "volume/rung.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "volume/child.h"
#include "volume/mapping.h"

enum { SYNCS_MAX = 32, SYNC_POLL_MS = 5, GONE_MS = 500, GONE_POLL_MS = 20 };

/* Opens the path itself: a file system that hangs may hang at that already. */
static int sync_file_system(void *path)
{
        int fd CLEANUP_FD = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

        return fd < 0 || syncfs(fd) < 0 ? -errno : 0;
}

static int was_seen(const struct dependant *list, size_t i)
{
        for (size_t j = 0; j < i; j++)
                if (list[j].mount[0] && list[j].major == list[i].major &&
                    list[j].minor == list[i].minor)
                        return 1;
        return 0;
}

/* Each in a process of its own, that is left alone when time is up: best effort. */
static void sync_dependants(const struct table *table, int sync_ms)
{
        const uint64_t deadline = clock_now_ms() + (uint64_t)(sync_ms > 0 ? sync_ms : 0);
        struct dependant *list CLEANUP_FREE = NULL;
        pid_t pids[SYNCS_MAX];
        size_t count = 0, started = 0;

        if (sync_ms <= 0 || dependant_list(table->major, table->minor, &list, &count, NULL) < 0)
                return;
        for (size_t i = 0; i < count && started < SYNCS_MAX; i++) {
                if (!list[i].mount[0] || was_seen(list, i))
                        continue;
                pids[started] = child_detach(sync_file_system, list[i].mount, -1);
                if (pids[started] > 0)
                        started++;
        }
        for (size_t i = 0; i < started; i++)
                while (waitpid(pids[i], NULL, WNOHANG) == 0 && clock_left_ms(deadline) > 0)
                        clock_sleep_ms(SYNC_POLL_MS);
}

int rung_suspend(const char *name, const char *uuid, int sync_ms, struct diag *diag)
{
        struct table table;
        int r = mapping_find(name, uuid, &table, diag);

        if (r != 0 || table_is_suspended(&table))
                return r;
        if (strcmp(table.target, "crypt") != 0)
                return diag_refuse(diag, VOLUME_E_INACTIVE, "no-crypt",
                                   "%s was killed, or never came up: there is nothing to suspend",
                                   name);
        if (!table.suspended)
                sync_dependants(&table, sync_ms);
        return mapping_suspend(name, MAPPING_NO_FREEZE, diag);
}

int rung_kill(const char *name, const char *uuid, struct diag *diag)
{
        return mapping_kill(name, uuid, diag);
}

/* A hardened service has a mount namespace of its own, in which an unmount reaches nobody else. */
static void enter_host_mounts(void)
{
        int fd CLEANUP_FD = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

        if (fd >= 0)
                (void)setns(fd, CLONE_NEWNS);
}

/* Whoever still uses a detached file system keeps its device open, and its removal is deferred. */
static void unmount(const struct dependant *d)
{
        if (umount2(d->mount, UMOUNT_NOFOLLOW) < 0 && errno != EINVAL)
                (void)umount2(d->mount, UMOUNT_NOFOLLOW | MNT_DETACH);
}

static void unmount_all(const struct dependant *list, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (list[i].mount[0] && !list[i].covered)
                        unmount(&list[i]);
}

static void remove_all(const struct table *table, const struct dependant *list, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                const int self = list[i].major == table->major && list[i].minor == table->minor;

                if (list[i].is_dm && !self)
                        (void)mapping_remove_later(list[i].name);
        }
}

/* Mounts of this namespace too: a copy of a mount that is private keeps the file system alive. */
static void take_dependants_away(const struct table *table)
{
        struct dependant *here CLEANUP_FREE = NULL, *host CLEANUP_FREE = NULL;
        size_t count = 0;

        if (dependant_list(table->major, table->minor, &here, &count, NULL) == 0)
                unmount_all(here, count);
        enter_host_mounts();
        if (dependant_list(table->major, table->minor, &host, &count, NULL) == 0) {
                unmount_all(host, count);
                remove_all(table, host, count);
        }
}

/* What was used a moment ago by udev or by a device above goes within a moment. */
static int wait_until_gone(const char *name, struct table *ret)
{
        const uint64_t deadline = clock_now_ms() + GONE_MS;

        for (;;) {
                int r = table_read(name, ret);

                if (r < 0 || !ret->exists || clock_left_ms(deadline) == 0)
                        return r;
                clock_sleep_ms(GONE_POLL_MS);
        }
}

int rung_close(const char *name, const char *uuid, struct diag *diag)
{
        struct table table;
        int r = mapping_find(name, uuid, &table, diag);

        if (r == 0 && table.suspended)
                r = mapping_kill(name, uuid, diag);
        if (r != 0)
                return r;
        take_dependants_away(&table);
        r = mapping_remove_later(name);
        if (r == 0 || r == -ENXIO)
                r = wait_until_gone(name, &table);
        if (r < 0)
                return diag_fail(diag, r, "cannot close %s", name);
        if (table.exists)
                return diag_refuse(diag, VOLUME_E_BUSY, "in-use",
                                   "%s is still in use, and goes at its last close", name);
        return 0;
}
