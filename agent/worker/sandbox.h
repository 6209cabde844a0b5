/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/diag.h"

/* Gives up, for good, everything that a process needs not that talks to a key service: root,
 * capabilities, new privileges, files to write, most system calls. 0, or -errno with the step that
 * failed in diag; a worker must not go on then. */
int sandbox_enter(struct diag *diag);

/* The last step of sandbox_enter(), in filter.c: which system calls may still be made. */
int filter_load(struct diag *diag);
