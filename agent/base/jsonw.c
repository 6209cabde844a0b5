/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The JSON writer. It writes into the caller's buffer and nowhere else, so that a secret that is
 * written in base64 exists in that buffer only. The first error sticks. */

#include "base/bytes.h"
#include "base/json.h"
#include "base/utf8.h"

static void fail(struct jsonw *w, int error)
{
        if (w->error == 0)
                w->error = error;
}

/* A byte more than len must fit: the final NUL always has its place. */
static void put(struct jsonw *w, const char *text, size_t len)
{
        if (w->error != 0)
                return;
        if (len >= w->size - w->len) {
                fail(w, -ENOBUFS);
                return;
        }
        memcpy(w->buf + w->len, text, len);
        w->len += len;
}

static void put_point(struct jsonw *w, uint32_t point)
{
        char text[8];

        if (point == '"' || point == '\\') {
                put(w, (const char[]){'\\', (char)point}, 2);
        } else if (point < 0x20 || point == 0x7f) {
                (void)snprintf(text, sizeof(text), "\\u%04x", (unsigned int)point);
                put(w, text, 6);
        } else {
                put(w, text, utf8_encode(point, text));
        }
}

static void put_quoted(struct jsonw *w, const char *text)
{
        const char *end = text + strlen(text);

        put(w, "\"", 1);
        while (text < end && w->error == 0) {
                uint32_t point = '?';
                size_t n = utf8_decode(text, end, &point);

                put_point(w, point);
                text += n > 0 ? n : 1;
        }
        put(w, "\"", 1);
}

static bool in_object(const struct jsonw *w)
{
        return w->depth > 0 && (w->objects >> w->depth & 1);
}

/* What stands before each value: the comma, and the key where one belongs. */
static void begin_value(struct jsonw *w, const char *key)
{
        if ((key != NULL) != in_object(w) || (w->depth == 0 && w->len > 0))
                fail(w, -EINVAL);
        if (w->comma)
                put(w, ",", 1);
        if (key && w->error == 0) {
                put_quoted(w, key);
                put(w, ":", 1);
        }
        w->comma = true;
}

static void open_container(struct jsonw *w, const char *key, bool object)
{
        begin_value(w, key);
        if (w->depth == JSON_DEPTH_MAX)
                fail(w, -EINVAL);
        if (w->error != 0)
                return;
        put(w, object ? "{" : "[", 1);
        w->depth++;
        w->objects = (w->objects & ~(1U << w->depth)) | (uint32_t)object << w->depth;
        w->comma = false;
}

static void close_container(struct jsonw *w, bool object)
{
        if (w->depth == 0 || in_object(w) != object)
                fail(w, -EINVAL);
        if (w->error != 0)
                return;
        put(w, object ? "}" : "]", 1);
        w->depth--;
        w->comma = true;
}

void jsonw_init(struct jsonw *w, char *buf, size_t size)
{
        *w = (struct jsonw){.buf = buf, .size = size, .error = size > 0 ? 0 : -ENOBUFS};
}

void jsonw_object(struct jsonw *w, const char *key)
{
        open_container(w, key, true);
}

void jsonw_object_end(struct jsonw *w)
{
        close_container(w, true);
}

void jsonw_array(struct jsonw *w, const char *key)
{
        open_container(w, key, false);
}

void jsonw_array_end(struct jsonw *w)
{
        close_container(w, false);
}

void jsonw_string(struct jsonw *w, const char *key, const char *value)
{
        begin_value(w, key);
        put_quoted(w, value);
}

void jsonw_uint64(struct jsonw *w, const char *key, uint64_t value)
{
        char text[24];

        begin_value(w, key);
        put(w, text, (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)value));
}

void jsonw_bool(struct jsonw *w, const char *key, bool value)
{
        begin_value(w, key);
        put(w, value ? "true" : "false", value ? 4 : 5);
}

void jsonw_base64(struct jsonw *w, const char *key, const void *data, size_t len)
{
        begin_value(w, key);
        put(w, "\"", 1);
        if (w->error == 0 && (len > w->size || BASE64_LEN(len) >= w->size - w->len))
                fail(w, -ENOBUFS);
        if (w->error == 0) {
                base64_encode(data, len, w->buf + w->len);
                w->len += BASE64_LEN(len);
        }
        put(w, "\"", 1);
}

int jsonw_end(struct jsonw *w, size_t *ret_len)
{
        if (w->depth > 0 || w->len == 0)
                fail(w, -EINVAL);
        if (w->error != 0) {
                if (w->size > 0)
                        explicit_bzero(w->buf, w->size);
                return w->error;
        }
        w->buf[w->len] = '\0';
        *ret_len = w->len;
        return 0;
}
