/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Locks between processes. Their files lie in folders that only root may write to. */

#include "volume/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "volume/header.h"

#define FOLDER "/run/luks-kms-lock"

enum { PAUSE_MS = 50 };

int lock_fd(int fd, int wait_ms)
{
        const uint64_t deadline = clock_now_ms() + (uint64_t)wait_ms;

        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK || clock_left_ms(deadline) == 0)
                        return -errno;
                clock_sleep_ms(PAUSE_MS);
        }
        return 0;
}

/* Is the file that fd holds still the one of that name? */
static int same_file(int fd, const char *path)
{
        struct stat held, named;

        return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
               held.st_dev == named.st_dev;
}

/* Whoever held it before may have removed the file before it let go, and then what we hold is no
 * lock to anybody else. */
int lock_path(const char *path, int wait_ms, int *ret_fd)
{
        const uint64_t deadline = clock_now_ms() + (uint64_t)wait_ms;

        do {
                int fd CLEANUP_FD =
                    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
                int r = fd < 0 ? -errno : lock_fd(fd, clock_left_ms(deadline));

                if (r < 0)
                        return r;
                if (same_file(fd, path)) {
                        *ret_fd = take_fd(&fd);
                        return 0;
                }
        } while (clock_left_ms(deadline) > 0);
        return -EWOULDBLOCK;
}

int volume_lock(const char *name, int wait_ms, int *ret_fd, struct diag *diag)
{
        char path[sizeof(FOLDER) + 130];
        int r;

        if (mkdir(FOLDER, 0700) < 0 && errno != EEXIST)
                return diag_fail(diag, -errno, "cannot make %s", FOLDER);
        (void)snprintf(path, sizeof(path), "%s/%s", FOLDER, name);
        r = lock_path(path, wait_ms, ret_fd);
        if (r == -EWOULDBLOCK) {
                (void)diag_refuse(diag, VOLUME_E_BUSY, "in-use",
                                  "another luks-kms is at work on the mapping %s", name);
                diag_advise(diag, "wait for it, or see what it waits for: pgrep -a luks-kms; dmesg "
                                  "| tail");
                return VOLUME_E_BUSY;
        }
        return r < 0 ? diag_fail(diag, r, "cannot lock %s", path) : 0;
}
