/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A record from a peer that was taken over: what is accepted can be sent on and says the same, and
 * keeps to the maxima of wire/wire.h. */

#include "base/verdict.h"
#include "fuzz.h"
#include "wire/codec.h"

static uint8_t record[WIRE_RECORD_MAX];

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

        if (wire_parse_request(data, size, &a) != 0)
                return;
        MUST(a.op == WIRE_WRAP || a.op == WIRE_UNWRAP);
        MUST(codec_request(&a, record, sizeof(record), &len) == 0);
        MUST(wire_parse_request(record, len, &b) == 0);
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

        if (wire_parse_reply(data, size, &a) != 0)
                return;
        MUST(a.verdict >= 0 && a.verdict <= VERDICT_MAX_);
        MUST(codec_reply(&a, record, sizeof(record), &len) == 0);
        MUST(wire_parse_reply(record, len, &b) == 0);
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
