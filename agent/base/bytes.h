/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Base64 (RFC 4648 section 4, strict) and hex, into buffers of the caller's; table-free, so that
 * the time does not depend on secret bytes. */

#include <stddef.h>
#include <stdint.h>

#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_LEN(len) characters and a NUL to out, which must have room for them. */
void base64_encode(const void *data, size_t len, char *out);

/* Decodes len characters; refuses white space, missing or superfluous padding, non-zero tail bits.
 * out may be the same memory as text. Returns 0, -EINVAL, or -ENOBUFS if more than size bytes. */
int base64_decode(const char *text, size_t len, void *out, size_t size, size_t *ret_len);

/* Writes 2 * len lower-case digits and a NUL. */
void hex_encode(const void *data, size_t len, char *out);

static inline void put_le32(uint8_t *p, uint32_t v)
{
        for (int i = 0; i < 4; i++)
                p[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t get_be(const uint8_t *p, size_t n)
{
        uint64_t v = 0;

        for (size_t i = 0; i < n; i++)
                v = v << 8 | p[i];
        return v;
}
