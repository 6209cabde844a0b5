/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files and devices by descriptor. What a file says is not trusted here; who could have written it
 * is checked, on the open descriptor, so that nobody can exchange it in between. */

#include "base/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int pread_full(int fd, void *buf, size_t len, off_t offset)
{
        uint8_t *p = buf;

        while (len > 0) {
                ssize_t n = pread(fd, p, len, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -ENODATA;
                p += n;
                len -= (size_t)n;
                offset += n;
        }
        return 0;
}

int pwrite_full(int fd, const void *buf, size_t len, off_t offset)
{
        const uint8_t *p = buf;

        while (len > 0) {
                ssize_t n = pwrite(fd, p, len, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EIO;
                p += n;
                len -= (size_t)n;
                offset += n;
        }
        return 0;
}

int write_full(int fd, const void *buf, size_t len)
{
        const uint8_t *p = buf;

        while (len > 0) {
                ssize_t n = write(fd, p, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EIO;
                p += n;
                len -= (size_t)n;
        }
        return 0;
}

/* 0, or FILE_E_UNSAFE with the reason and the remedy. */
static int check_trusted(const char *path, int flags, const struct stat *st, struct diag *diag)
{
        const int folder = flags & FILE_FOLDER;

        if (folder ? !S_ISDIR(st->st_mode) : !S_ISREG(st->st_mode))
                return diag_refuse(diag, FILE_E_UNSAFE, "unsafe-file", "%s is no %s", path,
                                   folder ? "folder" : "regular file");

        if (st->st_uid != 0 && st->st_uid != geteuid()) {
                (void)diag_refuse(diag, FILE_E_UNSAFE, "unsafe-file",
                                  "%s belongs to user %u, who could change it", path,
                                  (unsigned int)st->st_uid);
                diag_advise(diag, "chown root: %s", path);
                return FILE_E_UNSAFE;
        }

        if (st->st_mode & (S_IWGRP | S_IWOTH)) {
                (void)diag_refuse(diag, FILE_E_UNSAFE, "unsafe-file",
                                  "%s can be written by others than its owner (mode %04o)", path,
                                  (unsigned int)st->st_mode & 07777U);
                diag_advise(diag, "chmod go-w %s", path);
                return FILE_E_UNSAFE;
        }

        if ((flags & FILE_PRIVATE) && (st->st_mode & (S_IRGRP | S_IROTH))) {
                (void)diag_refuse(diag, FILE_E_UNSAFE, "unsafe-file",
                                  "%s holds a secret and others can read it (mode %04o)", path,
                                  (unsigned int)st->st_mode & 07777U);
                diag_advise(diag, "chmod 0600 %s", path);
                return FILE_E_UNSAFE;
        }
        return 0;
}

int file_open_trusted(const char *path, int flags, int *ret_fd, struct diag *diag)
{
        CLEANUP_FD int fd = -1;
        struct stat st;
        int r;

        /* O_NONBLOCK: opening a FIFO that lies in the file's place must not wait for a writer. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return diag_fail(diag, -errno, "cannot open %s", path);
        if (fstat(fd, &st) < 0)
                return diag_fail(diag, -errno, "cannot examine %s", path);
        r = check_trusted(path, flags, &st, diag);
        if (r != 0)
                return r;
        *ret_fd = take_fd(&fd);
        return 0;
}

/* Reads until the end or until size bytes are there. From the beginning, where the descriptor has
 * one: those that travel between processes share their position. */
static int read_up_to(int fd, char *buf, size_t size, size_t *ret_len)
{
        size_t len = 0;

        while (len < size) {
                ssize_t n = pread(fd, buf + len, size - len, (off_t)len);

                if (n < 0 && errno == ESPIPE)
                        n = read(fd, buf + len, size - len);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                len += (size_t)n;
        }
        *ret_len = len;
        return 0;
}

int fd_read_text(int fd, size_t max, char **ret, size_t *ret_len)
{
        /* Room for the largest at once: growing would leave copies of a secret in the heap. */
        char *buf = malloc(max + 1);
        size_t len = 0;
        int r;

        if (!buf)
                return -ENOMEM;
        r = read_up_to(fd, buf, max + 1, &len);
        if (r == 0 && len > max)
                r = -EFBIG;
        if (r < 0) {
                explicit_bzero(buf, max + 1);
                free(buf);
                return r;
        }
        buf[len] = '\0';
        *ret = buf;
        *ret_len = len;
        return 0;
}

int file_lock(const char *path, bool wait, int *ret_fd)
{
        const struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd CLEANUP_FD = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r;

        if (fd < 0)
                return -errno;
        do
                r = fcntl(fd, wait ? F_SETLKW : F_SETLK, &whole) < 0 ? -errno : 0;
        while (r == -EINTR);
        if (r < 0)
                return r == -EACCES ? -EAGAIN : r;
        *ret_fd = take_fd(&fd);
        return 0;
}
