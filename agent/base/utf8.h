/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* UTF-8, one code point at a time, for the JSON reader and writer. */

#include <stddef.h>
#include <stdint.h>

enum { UTF8_MAX = 4 };

/* Decodes the code point at p, before end. Returns its length in bytes, 0 if it is no UTF-8:
 * overlong, a surrogate, beyond U+10FFFF, or cut off. */
static inline size_t utf8_decode(const char *p, const char *end, uint32_t *ret)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        uint8_t lead = (uint8_t)*p;
        size_t len = lead < 0x80       ? 1
                     : lead >> 5 == 6  ? 2
                     : lead >> 4 == 14 ? 3
                     : lead >> 3 == 30 ? 4
                                       : 0;
        uint32_t v = len == 1 ? lead : lead & (0x7fU >> len);

        if (len == 0 || (size_t)(end - p) < len)
                return 0;
        for (size_t i = 1; i < len; i++) {
                uint8_t c = (uint8_t)p[i];

                if (c >> 6 != 2)
                        return 0;
                v = v << 6 | (c & 0x3f);
        }
        if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
                return 0;
        *ret = v;
        return len;
}

/* Encodes a valid code point; returns the length. */
static inline size_t utf8_encode(uint32_t v, char out[UTF8_MAX])
{
        size_t len = v < 0x80 ? 1 : v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;

        for (size_t i = len; i-- > 1; v >>= 6)
                out[i] = (char)(0x80 | (v & 0x3f));
        out[0] = (char)(len == 1 ? v : (0xf00U >> len & 0xff) | v);
        return len;
}
