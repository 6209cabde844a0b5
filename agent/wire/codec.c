/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records as bytes: the tables that say which fields a message has, where they live and how long
 * they may be, and the building of a record. parse.c walks the same tables, so that the two sides
 * cannot disagree. What is built comes from our own side, which may still hold over-long fields. */

#include "wire/codec.h"

#include "base/bytes.h"
#include "base/verdict.h"

enum { TIMEOUT_MAX_MS = 600000, HTTP_STATUS_MAX = 999 };

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
    {10, CODEC_SECRET, REQUEST(plain), sizeof(uint32_t)},
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
    {12, CODEC_SECRET, REPLY(plain), sizeof(uint32_t)},
};

/* "LKQ" and "LKR", then the version of the format. */
const struct codec_message codec_request_message = {
    0x02514b4cU, request_fields, sizeof(request_fields) / sizeof(*request_fields)};
const struct codec_message codec_reply_message = {0x02524b4cU, reply_fields,
                                                  sizeof(reply_fields) / sizeof(*reply_fields)};

bool codec_printable(const uint8_t *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (text[i] < 0x20 || text[i] > 0x7e)
                        return false;
        return true;
}

/* A field as build() puts it into the record. */
struct value {
        const uint8_t *data; /* NULL: the number */
        size_t len;
        uint32_t number;
        bool present;
};

static int secret_value(const struct secret *secret, struct value *ret)
{
        *ret = (struct value){.len = sizeof(uint32_t), .present = secret != NULL};
        if (!secret)
                return 0;
        if (secret_size(secret) > WIRE_SECRET_MAX)
                return -EMSGSIZE;
        ret->number = (uint32_t)secret_size(secret);
        return ret->number > 0 ? 0 : -EINVAL;
}

static int field_value(const struct codec_field *field, const void *from, struct value *ret)
{
        const uint8_t *at = (const uint8_t *)from + field->offset;
        const struct wire_blob *blob;
        const struct secret *secret;

        switch (field->type) {
        case CODEC_NUMBER:
                *ret = (struct value){.len = sizeof(uint32_t), .present = true};
                memcpy(&ret->number, at, sizeof(ret->number));
                return 0;
        case CODEC_TEXT:
        case CODEC_WORDS:
                *ret = (struct value){.data = at, .present = true};
                ret->len = strnlen((const char *)at, field->max + 1);
                return field->type == CODEC_TEXT && !codec_printable(at, ret->len) ? -EINVAL : 0;
        case CODEC_BLOB:
                blob = (const struct wire_blob *)(const void *)at;
                *ret =
                    (struct value){.data = blob->data, .len = blob->len, .present = blob->len > 0};
                return 0;
        case CODEC_SECRET: memcpy(&secret, at, sizeof(secret)); return secret_value(secret, ret);
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
                struct value value;
                int r;

                r = field_value(field, from, &value);
                if (r < 0)
                        return r;
                if (!value.present)
                        continue;
                if (value.len > field->max || size - len < CODEC_FIELD_LEN + value.len)
                        return -EMSGSIZE;
                data[len] = (uint8_t)field->tag;
                data[len + 1] = (uint8_t)(field->tag >> 8);
                put_le32(data + len + 2, (uint32_t)value.len);
                len += CODEC_FIELD_LEN;
                if (value.data)
                        memcpy(data + len, value.data, value.len);
                else
                        put_le32(data + len, value.number);
                len += value.len;
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

bool codec_reply_valid(const struct wire_reply *reply)
{
        if (reply->verdict < 0 || reply->verdict > VERDICT_MAX_ || reply->diag.http_status < 0 ||
            reply->diag.http_status > HTTP_STATUS_MAX)
                return false;
        return reply->verdict == VERDICT_GRANTED ? !reply->plain != !reply->wrapped.len
                                                 : !reply->plain && reply->wrapped.len == 0;
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
