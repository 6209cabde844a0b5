/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* luks-kms-worker: the only process of the project that talks to the network. It is started with
 * the wire at descriptor 3 (by the command or the agent, or by systemd for a connection, where 3 is
 * the first descriptor too), locks itself in before it reads the first byte, and then answers one
 * request after the other until the other side closes the wire. It decides nothing: a verdict is
 * all that leaves it, and on a grant the secret, in the memory that came with the request. */

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "kms/kms.h"
#include "wire/shared.h"
#include "worker/sandbox.h"

enum { WIRE_FD = 3, OVERDUE_S = 2 };

/* A request for platform:file must not pay for libcurl and TLS: they are set up when a provider
 * first performs a request. */
static int perform_lazily(void *ctx, const struct http_request *request, struct http_response *ret,
                          struct diag *diag)
{
        struct http_transport *real = ctx;

        if (!real->perform) {
                int r = http_curl_new(real);

                if (r < 0)
                        return r;
        }
        return real->perform(real->ctx, request, ret, diag);
}

/* Every request keeps its deadline. Should one not, the signal ends the process: nobody else may be
 * there to do it, as a service's worker is no child of who asks. */
static void expect_end_within(uint32_t timeout_ms)
{
        (void)alarm(timeout_ms / 1000 + 1 + OVERDUE_S);
}

static int serve_one(const struct http_transport *transport)
{
        CLEANUP_SHARED struct wire_shared *shared = NULL;
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        int r;

        wire_request_init(&request);
        r = wire_receive_request(WIRE_FD, &request, &shared);
        if (r < 0)
                return r;
        expect_end_within(request.timeout_ms);
        kms_serve(&request, transport, &reply);
        wire_request_done(&request); /* nothing of it is left by the time the answer is there */
        (void)alarm(0); /* or it might end us between putting the secret there and wiping it */
        return wire_send_reply(WIRE_FD, &reply, shared);
}

/* A service manager's connection may be one that does not block. */
static int open_wire(struct diag *diag)
{
        int flags = fcntl(WIRE_FD, F_GETFL);

        if (flags < 0 || fcntl(WIRE_FD, F_SETFL, flags & ~O_NONBLOCK) < 0)
                return diag_fail(diag, -errno, "descriptor %d is no wire", WIRE_FD);
        return 0;
}

int main(void)
{
        struct http_transport real = {.perform = NULL};
        struct http_transport lazy = {.perform = perform_lazily, .ctx = &real};
        struct diag diag = DIAG_INIT;
        int r;

        if (sandbox_enter(&diag) < 0 || open_wire(&diag) < 0) {
                (void)fprintf(stderr, "luks-kms-worker: %s\n", diag.message);
                return EXIT_FAILURE;
        }
        do
                r = serve_one(&lazy);
        while (r == 0);
        if (real.perform)
                http_curl_free(&real);
        return r == -ECONNRESET || r == -EPIPE ? EXIT_SUCCESS : EXIT_FAILURE;
}
