/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Finding a service's worker, private to agent/wire. */

#include "base/diag.h"

/* Connects to the SOCK_SEQPACKET socket at path, which must be root's: the file, nobody else may
 * write to it, and the process that listens. Does not wait. 0 and a descriptor that does not block;
 * -ENOENT: there is none; -EPERM: it is not root's; other -errno. */
int connect_worker(const char *path, int *ret_fd, struct diag *diag);
