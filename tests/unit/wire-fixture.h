/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages and sockets for the tests of agent/wire. */

#include "unit.h"

#include <sys/socket.h>

#include "base/verdict.h"
#include "wire/shared.h"
#include "wire/wire.h"

#define URI "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

/* Filled by record_of(). */
static uint8_t bytes[WIRE_RECORD_MAX + 1];

/* Of the privileged side; the group's fixtures make and release it. */
static struct wire_shared *shared;

static inline int make_shared(void **state)
{
        (void)state;
        return wire_shared_new(&shared);
}

static inline int release_shared(void **state)
{
        (void)state;
        wire_shared_free(shared);
        return 0;
}

struct pair {
        int ends[2];
};

static inline struct pair new_pair(void)
{
        struct pair pair;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.ends), 0);
        return pair;
}

static inline void pair_close(struct pair *pair)
{
        close_fd(pair->ends[0]);
        close_fd(pair->ends[1]);
}

#define CLEANUP_PAIR CLEANUP(pair_close)

static inline void fill_request(struct wire_request *request, enum wire_op op)
{
        wire_request_init(request);
        request->op = op;
        request->timeout_ms = 1500;
        strcpy(request->uri, URI);
        strcpy(request->endpoint, "https://localhost:8443");
        strcpy(request->credentials, "profile:unlock");
        strcpy(request->context.uuid, "0b0f4f5c-9b1c-4f0e-8d57-0f0e4b2b7a11");
        strcpy(request->context.role, "persistence");
        strcpy(request->context.use, "keyslot");
        if (op == WIRE_WRAP) {
                assert_int_equal(secret_random(32, &request->plain), 0);
        } else {
                request->wrapped.len = 200;
                memset(request->wrapped.data, 0xb7, 200);
        }
}

static inline void fill_reply(struct wire_reply *reply)
{
        *reply = (struct wire_reply){.verdict = VERDICT_GRANTED};
        assert_int_equal(secret_random(32, &reply->plain), 0);
        reply->diag.http_status = 200;
        reply->diag.requests = 1;
        strcpy(reply->diag.request_id, "1f2e3d4c");
        strcpy(reply->key_version, "v7");
}

/* The bytes of a record, as they are on the socket; its secret stays in shared. */
static inline size_t record_of(const struct wire_request *request, const struct wire_reply *reply)
{
        CLEANUP_PAIR struct pair pair = new_pair();
        ssize_t n;

        if (request)
                assert_int_equal(wire_send_request(pair.ends[0], request, shared), 0);
        else
                assert_int_equal(wire_send_reply(pair.ends[0], reply, shared), 0);
        n = recv(pair.ends[1], bytes, sizeof(bytes), 0);
        assert_true(n > 8);
        return (size_t)n;
}
