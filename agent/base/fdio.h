/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whole reads and writes, and opening files that must be root's own. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"

/* All of len bytes or an error: 0, -errno, -ENODATA when the file ends before (reads). */
int pread_full(int fd, void *buf, size_t len, off_t offset);
int pwrite_full(int fd, const void *buf, size_t len, off_t offset);
int write_full(int fd, const void *buf, size_t len);

/* Opens a regular file read-only (O_CLOEXEC, no FIFO or device is ever waited for) and refuses one
 * that somebody else could have written: owner must be root or the caller; no write permission for
 * group or others; with FILE_PRIVATE no read permission for them either. FILE_FOLDER: a folder
 * instead, whose entries nobody else may exchange.
 * Returns 0 and the descriptor; FILE_E_UNSAFE; -errno. diag says which file, why, and the chmod. */
enum { FILE_PRIVATE = 1, FILE_FOLDER = 2 };
enum { FILE_E_UNSAFE = 1 };
int file_open_trusted(const char *path, int flags, int *ret_fd, struct diag *diag);

/* Takes a lock that belongs to this process alone: children that it forks do not have it, and it is
 * gone with the process. The file is made (0600) if there is none. wait: until whoever has it lets
 * go. 0 and the descriptor, whose closing lets go; -EAGAIN if another process has it; -errno. */
int file_lock(const char *path, bool wait, int *ret_fd);

/* Reads a whole open file of at most max bytes; *ret is NUL-terminated beyond *ret_len, the
 * caller frees it. -EFBIG if it is larger. */
int fd_read_text(int fd, size_t max, char **ret, size_t *ret_len);
