/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shared memory for the secret of one request. A memory file, not a pipe or a record: its one page
 * is known to both sides, so that it can be wiped, and it is never copied by the kernel. What is in
 * it may change at any time under a reader's eyes, so it is read once. */

#include "wire/shared.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "wire/wire.h"

enum {
        SIZE = WIRE_SECRET_MAX,
        SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
};

struct wire_shared {
        uint8_t *data;
        int fd;
        bool left; /* for the other side to read and wipe */
};

/* Takes over fd on success. */
static int map(int fd, struct wire_shared **ret)
{
        struct wire_shared *shared = malloc(sizeof(*shared));
        void *data;
        int r;

        if (!shared)
                return -ENOMEM;
        data = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (data == MAP_FAILED) {
                r = -errno;
                free(shared);
                return r;
        }
        /* The lock makes the page exist as well: no write can fail for want of memory later. */
        if (madvise(data, SIZE, MADV_DONTDUMP) < 0 || madvise(data, SIZE, MADV_DONTFORK) < 0 ||
            mlock(data, SIZE) < 0) {
                r = -errno;
                (void)munmap(data, SIZE);
                free(shared);
                return r;
        }
        *shared = (struct wire_shared){.data = data, .fd = fd};
        *ret = shared;
        return 0;
}

int wire_shared_new(struct wire_shared **ret)
{
        CLEANUP_FD int fd = memfd_create("luks-kms-wire", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        int r;

        if (fd < 0 || ftruncate(fd, SIZE) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
                return -errno;
        r = map(fd, ret);
        if (r == 0)
                (void)take_fd(&fd);
        return r;
}

int wire_shared_open(int fd, struct wire_shared **ret)
{
        int seals = fcntl(fd, F_GET_SEALS);
        struct stat st;
        int r;

        if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0 || st.st_size != SIZE)
                return -EBADMSG;
        r = map(fd, ret);
        /* opened for reading only, or sealed against writing */
        return r == -EACCES || r == -EPERM ? -EBADMSG : r;
}

int wire_shared_fd(const struct wire_shared *shared)
{
        return shared->fd;
}

int wire_shared_put(struct wire_shared *shared, const struct secret *secret)
{
        if (secret_size(secret) > SIZE)
                return -EMSGSIZE;
        memcpy(shared->data, secret_bytes(secret), secret_size(secret));
        return 0;
}

int wire_shared_take(struct wire_shared *shared, size_t size, struct secret **ret)
{
        int r = size > 0 && size <= SIZE ? secret_copy(shared->data, size, ret) : -EBADMSG;

        wire_shared_wipe(shared);
        return r;
}

void wire_shared_wipe(struct wire_shared *shared)
{
        explicit_bzero(shared->data, SIZE);
}

void wire_shared_leave(struct wire_shared *shared)
{
        shared->left = true;
}

void wire_shared_free(struct wire_shared *shared)
{
        if (!shared)
                return;
        if (!shared->left)
                wire_shared_wipe(shared);
        (void)munmap(shared->data, SIZE);
        close_fd(shared->fd);
        free(shared);
}
