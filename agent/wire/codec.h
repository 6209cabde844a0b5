/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes of a record, private to agent/wire: a header (magic, bitmask of descriptors), then fields
 * of tag (16 bits), length (32 bits) and that many bytes; all numbers little endian. A secret is
 * not among them: its field says how many bytes of it are in the shared memory. */

#include <stdbool.h>

#include "wire/wire.h"

enum { CODEC_HEADER_LEN = 8, CODEC_FIELD_LEN = 6 };

enum codec_type {
        CODEC_NUMBER, /* 32 bits */
        CODEC_TEXT,   /* printable ASCII, refused otherwise */
        CODEC_WORDS,  /* for people: whatever is not printable ASCII becomes '?' */
        CODEC_BLOB,   /* may be absent */
        CODEC_SECRET, /* may be absent; 32 bits: its size */
};

struct codec_field {
        uint16_t tag;
        enum codec_type type;
        size_t offset;
        size_t max; /* of its bytes in the record */
};

struct codec_message {
        uint32_t magic;
        const struct codec_field *fields;
        size_t count;
};

extern const struct codec_message codec_request_message, codec_reply_message;

/* What a record says of that which comes beside it. */
struct codec_beside {
        uint32_t mask;        /* descriptors */
        uint32_t secret_size; /* bytes in the shared memory; 0 = none */
};

bool codec_printable(const uint8_t *text, size_t len);

/* Whether a message makes sense as a whole, its secret included: a request brings what its
 * operation needs, a reply what its verdict allows. */
bool codec_request_valid(const struct wire_request *request);
bool codec_reply_valid(const struct wire_reply *reply);

/* Builds a record in data[size]. 0; -EMSGSIZE if a field is over its maximum; -EINVAL if a text
 * holds anything but printable ASCII, or the other side would refuse the request as a whole. */
int codec_request(const struct wire_request *request, uint8_t *data, size_t size, size_t *ret_len);
int codec_reply(const struct wire_reply *reply, uint8_t *data, size_t size, size_t *ret_len);

/* 0 or -EBADMSG; *ret is untouched on failure. On success each field by itself is in form, but *ret
 * holds neither descriptors nor the secret yet: with these the caller asks codec_..._valid(). */
int codec_parse_request(const uint8_t *data, size_t len, struct wire_request *ret,
                        struct codec_beside *ret_beside);
int codec_parse_reply(const uint8_t *data, size_t len, struct wire_reply *ret,
                      struct codec_beside *ret_beside);
