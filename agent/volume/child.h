/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside volume/ only: work in a short-lived child process, for two reasons: keyrings of a thread
 * go with it, so that none keeps a volume key, and a call that hangs in the kernel can be left. */

#include "base/diag.h"

/* Runs work(arg, diag) in a forked child and brings its result and diag back. A child that is not
 * done after timeout_ms is sent SIGKILL and left to the kernel: VOLUME_E_TIMEOUT. One that dies:
 * VOLUME_E_DIED. */
int child_run(int (*work)(void *arg, struct diag *diag), void *arg, int timeout_ms,
              struct diag *diag);
