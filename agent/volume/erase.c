/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rung erase: without key material no secret opens the volume, whoever holds it. Reads the
 * header by the same rules as an unlock, and takes the same locks as a change of recipients; the
 * device may be in use by a mapping. Believes the disk only about what it reads back. */

#include "volume/rung.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "volume/store.h"

enum { CHUNK = 1 << 20, ALIGN = 4096 };

struct area {
        uint64_t offset, size;
};

/* Random bytes: zeros could come from a disk that dropped what it was given. */
static uint8_t *make_pattern(void)
{
        uint8_t *p = aligned_alloc(ALIGN, CHUNK);
        size_t filled = 0;

        while (p && filled < CHUNK) {
                ssize_t n = getrandom(p + filled, CHUNK - filled, 0);

                if (n > 0)
                        filled += (size_t)n;
        }
        return p;
}

static int overwrite(int fd, const struct area *a, const uint8_t *pattern)
{
        int r = 0;

        for (uint64_t done = 0; r == 0 && done < a->size; done += CHUNK) {
                const uint64_t left = a->size - done;

                r = pwrite_full(fd, pattern, left < CHUNK ? (size_t)left : CHUNK,
                                (off_t)(a->offset + done));
        }
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        return r;
}

/* The same file again, past the page cache; or, where that can't be, with the cache dropped. */
static int open_to_read_back(int fd)
{
        char path[32];
        int direct;

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        direct = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
        if (direct >= 0)
                return direct;
        (void)ioctl(fd, BLKFLSBUF, 0);
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        return open(path, O_RDONLY | O_CLOEXEC);
}

/* 1 if the area holds the pattern, 0 if anything else, -errno. */
static int read_back(int fd, const struct area *a, const uint8_t *pattern)
{
        int disk CLEANUP_FD = open_to_read_back(fd), r = 0, same = 1;
        uint8_t *chunk CLEANUP_FREE = aligned_alloc(ALIGN, CHUNK);

        if (disk < 0)
                return -errno;
        if (!chunk)
                return -ENOMEM;
        for (uint64_t done = 0; r == 0 && same && done < a->size; done += CHUNK) {
                const uint64_t left = a->size - done;
                const size_t n = left < CHUNK ? (size_t)left : CHUNK;

                r = pread_full(disk, chunk, n, (off_t)(a->offset + done));
                same = r == 0 && memcmp(chunk, pattern, n) == 0;
        }
        return r < 0 ? r : same;
}

/* The header of the device that fd holds, if it is the volume's. */
static int check_header(const char *device, int fd, const char *uuid, struct area *ret,
                        struct diag *diag)
{
        struct header *h CLEANUP_HEADER = NULL;
        struct stat st, named;
        int r = header_read(device, &h, diag);

        if (r != 0)
                return r;
        if (fstat(fd, &st) < 0 || fstat(h->fd, &named) < 0)
                return -errno;
        if (strcmp(h->binding.uuid, uuid) != 0 || st.st_rdev != named.st_rdev ||
            (!S_ISBLK(st.st_mode) && st.st_ino != named.st_ino)) {
                (void)diag_refuse(diag, VOLUME_E_FOREIGN, "uuid-changed",
                                  "%s holds volume %s, not %s", device, h->binding.uuid, uuid);
                diag_advise(diag, "find the disk: lsblk -o NAME,UUID");
                return VOLUME_E_FOREIGN;
        }
        *ret = (struct area){2 * h->area_size, h->data_offset - 2 * h->area_size};
        return 0;
}

int rung_erase(const char *device, const char *uuid, struct diag *diag)
{
        uint8_t *pattern CLEANUP_FREE = make_pattern();
        struct area area;
        int fd CLEANUP_FD = -1, r;

        if (!pattern)
                return -ENOMEM;
        r = store_open(device, STORE_UPDATE, &fd, diag);
        if (r == 0)
                r = check_header(device, fd, uuid, &area, diag);
        if (r != 0)
                return r;
        r = overwrite(fd, &area, pattern);
        if (r < 0)
                return diag_fail(diag, r, "cannot overwrite the keyslots of %s", device);
        r = read_back(fd, &area, pattern);
        if (r < 0)
                return diag_fail(diag, r, "cannot read back the keyslots of %s", device);
        if (r == 0)
                return diag_refuse(diag, VOLUME_E_TABLE, "keyslots-remain",
                                   "%s does not hold what its keyslots were overwritten with",
                                   device);
        return 0;
}
