/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The privileged side of the wire: a worker process of one's own, where no service runs one. */

#include "wire/wire.h"

struct wire_client;

/* Starts PATH with the wire at descriptor 3, stdin and stdout on /dev/null, stderr shared, and of
 * the environment only what credentials "env" need when pass_env is set. Returns at once: the
 * worker gets ready while the caller reads the disk. 0 or -errno. */
int wire_client_start(const char *path, int pass_env, struct wire_client **ret, struct diag *diag);

/* One request, one reply. Waits at most request->timeout_ms plus a short grace; a worker that is
 * late, dies or answers out of form is killed and the verdict is VERDICT_UNAVAILABLE; the next call
 * starts a new one.
 * Returns the reply's verdict, or -errno. The caller releases *ret with wire_reply_done() when
 * the result is not negative. */
int wire_client_call(struct wire_client *client, const struct wire_request *request,
                     struct wire_reply *ret);

/* The same in two halves, for a caller that has an event loop: begin, then finish when
 * wire_client_fd() is readable, or wire_client_expire() when wire_client_deadline() (milliseconds
 * of CLOCK_MONOTONIC) has passed. One call at a time (-EBUSY). wire_client_begin() returns 0 or
 * -errno; a worker that could not be started or reached is no error of it but the call's outcome,
 * and the descriptor is readable then. It may start a new worker: ask for descriptor and deadline
 * after each begin. The request may be released at once. wire_client_finish() returns -EAGAIN if
 * there is nothing yet, -EINVAL if no call is under way; else, like wire_client_expire(), what
 * wire_client_call() would have. */
int wire_client_begin(struct wire_client *client, const struct wire_request *request);
int wire_client_fd(const struct wire_client *client);
uint64_t wire_client_deadline(const struct wire_client *client);
int wire_client_finish(struct wire_client *client, struct wire_reply *ret);
int wire_client_expire(struct wire_client *client, struct wire_reply *ret);

/* Where a service runs the workers (a SOCK_SEQPACKET socket at path, one worker a connection):
 * connects instead of starting one. The socket must be root's (-EPERM). 0 or -errno (-ENOENT: no
 * such service here; the caller then uses wire_client_start(). -ECONNREFUSED: nobody listens). A
 * late worker cannot be killed: its connection is closed. */
int wire_client_connect(const char *path, struct wire_client **ret, struct diag *diag);

/* No more requests: the worker leaves by itself while the caller goes on with other work. */
void wire_client_hang_up(struct wire_client *client);

/* Ends the worker and reaps it; accepts NULL. An idle one leaves by itself, within milliseconds;
 * one that does not is killed after a quarter of a second, a busy one at once. */
void wire_client_free(struct wire_client *client);

DEFINE_CLEANUP(struct wire_client *, wire_client_free)
#define CLEANUP_CLIENT CLEANUP(wire_client_freep)
