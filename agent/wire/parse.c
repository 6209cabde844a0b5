/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bytes of a record to a message. They are trusted no more than the network: every length is
 * checked against what is left and against the field's own maximum before anything is copied.
 * Whether the fields make sense together is asked when the secret is there too. */

#include "wire/codec.h"

static uint32_t get_le32(const uint8_t *p)
{
        return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int store_text(const struct codec_field *field, const uint8_t *value, size_t len, char *to)
{
        char text[WIRE_TEXT_MAX] = "";

        if (len >= sizeof(text) || memchr(value, '\0', len))
                return -EBADMSG;
        if (field->type == CODEC_TEXT && !codec_printable(value, len))
                return -EBADMSG;
        memcpy(text, value, len);
        text[len] = '\0';
        diag_text(to, field->max + 1, text);
        return 0;
}

static int get_number(const uint8_t *value, size_t len, uint32_t *ret)
{
        if (len != sizeof(*ret))
                return -EBADMSG;
        *ret = get_le32(value);
        return 0;
}

static int store(const struct codec_field *field, const uint8_t *value, size_t len, void *into,
                 struct codec_beside *beside)
{
        uint8_t *to = (uint8_t *)into + field->offset;
        struct wire_blob *blob;
        uint32_t number;

        if (len > field->max)
                return -EBADMSG;
        switch (field->type) {
        case CODEC_NUMBER:
                if (get_number(value, len, &number) < 0)
                        return -EBADMSG;
                memcpy(to, &number, sizeof(number));
                return 0;
        case CODEC_TEXT:
        case CODEC_WORDS: return store_text(field, value, len, (char *)to);
        case CODEC_BLOB:
                blob = (struct wire_blob *)(void *)to;
                memcpy(blob->data, value, len);
                blob->len = len;
                return len > 0 ? 0 : -EBADMSG;
        case CODEC_SECRET:
                if (get_number(value, len, &number) < 0 || number == 0 || number > WIRE_SECRET_MAX)
                        return -EBADMSG;
                beside->secret_size = number;
                return 0;
        }
        return -EBADMSG;
}

/* Fills *into and *beside, which the caller initialised. */
static int parse(const struct codec_message *message, const uint8_t *data, size_t len, void *into,
                 struct codec_beside *beside)
{
        uint32_t seen = 0;

        if (len < CODEC_HEADER_LEN || get_le32(data) != message->magic)
                return -EBADMSG;
        for (size_t at = CODEC_HEADER_LEN; at < len;) {
                size_t value_len, i = 0;
                uint16_t tag;
                int r;

                if (len - at < CODEC_FIELD_LEN)
                        return -EBADMSG;
                tag = (uint16_t)(data[at] | data[at + 1] << 8);
                value_len = get_le32(data + at + 2);
                at += CODEC_FIELD_LEN;
                while (i < message->count && message->fields[i].tag != tag)
                        i++;
                if (i == message->count || seen & 1U << i || value_len > len - at)
                        return -EBADMSG;
                seen |= 1U << i;
                r = store(&message->fields[i], data + at, value_len, into, beside);
                if (r < 0)
                        return r;
                at += value_len;
        }
        for (size_t i = 0; i < message->count; i++)
                if (!(seen & 1U << i) && message->fields[i].type < CODEC_BLOB)
                        return -EBADMSG;
        beside->mask = get_le32(data + 4);
        return 0;
}

int codec_parse_request(const uint8_t *data, size_t len, struct wire_request *ret,
                        struct codec_beside *ret_beside)
{
        struct codec_beside beside = {.secret_size = 0};
        struct wire_request request;
        int r;

        wire_request_init(&request);
        r = parse(&codec_request_message, data, len, &request, &beside);
        if (r < 0)
                return r;
        *ret = request;
        *ret_beside = beside;
        return 0;
}

int codec_parse_reply(const uint8_t *data, size_t len, struct wire_reply *ret,
                      struct codec_beside *ret_beside)
{
        struct codec_beside beside = {.secret_size = 0};
        struct wire_reply reply = {.plain = NULL};
        int r;

        r = parse(&codec_reply_message, data, len, &reply, &beside);
        if (r < 0)
                return r;
        *ret = reply;
        *ret_beside = beside;
        return 0;
}
