/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The order of writes is the whole point here. LUKS2 keeps two copies of its header, each with a
 * checksum and a counter, and readers take the valid one with the higher counter: so one copy is
 * always whole while the other is written, and key material is on the disk before a copy names it.
 * After a cut one copy may be the only good one: the other one is written first then. */

#include "volume/store.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fdio.h"
#include "volume/lock.h"
#include "volume/ondisk.h"

enum { BLOCK = 4096, CHUNK = 1 << 20, LOCK_WAIT_MS = 3000 };

/* The lock file that libcryptsetup takes for this device; held until exit. */
static int lock_metadata(dev_t rdev)
{
        char path[64];
        int fd;

        if (mkdir("/run/cryptsetup", 0700) < 0 && errno != EEXIST)
                return -errno;
        (void)snprintf(path, sizeof(path), "/run/cryptsetup/L_%u:%u", major(rdev), minor(rdev));
        return lock_path(path, LOCK_WAIT_MS, &fd);
}

/* udev's programs hold a shared lock on the device for a moment after each close of a writer. */
static int take_locks(int fd, const struct stat *st)
{
        int r = lock_fd(fd, LOCK_WAIT_MS);

        return r == 0 && S_ISBLK(st->st_mode) ? lock_metadata(st->st_rdev) : r;
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
        if (fd < 0)
                return diag_fail(diag, -errno, "cannot write to %s", device);
        r = take_locks(fd, &st);
        if (r == -EWOULDBLOCK)
                return diag_refuse(diag, VOLUME_E_BUSY, "in-use", "%s is locked by another program",
                                   device);
        if (r < 0)
                return diag_fail(diag, r, "cannot lock %s", device);
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

/* The copy that a reader would not take: damaged, or older than the other; -1 if there is none. */
static int find_weaker(const struct header_copy copies[2])
{
        if (copies[0].valid != copies[1].valid)
                return copies[0].valid;
        return copies[0].seqid == copies[1].seqid ? -1 : copies[0].seqid > copies[1].seqid;
}

/* One copy, onto stable storage before the next step. */
static int write_copy(int fd, const struct header *h, int copy)
{
        int r = copy_range(fd, h->memory, (uint64_t)copy * h->area_size, h->area_size);

        return r == 0 ? sync_fd(fd) : r;
}

/* Both copies, over the one first that a reader would not take; else over the second. */
static int write_copies(int fd, const struct header *h, int weaker)
{
        const int first = weaker < 0 ? 1 : weaker;
        int r = write_copy(fd, h, first);

        return r == 0 ? write_copy(fd, h, !first) : r;
}

static int write_zeros(int fd, uint64_t offset, uint64_t size)
{
        uint8_t *zeros CLEANUP_FREE = calloc(1, CHUNK);
        int r = zeros ? 0 : -ENOMEM;

        while (r == 0 && size > 0) {
                const size_t n = size < CHUNK ? (size_t)size : CHUNK;

                r = pwrite_full(fd, zeros, n, (off_t)offset);
                offset += n;
                size -= n;
        }
        return r;
}

/* The end of what keyslots use from at on; at itself where none does. *next: where the next begins
 * after that. */
static uint64_t skip_keyslots(const struct header *h, uint64_t at, uint64_t *next)
{
        *next = h->data_offset;
        for (size_t i = 0; i < HEADER_KEYSLOTS_MAX; i++) {
                const struct header_keyslot *k = &h->keyslots[i];

                if (!k->used || k->offset + k->size <= at)
                        continue;
                if (k->offset <= at)
                        return skip_keyslots(h, k->offset + k->size, next);
                if (k->offset < *next)
                        *next = k->offset;
        }
        return at;
}

/* Does what it is told to each range of the keyslot area that no keyslot of h uses. */
static int each_gap(int fd, const struct header *h,
                    int (*act)(int fd, uint64_t offset, uint64_t size))
{
        uint64_t at = 2 * h->area_size, next;
        int r = 0;

        while (r == 0 && (at = skip_keyslots(h, at, &next)) < h->data_offset) {
                r = act(fd, at, next - at);
                at = next;
        }
        return r;
}

/* Those of h that before (may be NULL) does not have. */
static int write_keyslots(int fd, const struct header *before, const struct header *h)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < HEADER_KEYSLOTS_MAX; i++)
                if (h->keyslots[i].used && !(before && before->keyslots[i].used))
                        r = copy_range(fd, h->memory, h->keyslots[i].offset, h->keyslots[i].size);
        return r == 0 ? sync_fd(fd) : r;
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
                r = each_gap(fd, h, write_zeros);
        if (r == 0)
                r = write_keyslots(fd, NULL, h);
        if (r == 0)
                r = write_copies(fd, h, -1);
        return r < 0 ? diag_fail(diag, r, "cannot write the header to %s", h->device) : 0;
}

