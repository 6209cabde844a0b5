/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Looking values up in a parsed document and decoding strings. The parser has accepted all text
 * that is decoded here, with the same json_scan_point(). */

#include "base/jsonnode.h"
#include "base/utf8.h"

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

/* The four digits of \uXXXX; false if there are none. */
static bool scan_unit(const char *p, const char *end, uint32_t *ret)
{
        uint32_t v = 0;

        if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
                return false;
        for (int i = 2; i < 6; i++) {
                int digit = hex_value(p[i]);

                if (digit < 0)
                        return false;
                v = v << 4 | (uint32_t)digit;
        }
        *ret = v;
        return true;
}

static const char *scan_unicode(const char **p, const char *end, uint32_t *ret)
{
        uint32_t high, low;

        if (!scan_unit(*p, end, &high))
                return "expected four hexadecimal digits after \\u";
        if (high < 0xd800 || high > 0xdfff) {
                *p += 6;
                *ret = high;
                return NULL;
        }
        if (high > 0xdbff || !scan_unit(*p + 6, end, &low) || low < 0xdc00 || low > 0xdfff)
                return "half of a surrogate pair";
        *p += 12;
        *ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        return NULL;
}

const char *json_scan_point(const char **p, const char *end, uint32_t *ret)
{
        static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
        const char *escape;
        size_t len;

        if ((unsigned char)**p < 0x20)
                return "a control character in a string";
        if (**p != '\\') {
                len = utf8_decode(*p, end, ret);
                *p += len;
                return len > 0 ? NULL : "no valid UTF-8";
        }
        if (end - *p < 2)
                return "the string does not end";
        if ((*p)[1] == 'u')
                return scan_unicode(p, end, ret);
        escape = memchr(escapes, (*p)[1], sizeof(escapes) - 1);
        if (!escape)
                return "an unknown escape";
        *ret = (unsigned char)meanings[escape - escapes];
        *p += 2;
        return NULL;
}

int json_compare_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
        const char *a_end = a + a_len, *b_end = b + b_len;

        while (a < a_end && b < b_end) {
                uint32_t x = 0, y = 0;

                (void)json_scan_point(&a, a_end, &x);
                (void)json_scan_point(&b, b_end, &y);
                if (x != y)
                        return x < y ? -1 : 1;
        }
        return (a < a_end) - (b < b_end);
}

/* true if the inside of a string decodes to exactly text. */
static bool decodes_to(const char *p, size_t len, const char *text)
{
        const char *end = p + len;
        size_t left = strlen(text);

        while (p < end) {
                char bytes[UTF8_MAX];
                uint32_t point = 0;
                size_t n;

                (void)json_scan_point(&p, end, &point);
                n = utf8_encode(point, bytes);
                if (n > left || memcmp(bytes, text, n) != 0)
                        return false;
                text += n;
                left -= n;
        }
        return left == 0;
}

static int decode(const char *p, size_t len, char *buf, size_t size)
{
        const char *end = p + len;
        size_t used = 0;

        if (size == 0)
                return -ENAMETOOLONG;
        while (p < end) {
                char bytes[UTF8_MAX];
                uint32_t point = 0;
                size_t n;

                (void)json_scan_point(&p, end, &point);
                if (point == 0)
                        return -EINVAL;
                n = utf8_encode(point, bytes);
                if (n >= size - used)
                        return -ENAMETOOLONG;
                memcpy(buf + used, bytes, n);
                used += n;
        }
        buf[used] = '\0';
        return 0;
}

const struct json_node *json_root(const struct json_doc *doc)
{
        return doc->nodes;
}

enum json_type json_type(const struct json_node *node)
{
        return node ? node->type : JSON_NULL;
}

const struct json_node *json_get(const struct json_node *object, const char *key)
{
        if (!object || object->type != JSON_OBJECT)
                return NULL;
        for (const struct json_node *m = json_first(object); m; m = json_next(m))
                if (decodes_to(m->key, m->key_len, key))
                        return m;
        return NULL;
}

const struct json_node *json_first(const struct json_node *container)
{
        return container && container->count > 0 ? container + 1 : NULL;
}

const struct json_node *json_next(const struct json_node *node)
{
        return node && !node->last ? node + node->span : NULL;
}

size_t json_count(const struct json_node *container)
{
        return container ? container->count : 0;
}

int json_key(const struct json_node *member, char *buf, size_t size)
{
        return member && member->key ? decode(member->key, member->key_len, buf, size) : -EINVAL;
}

int json_string(const struct json_node *node, char *buf, size_t size)
{
        if (!node || node->type != JSON_STRING)
                return -EINVAL;
        return decode(node->start, node->len, buf, size);
}

int json_raw_string(const struct json_node *node, const char **ret, size_t *ret_len)
{
        if (!node || node->type != JSON_STRING || node->escaped)
                return -EINVAL;
        *ret = node->start;
        *ret_len = node->len;
        return 0;
}

bool json_string_is(const struct json_node *node, const char *text)
{
        return node && node->type == JSON_STRING && decodes_to(node->start, node->len, text);
}

static int decimal(const char *p, size_t len, uint64_t *ret)
{
        uint64_t v = 0;

        if (len == 0 || (len > 1 && p[0] == '0'))
                return -EINVAL;
        for (size_t i = 0; i < len; i++)
                if (p[i] < '0' || p[i] > '9')
                        return -EINVAL;
        for (size_t i = 0; i < len; i++)
                if (__builtin_mul_overflow(v, 10U, &v) ||
                    __builtin_add_overflow(v, (uint64_t)(p[i] - '0'), &v))
                        return -ERANGE;
        *ret = v;
        return 0;
}

int json_uint64(const struct json_node *node, uint64_t *ret)
{
        return node && node->type == JSON_NUMBER ? decimal(node->start, node->len, ret) : -EINVAL;
}

int json_string_uint64(const struct json_node *node, uint64_t *ret)
{
        return node && node->type == JSON_STRING ? decimal(node->start, node->len, ret) : -EINVAL;
}
