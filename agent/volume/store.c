/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The order of writes is the whole point here. LUKS2 keeps two copies of its header, each with a
 * checksum and a counter, and readers take the valid one with the higher counter: so one copy is
 * always whole while the other is written, and key material is on the disk before a copy names it.
 */

#include "volume/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "volume/ondisk.h"

enum { BLOCK = 4096, CHUNK = 1 << 20, LOCK_WAIT_MS = 3000, LOCK_TRIES = 20 };

/* Is the file that fd holds still the one of that name? */
static int same_file(int fd, const char *path)
{
        struct stat held, named;

        return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
               held.st_dev == named.st_dev;
}

/* The lock file that libcryptsetup takes for this device; held until exit. Whoever held it before
 * may have removed the file before it let go, and then what we hold is no lock to anybody else. */
static void lock_metadata(dev_t rdev)
{
        char path[64];

        (void)mkdir("/run/cryptsetup", 0700);
        (void)snprintf(path, sizeof(path), "/run/cryptsetup/L_%u:%u", major(rdev), minor(rdev));
        for (int i = 0; i < LOCK_TRIES; i++) {
                int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

                if (fd < 0 || (flock(fd, LOCK_EX) == 0 && same_file(fd, path)))
                        return;
                close_fd(fd);
        }
}

/* udev's programs hold a shared lock for a moment after each close of a writer. */
static int lock_device(int fd)
{
        const uint64_t deadline = clock_now_ms() + LOCK_WAIT_MS;

        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK || clock_left_ms(deadline) == 0)
                        return -errno;
                clock_sleep_ms(50);
        }
        return 0;
}

int store_open(const char *device, int how, int *ret_fd, struct diag *diag)
{
        struct stat st;
        int fd CLEANUP_FD = -1, r;

        if (stat(device, &st) < 0)
                return diag_fail(diag, -errno, "cannot find %s", device);
        fd = open(device,
                  O_RDWR | O_CLOEXEC | (how == STORE_NEW && S_ISBLK(st.st_mode) ? O_EXCL : 0));
        if (fd < 0 && errno == EBUSY) {
                (void)diag_refuse(diag, VOLUME_E_BUSY, "in-use", "%s is in use", device);
                diag_advise(diag, "see who uses it: lsblk %s", device);
                return VOLUME_E_BUSY;
        }
        r = fd < 0 ? -errno : 0;
        if (r == 0 && lock_device(fd) < 0)
                return diag_refuse(diag, VOLUME_E_BUSY, "in-use", "%s is locked by another program",
                                   device);
        if (r < 0)
                return diag_fail(diag, r, "cannot write to %s", device);
        if (S_ISBLK(st.st_mode))
                lock_metadata(st.st_rdev);
        *ret_fd = take_fd(&fd);
        return 0;
}

static int sync_fd(int fd)
{
        return fsync(fd) < 0 ? -errno : 0;
}

static int copy_range(int fd, int memory, uint64_t offset, uint64_t size)
{
        uint8_t *chunk CLEANUP_FREE = malloc(CHUNK);
        int r = chunk ? 0 : -ENOMEM;

        while (r == 0 && size > 0) {
                const size_t n = size < CHUNK ? (size_t)size : CHUNK;

                r = pread_full(memory, chunk, n, (off_t)offset);
                if (r == 0)
                        r = pwrite_full(fd, chunk, n, (off_t)offset);
                offset += n;
                size -= n;
        }
        return r;
}

/* Second copy, then first, each on stable storage before the next step. */
static int write_copies(int fd, const struct header *h)
{
        int r = copy_range(fd, h->memory, h->area_size, h->area_size);

        if (r == 0)
                r = sync_fd(fd);
        if (r == 0)
                r = copy_range(fd, h->memory, 0, h->area_size);
        return r == 0 ? sync_fd(fd) : r;
}

static int write_zeros(int fd, uint64_t offset, uint64_t size)
{
        static const uint8_t zeros[BLOCK];
        int r = 0;

        while (r == 0 && size > 0) {
                const size_t n = size < BLOCK ? (size_t)size : BLOCK;

                r = pwrite_full(fd, zeros, n, (off_t)offset);
                offset += n;
                size -= n;
        }
        return r;
}

int store_new(int fd, const struct header *h, struct diag *diag)
{
        /* without its first block neither copy is a LUKS header to anybody */
        int r = write_zeros(fd, 0, h->area_size);

        if (r == 0)
                r = write_zeros(fd, h->area_size, h->area_size);
        if (r == 0)
                r = sync_fd(fd);
        if (r == 0)
                r = copy_range(fd, h->memory, 2 * h->area_size, h->data_offset - 2 * h->area_size);
        if (r == 0)
                r = sync_fd(fd);
        if (r == 0)
                r = write_copies(fd, h);
        return r < 0 ? diag_fail(diag, r, "cannot write the header to %s", h->device) : 0;
}

static int write_new_keyslots(int fd, const struct header *before, const struct header *h)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < HEADER_KEYSLOTS_MAX; i++)
                if (h->keyslots[i].used && !before->keyslots[i].used)
                        r = copy_range(fd, h->memory, h->keyslots[i].offset, h->keyslots[i].size);
        return r == 0 ? sync_fd(fd) : r;
}

static int wipe_gone_keyslots(int fd, const struct header *before, const struct header *h)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < HEADER_KEYSLOTS_MAX; i++)
                if (before->keyslots[i].used && !h->keyslots[i].used)
                        r = write_zeros(fd, before->keyslots[i].offset, before->keyslots[i].size);
        return r == 0 ? sync_fd(fd) : r;
}

int store_update(int fd, const struct header *before, const struct header *h, struct diag *diag)
{
        uint64_t seqid;
        int r = ondisk_seqid(fd, before->area_size, &seqid);

        if (r < 0)
                return diag_fail(diag, r, "cannot read the header of %s", h->device);
        if (seqid != before->seqid)
                return diag_refuse(
                    diag, VOLUME_E_BUSY, "header-changed",
                    "somebody else changed the header of %s meanwhile; nothing was written",
                    h->device);
        r = write_new_keyslots(fd, before, h);
        if (r == 0)
                r = write_copies(fd, h);
        if (r == 0)
                r = wipe_gone_keyslots(fd, before, h);
        return r < 0 ? diag_fail(diag, r, "cannot write the header to %s", h->device) : 0;
}
