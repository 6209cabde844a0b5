/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages between the privileged side (command, agent) and the KMS worker: one request and one
 * reply a SOCK_SEQPACKET record, fields tagged and length-prefixed, each with its maximum. Both
 * sides parse as if the other were hostile: the worker because root is worth protecting from
 * itself, the agent because the worker has talked to the network.
 *
 * Files that only root may read (credentials, CA, platform key) are opened by the privileged side
 * and travel as descriptors, so that the worker needs no right to open them. A plain secret never
 * travels in a record: it lies in memory that both sides map (wire/shared.h), a descriptor of which
 * comes with each request. */

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/secret.h"
#include "token/context.h"
#include "token/keyuri.h"

enum {
        WIRE_RECORD_MAX = 32768,
        WIRE_BLOB_MAX = 8192,   /* a wrapped secret: AWS allows 6144 bytes */
        WIRE_SECRET_MAX = 4096, /* an unwrapped one: AWS allows 4096 */
        WIRE_TEXT_MAX = 512,
};

enum wire_op { WIRE_WRAP = 1, WIRE_UNWRAP = 2 };

/* Which descriptors come along; -1 = none. */
enum wire_fd { WIRE_FD_CREDENTIALS, WIRE_FD_CA, WIRE_FD_KEY, WIRE_FD_COUNT };

/* A wrapped secret as a provider returned it. */
struct wire_blob {
        size_t len;
        uint8_t data[WIRE_BLOB_MAX];
};

struct wire_request {
        enum wire_op op;
        uint32_t timeout_ms;             /* total, all retries included; at most 10 minutes */
        char uri[KEYURI_MAX];            /* keyuri_parse() text */
        char endpoint[WIRE_TEXT_MAX];    /* https://HOST[:PORT], "" = the provider's own */
        char credentials[WIRE_TEXT_MAX]; /* "env", "profile:NAME", "file"; "" for platform keys */
        struct kms_context context;
        struct wire_blob wrapped; /* WIRE_UNWRAP */
        struct secret *plain;     /* WIRE_WRAP: owned by whoever filled the request */
        int fds[WIRE_FD_COUNT];
};

struct wire_reply {
        int verdict;              /* enum verdict */
        struct diag diag;         /* provider's code, request id, words */
        struct wire_blob wrapped; /* after WIRE_WRAP */
        char key_version[128];    /* after WIRE_WRAP: may be empty */
        struct secret *plain;     /* after WIRE_UNWRAP: owned by the reply */
};

void wire_request_init(struct wire_request *request);
/* Wipes and releases plain, closes the descriptors. */
void wire_request_done(struct wire_request *request);
void wire_reply_done(struct wire_reply *reply);

struct wire_shared;

/* Send one record, and put the secret into shared. 0 or -errno (-EMSGSIZE if a field is over its
 * maximum; -EINVAL if a secret has no shared memory to go to). Nothing in request or reply is
 * consumed. What a request put into shared stays there for the caller to wipe, by
 * wire_shared_free(); what a reply put there is the other side's to wipe once it was sent. */
int wire_send_request(int fd, const struct wire_request *request, struct wire_shared *shared);
int wire_send_reply(int fd, const struct wire_reply *reply, struct wire_shared *shared);

/* Receive one record, and take its secret out of shared, which is wiped. 0; -EBADMSG if it breaks a
 * rule; -ECONNRESET at end of file; other -errno. On success the caller calls wire_..._done(), and
 * *ret_shared is its own, for the reply. On failure outputs are untouched. */
int wire_receive_request(int fd, struct wire_request *ret, struct wire_shared **ret_shared);
int wire_receive_reply(int fd, struct wire_shared *shared, struct wire_reply *ret);

/* The same over bytes, for fuzzing: records without descriptors. shared may be NULL. */
int wire_parse_request(const uint8_t *data, size_t len, struct wire_shared *shared,
                       struct wire_request *ret);
int wire_parse_reply(const uint8_t *data, size_t len, struct wire_shared *shared,
                     struct wire_reply *ret);

#define CLEANUP_REPLY   CLEANUP(wire_reply_done)
#define CLEANUP_REQUEST CLEANUP(wire_request_done)