/* Zeros over what is not zero yet, of a range of which most is. */
static int wipe_range(int fd, uint64_t offset, uint64_t size)
{
        static const uint8_t zeros[BLOCK];
        uint8_t *chunk CLEANUP_FREE = malloc(CHUNK);
        int r = chunk ? 0 : -ENOMEM;

        while (r == 0 && size > 0) {
                const size_t n = size < CHUNK ? (size_t)size : CHUNK;

                r = pread_full(fd, chunk, n, (off_t)offset);
                for (size_t i = 0; r == 0 && i < n; i += BLOCK) {
                        const size_t part = n - i < BLOCK ? n - i : BLOCK;

                        if (memcmp(chunk + i, zeros, part) != 0)
                                r = pwrite_full(fd, zeros, part, (off_t)(offset + i));
                }
                offset += n;
                size -= n;
        }
        return r;
}

/* Key material of keyslots that are gone, now or by a change that a power cut ended, must not stay:
 * all of the keyslot area that no keyslot of h uses becomes zeros. */
static int wipe_unused(int fd, const struct header *h)
{
        int r = each_gap(fd, h, wipe_range);

        return r == 0 ? sync_fd(fd) : r;
}

/* Is what is open for writing the disk that the header was read from? Both were opened by name. */
static int same_disk(int fd, const struct header *before)
{
        uint64_t diskseq = 0;
        struct stat now, then;

        if (fstat(fd, &now) < 0 || fstat(before->fd, &then) < 0)
                return 0;
        if (!S_ISBLK(now.st_mode))
                return now.st_dev == then.st_dev && now.st_ino == then.st_ino;
        return S_ISBLK(then.st_mode) && now.st_rdev == then.st_rdev &&
               (ioctl(fd, BLKGETDISKSEQ, &diskseq) < 0 || diskseq == before->diskseq);
}

/* What is on the disk must be what was read, byte by byte: fresh volumes all count alike. */
static int check_unchanged(int fd, const struct header *before, struct diag *diag)
{
        struct header_copy now[2];
        int r = ondisk_look(fd, before->area_size, now);

        if (r < 0)
                return diag_fail(diag, r, "cannot read the header of %s", before->device);
        if (!same_disk(fd, before))
                return diag_refuse(diag, VOLUME_E_TABLE, "disk-changed",
                                   "%s is another disk than a moment ago; nothing was written",
                                   before->device);
        for (int i = 0; i < 2; i++)
                if (memcmp(now[i].sha256, before->copies[i].sha256, sizeof(now[i].sha256)) != 0)
                        return diag_refuse(
                            diag, VOLUME_E_BUSY, "header-changed",
                            "somebody else changed the header of %s meanwhile; nothing was written",
                            before->device);
        return 0;
}

int store_update(int fd, const struct header *before, const struct header *h, struct diag *diag)
{
        int r = check_unchanged(fd, before, diag);

        if (r != 0)
                return r;
        r = write_keyslots(fd, before, h);
        if (r == 0)
                r = write_copies(fd, h, find_weaker(before->copies));
        if (r == 0)
                r = wipe_unused(fd, h);
        return r < 0 ? diag_fail(diag, r, "cannot write the header to %s", h->device) : 0;
}

int store_complete(int fd, struct header *h, struct diag *diag)
{
        const int weaker = find_weaker(h->copies);
        int r = check_unchanged(fd, h, diag);

        if (r != 0)
                return r;
        if (weaker >= 0)
                r = write_copy(fd, h, weaker);
        if (r == 0)
                r = wipe_unused(fd, h);
        if (r == 0)
                r = ondisk_look(h->memory, h->area_size, h->copies);
        return r < 0 ? diag_fail(diag, r, "cannot write the header to %s", h->device) : 0;
}
