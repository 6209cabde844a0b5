/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Locks between processes, by flock(): gone with whoever held them, however that ended. */

#include "base/diag.h"

/* One process at a time makes, resumes, suspends or closes the mapping of this name: whoever takes
 * away what another left half made must not hit what a third one made. Waits for wait_ms.
 * 0 and *ret_fd, which holds the lock; VOLUME_E_BUSY; -errno. */
int volume_lock(const char *name, int wait_ms, int *ret_fd, struct diag *diag);

/* Inside volume/: the lock on an open file. 0, -EWOULDBLOCK, -errno. */
int lock_fd(int fd, int wait_ms);

/* Inside volume/: the lock on the file of this path, made where there is none. As lock_fd(). */
int lock_path(const char *path, int wait_ms, int *ret_fd);
