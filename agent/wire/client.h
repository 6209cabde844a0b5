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

/* No more requests: the worker leaves by itself while the caller goes on with other work. */
void wire_client_hang_up(struct wire_client *client);

/* Ends the worker and reaps it; accepts NULL. */
void wire_client_free(struct wire_client *client);

DEFINE_CLEANUP(struct wire_client *, wire_client_free)
#define CLEANUP_CLIENT CLEANUP(wire_client_freep)
