/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes of a record, private to agent/wire: a header (magic, bitmask of descriptors), then fields
 * of tag (16 bits), length (32 bits) and that many bytes; all numbers little endian. */

#include <stdbool.h>

#include "wire/wire.h"

enum { CODEC_HEADER_LEN = 8, CODEC_FIELD_LEN = 6 };

enum codec_type {
        CODEC_NUMBER, /* 32 bits */
        CODEC_TEXT,   /* printable ASCII, refused otherwise */
        CODEC_WORDS,  /* for people: whatever is not printable ASCII becomes '?' */
        CODEC_BLOB,   /* may be absent */
        CODEC_SECRET, /* may be absent */
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

bool codec_printable(const uint8_t *text, size_t len);

/* Whether a request makes sense as a whole: what it brings is what its operation needs. */
bool codec_request_valid(const struct wire_request *request);

/* Builds a record in data[size]. 0; -EMSGSIZE if a field is over its maximum; -EINVAL if a text
 * holds anything but printable ASCII, or the other side would refuse the request as a whole. */
int codec_request(const struct wire_request *request, uint8_t *data, size_t size, size_t *ret_len);
int codec_reply(const struct wire_reply *reply, uint8_t *data, size_t size, size_t *ret_len);

/* 0, -EBADMSG, -ENOMEM; *ret is untouched on failure. On success *ret holds no descriptors yet:
 * *ret_mask says which ones the sender claims to have sent. */
int codec_parse_request(const uint8_t *data, size_t len, struct wire_request *ret,
                        uint32_t *ret_mask);
int codec_parse_reply(const uint8_t *data, size_t len, struct wire_reply *ret);
