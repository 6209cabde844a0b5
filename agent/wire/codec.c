/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records as bytes: the tables that say which fields a message has, where they live and how long
 * they may be, and the building of a record. parse.c walks the same tables, so that the two sides
 * cannot disagree. What is built comes from our own side, which may still hold over-long fields. */

#include "wire/codec.h"

#include "base/bytes.h"

enum { TIMEOUT_MAX_MS = 600000 };

#define MEMBER_SIZE(type, member) sizeof(((type *)NULL)->member)
#define TEXT_MAX(type, member)    (MEMBER_SIZE(type, member) - 1)

#define REQUEST(member)      offsetof(struct wire_request, member)
#define REQUEST_TEXT(member) REQUEST(member), TEXT_MAX(struct wire_request, member)

static const struct codec_field request_fields[] = {
    {1, CODEC_NUMBER, REQUEST(op), sizeof(uint32_t)},
    {2, CODEC_NUMBER, REQUEST(timeout_ms), sizeof(uint32_t)},
    {3, CODEC_TEXT, REQUEST_TEXT(uri)},
    {4, CODEC_TEXT, REQUEST_TEXT(endpoint)},
    {5, CODEC_TEXT, REQUEST_TEXT(credentials)},
    {6, CODEC_TEXT, REQUEST_TEXT(context.uuid)},
    {7, CODEC_TEXT, REQUEST_TEXT(context.role)},
    {8, CODEC_TEXT, REQUEST_TEXT(context.use)},
    {9, CODEC_BLOB, REQUEST(wrapped), WIRE_BLOB_MAX},
    {10, CODEC_SECRET, REQUEST(plain), WIRE_SECRET_MAX},
};

#define REPLY(member)      offsetof(struct wire_reply, member)
#define REPLY_TEXT(member) REPLY(member), TEXT_MAX(struct wire_reply, member)

static const struct codec_field reply_fields[] = {
    {1, CODEC_NUMBER, REPLY(verdict), sizeof(uint32_t)},
    {2, CODEC_WORDS, REPLY_TEXT(diag.rule)},
    {3, CODEC_WORDS, REPLY_TEXT(diag.message)},
    {4, CODEC_WORDS, REPLY_TEXT(diag.advice)},
    {5, CODEC_WORDS, REPLY_TEXT(diag.code)},
    {6, CODEC_WORDS, REPLY_TEXT(diag.request_id)},
    {7, CODEC_NUMBER, REPLY(diag.http_status), sizeof(uint32_t)},
    {8, CODEC_NUMBER, REPLY(diag.requests), sizeof(uint32_t)},
    {9, CODEC_NUMBER, REPLY(diag.retry_after), sizeof(uint32_t)},
    {10, CODEC_BLOB, REPLY(wrapped), WIRE_BLOB_MAX},
    {11, CODEC_TEXT, REPLY_TEXT(key_version)},
    {12, CODEC_SECRET, REPLY(plain), WIRE_SECRET_MAX},
};

/* "LKQ" and "LKR", then the version of the format. */
const struct codec_message codec_request_message = {
    0x01514b4cU, request_fields, sizeof(request_fields) / sizeof(*request_fields)};
const struct codec_message codec_reply_message = {0x01524b4cU, reply_fields,
                                                  sizeof(reply_fields) / sizeof(*reply_fields)};

bool codec_printable(const uint8_t *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (text[i] < 0x20 || text[i] > 0x7e)
                        return false;
        return true;
}

/* Where a field's bytes are and how many; *ret_present says whether it is in the record at all. */
static int field_value(const struct codec_field *field, const void *from, const uint8_t **ret_data,
                       size_t *ret_len, bool *ret_present)
{
        const uint8_t *at = (const uint8_t *)from + field->offset;
        const struct wire_blob *blob;
        const struct secret *secret;

        switch (field->type) {
        case CODEC_NUMBER:
                *ret_data = at;
                *ret_len = field->max;
                *ret_present = true;
                return 0;
        case CODEC_TEXT:
        case CODEC_WORDS:
                *ret_data = at;
                *ret_len = strnlen((const char *)at, field->max + 1);
                *ret_present = true;
                return field->type == CODEC_TEXT && !codec_printable(at, *ret_len) ? -EINVAL : 0;
        case CODEC_BLOB:
                blob = (const struct wire_blob *)(const void *)at;
                *ret_data = blob->data;
                *ret_len = blob->len;
                *ret_present = blob->len > 0;
                return 0;
        case CODEC_SECRET:
                memcpy(&secret, at, sizeof(secret));
                *ret_data = secret ? secret_bytes(secret) : NULL;
                *ret_len = secret ? secret_size(secret) : 0;
                *ret_present = secret != NULL;
                return 0;
        }
        return -EINVAL;
}

static int build(const struct codec_message *message, const void *from, uint32_t mask,
                 uint8_t *data, size_t size, size_t *ret_len)
{
        size_t len = CODEC_HEADER_LEN;

        if (size < len)
                return -EMSGSIZE;
        put_le32(data, message->magic);
        put_le32(data + 4, mask);
        for (size_t i = 0; i < message->count; i++) {
                const struct codec_field *field = &message->fields[i];
                const uint8_t *value;
                size_t value_len;
                bool present;
                int r;

                r = field_value(field, from, &value, &value_len, &present);
                if (r < 0)
                        return r;
                if (!present)
                        continue;
                if (value_len > field->max || size - len < CODEC_FIELD_LEN + value_len)
                        return -EMSGSIZE;
                data[len] = (uint8_t)field->tag;
                data[len + 1] = (uint8_t)(field->tag >> 8);
                put_le32(data + len + 2, (uint32_t)value_len);
                len += CODEC_FIELD_LEN;
                if (field->type == CODEC_NUMBER) {
                        uint32_t number;

                        memcpy(&number, value, sizeof(number));
                        put_le32(data + len, number);
                } else {
                        memcpy(data + len, value, value_len);
                }
                len += value_len;
        }
        *ret_len = len;
        return 0;
}

static uint32_t mask_of(const struct wire_request *request)
{
        uint32_t mask = 0;

        for (unsigned int i = 0; i < WIRE_FD_COUNT; i++)
                if (request->fds[i] >= 0)
                        mask |= 1U << i;
        return mask;
}

bool codec_request_valid(const struct wire_request *request)
{
        if (request->timeout_ms < 1 || request->timeout_ms > TIMEOUT_MAX_MS)
                return false;
        switch (request->op) {
        case WIRE_WRAP: return request->plain && request->wrapped.len == 0;
        case WIRE_UNWRAP: return !request->plain && request->wrapped.len > 0;
        }
        return false;
}

int codec_request(const struct wire_request *request, uint8_t *data, size_t size, size_t *ret_len)
{
        size_t len;
        int r;

        r = build(&codec_request_message, request, mask_of(request), data, size, &len);
        if (r < 0)
                return r;
        if (!codec_request_valid(request))
                return -EINVAL;
        *ret_len = len;
        return 0;
}

int codec_reply(const struct wire_reply *reply, uint8_t *data, size_t size, size_t *ret_len)
{
        return build(&codec_reply_message, reply, 0, data, size, ret_len);
}
