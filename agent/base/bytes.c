/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Base64 and hex. Input may be secret or hostile: no tables and no branches on its bytes, only on
 * its length and on whether the whole was well-formed. */

#include "base/bytes.h"

#include <errno.h>

/* All ones if lo <= c <= hi, else 0. */
static unsigned int range_mask(unsigned int c, unsigned int lo, unsigned int hi)
{
        return 0U - (((lo - 1U - c) & (c - hi - 1U)) >> 31);
}

static char sextet_to_char(unsigned int v)
{
        unsigned int c = (range_mask(v, 1, 25) | range_mask(v + 1, 1, 1)) & ('A' + v);

        c |= range_mask(v, 26, 51) & ('a' + v - 26);
        c |= range_mask(v, 52, 61) & ('0' + v - 52);
        c |= range_mask(v, 62, 62) & '+';
        c |= range_mask(v, 63, 63) & '/';
        return (char)c;
}

/* Sets *bad for a character outside the alphabet. */
static unsigned int char_to_sextet(char character, unsigned int *bad)
{
        unsigned int c = (unsigned char)character;
        unsigned int upper = range_mask(c, 'A', 'Z'), lower = range_mask(c, 'a', 'z');
        unsigned int digit = range_mask(c, '0', '9');
        unsigned int plus = range_mask(c, '+', '+'), slash = range_mask(c, '/', '/');

        *bad |= ~(upper | lower | digit | plus | slash);
        return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) | (digit & (c - '0' + 52)) |
               (plus & 62) | (slash & 63);
}

void base64_encode(const void *data, size_t len, char *out)
{
        const uint8_t *in = data;

        for (; len > 0; in += 3) {
                size_t n = len < 3 ? len : 3;
                unsigned int v = (unsigned int)in[0] << 16;

                if (n > 1)
                        v |= (unsigned int)in[1] << 8;
                if (n > 2)
                        v |= in[2];
                *out++ = sextet_to_char(v >> 18);
                *out++ = sextet_to_char(v >> 12 & 63);
                *out++ = n > 1 ? sextet_to_char(v >> 6 & 63) : '=';
                *out++ = n > 2 ? sextet_to_char(v & 63) : '=';
                len -= n;
        }
        *out = '\0';
}

int base64_decode(const char *text, size_t len, void *out, size_t size, size_t *ret_len)
{
        uint8_t *to = out;
        size_t padding = 0, decoded;
        unsigned int bad = 0;

        if (len % 4 != 0)
                return -EINVAL;
        if (len > 0 && text[len - 1] == '=')
                padding = text[len - 2] == '=' ? 2 : 1;
        decoded = len / 4 * 3 - padding;
        if (decoded > size)
                return -ENOBUFS;

        for (size_t i = 0, written = 0; i < len; i += 4) {
                size_t chars = i + 4 == len ? 4 - padding : 4;
                unsigned int v = 0;

                /* All four are read before any is written: out may be text. */
                for (size_t j = 0; j < 4; j++)
                        v = v << 6 | (j < chars ? char_to_sextet(text[i + j], &bad) : 0);
                for (size_t j = 0; j + 1 < chars; j++)
                        to[written++] = (uint8_t)(v >> (16 - 8 * j));
                bad |= v & (chars == 2 ? 0xffff : chars == 3 ? 0xff : 0);
        }
        if (bad)
                return -EINVAL;
        *ret_len = decoded;
        return 0;
}

void hex_encode(const void *data, size_t len, char *out)
{
        const uint8_t *in = data;

        for (size_t i = 0; i < 2 * len; i++) {
                unsigned int v = in[i / 2] >> (i % 2 ? 0 : 4) & 15U;

                *out++ = (char)('0' + v + (range_mask(v, 10, 15) & (unsigned int)('a' - '0' - 10)));
        }
        *out = '\0';
}
