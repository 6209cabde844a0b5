/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Starting the worker's process, private to agent/wire. */

#include <sys/types.h>

/* Runs PATH with wire at descriptor 3; everything else of the caller's stays behind but standard
 * error, and the AWS variables of its environment when pass_env is set. 0 once the program runs,
 * or -errno of what went wrong, the execve(2) included. The caller reaps *ret_pid. */
int launch_worker(const char *path, int wire, int pass_env, pid_t *ret_pid);
