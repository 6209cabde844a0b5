/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Work in a short-lived child process, for two reasons: keyrings of a thread go with it, so that
 * none keeps a volume key, and a call that hangs in the kernel can be left.
 *
 * A child has none of the parent's sockets, so that nobody waits for the end of a connection that a
 * hanging child would keep; it has all other descriptors. It has zeros in place of the parent's
 * secrets, but of those for which secret_keep_on_fork() was called, and wipes all it has, and the
 * stack that it worked on, before it reports. */

#include <sys/types.h>

#include "base/diag.h"
#include "base/secret.h"

/* Runs work(arg, diag) in a forked child and brings its result and diag back. A child that is not
 * done after timeout_ms is sent SIGKILL and left to the kernel: VOLUME_E_TIMEOUT. One that dies:
 * VOLUME_E_DIED. */
int child_run(int (*work)(void *arg, struct diag *diag), void *arg, int timeout_ms,
              struct diag *diag);

/* The same for a caller that has an event loop: child_start(), then child_finish() when fd is
 * readable, or child_abandon() when time is up. */
struct child {
        pid_t pid; /* -1 when it is gone */
        int fd;    /* readable when the child has ended or reported; -1 when closed */
};

/* 0 and *ret, or -errno. */
int child_start(int (*work)(void *arg, struct diag *diag), void *arg, struct child *ret);

/* Reads the report, reaps, closes. The work's result; VOLUME_E_DIED if it died without one. */
int child_finish(struct child *child, struct diag *diag);

/* SIGKILL; reaps it if it goes at once. True if it is gone; otherwise it hangs in the kernel, fd is
 * closed all the same, and the caller goes on calling child_gone() now and then. */
int child_abandon(struct child *child);
int child_gone(struct child *child);

/* Inside volume/: a process that goes on when its parent is abandoned, with the same care for
 * secrets, and no descriptor but keep_fd (-1: none) and 0 to 2. Its pid, for waitpid(), or -errno.
 * Its exit status is the errno of work's negative result, or 0. */
pid_t child_detach(int (*work)(void *arg), void *arg, int keep_fd);
