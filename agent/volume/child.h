/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Work in a short-lived child process, for two reasons: keyrings of a thread go with it, so that
 * none keeps a volume key, and a call that hangs in the kernel can be left. */

#include <sys/types.h>

#include "base/diag.h"
#include "base/secret.h"

/* Runs work(arg, diag) in a forked child and brings its result and diag back. A child that is not
 * done after timeout_ms is sent SIGKILL and left to the kernel: VOLUME_E_TIMEOUT. One that dies:
 * -EIO. */
int child_run(int (*work)(void *arg, struct diag *diag), void *arg, int timeout_ms,
              struct diag *diag);

/* The same for a caller that has an event loop: child_start(), then child_finish() when fd is
 * readable, or child_abandon() when time is up. */
struct child {
        pid_t pid;
        int fd; /* readable when the child has ended or reported */
};

/* 0 and *ret, or -errno. */
int child_start(int (*work)(void *arg, struct diag *diag), void *arg, struct child *ret);

/* Reads the report, reaps, closes. The work's result; -EIO if it died without one. */
int child_finish(struct child *child, struct diag *diag);

/* SIGKILL; reaps it if it goes at once. True if it is gone; otherwise it hangs in the kernel, fd is
 * closed all the same, and the caller goes on calling child_gone() now and then. */
int child_abandon(struct child *child);
int child_gone(struct child *child);
