/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A record from a peer that was taken over: what is accepted can be sent on and says the same, and
 * keeps to the maxima of wire/wire.h. What a record says of the secret beside it is the peer's word
 * as well; the shared memory holds a pattern, and must be zeros when the secret was taken. */

#include "base/verdict.h"
#include "fuzz.h"
#include "wire/codec.h"
#include "wire/shared.h"

static uint8_t record[WIRE_RECORD_MAX];
static struct wire_shared *shared;

static void fill(void)
{
        struct secret *pattern CLEANUP_SECRET = NULL;

        if (!shared)
                MUST(wire_shared_new(&shared) == 0);
        MUST(secret_new(WIRE_SECRET_MAX, &pattern) == 0);
        memset(secret_data(pattern), 0x5a, WIRE_SECRET_MAX);
        MUST(wire_shared_put(shared, pattern) == 0);
}

static void must_be_wiped(void)
{
        static const uint8_t zero[WIRE_SECRET_MAX];
        struct secret *rest CLEANUP_SECRET = NULL;

        MUST(wire_shared_take(shared, sizeof(zero), &rest) == 0);
        MUST(memcmp(secret_bytes(rest), zero, sizeof(zero)) == 0);
}

static void check_secret(const struct secret *a, const struct secret *b)
{
        MUST(!a == !b);
        if (!a)
                return;
        MUST(secret_size(a) > 0 && secret_size(a) <= WIRE_SECRET_MAX);
        MUST(secret_equal(a, b));
}

static void check_blob(const struct wire_blob *a, const struct wire_blob *b)
{
        MUST(a->len <= WIRE_BLOB_MAX && a->len == b->len);
        MUST(memcmp(a->data, b->data, a->len) == 0);
}

static void check_request(const uint8_t *data, size_t size)
{
        static struct wire_request a, b;
        size_t len;

        fill();
        if (wire_parse_request(data, size, shared, &a) != 0)
                return;
        must_be_wiped();
        MUST(a.op == WIRE_WRAP || a.op == WIRE_UNWRAP);
        MUST(codec_request(&a, record, sizeof(record), &len) == 0);
        fill();
        MUST(wire_parse_request(record, len, shared, &b) == 0);
        MUST(a.op == b.op && a.timeout_ms == b.timeout_ms);
        MUST(strcmp(a.uri, b.uri) == 0 && strcmp(a.endpoint, b.endpoint) == 0);
        MUST(strcmp(a.credentials, b.credentials) == 0);
        MUST(strcmp(a.context.uuid, b.context.uuid) == 0);
        MUST(strcmp(a.context.role, b.context.role) == 0);
        MUST(strcmp(a.context.use, b.context.use) == 0);
        check_blob(&a.wrapped, &b.wrapped);
        check_secret(a.plain, b.plain);
        wire_request_done(&a);
        wire_request_done(&b);
}

static void check_reply(const uint8_t *data, size_t size)
{
        static struct wire_reply a, b;
        size_t len;

        fill();
        if (wire_parse_reply(data, size, shared, &a) != 0)
                return;
        must_be_wiped();
        MUST(a.verdict >= 0 && a.verdict <= VERDICT_MAX_);
        MUST(codec_reply(&a, record, sizeof(record), &len) == 0);
        fill();
        MUST(wire_parse_reply(record, len, shared, &b) == 0);
        MUST(a.verdict == b.verdict && strcmp(a.key_version, b.key_version) == 0);
        MUST(strcmp(a.diag.message, b.diag.message) == 0);
        MUST(strcmp(a.diag.code, b.diag.code) == 0);
        check_blob(&a.wrapped, &b.wrapped);
        check_secret(a.plain, b.plain);
        wire_reply_done(&a);
        wire_reply_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        check_request(data, size);
        check_reply(data, size);
        return 0;
}
