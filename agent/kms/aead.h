/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* AES-256-GCM by libcrypto, in the one shape that this project uses: a random 96-bit nonce for
 * each message, the whole 128-bit tag. */

#include <stddef.h>
#include <stdint.h>

enum { AEAD_KEY_SIZE = 32, AEAD_NONCE_SIZE = 12, AEAD_TAG_SIZE = 16 };

/* Encrypts len bytes; out gets len bytes and may be the same memory as plain. The caller must
 * never use a nonce twice under one key. Returns 0, -EINVAL (a length over INT_MAX), -EIO. */
int aead_seal(const uint8_t key[AEAD_KEY_SIZE], const uint8_t nonce[AEAD_NONCE_SIZE],
              const void *aad, size_t aad_len, const void *plain, size_t len, void *out,
              uint8_t ret_tag[AEAD_TAG_SIZE]);

/* Decrypts len bytes into out (may be the same memory).
 * Returns 0; AEAD_E_TAG if key, nonce, aad, ciphertext or tag do not belong together, and then, as
 * after -EIO, out holds zeroes; -EINVAL (a length over INT_MAX). */
enum { AEAD_E_TAG = 1 };
int aead_open(const uint8_t key[AEAD_KEY_SIZE], const uint8_t nonce[AEAD_NONCE_SIZE],
              const void *aad, size_t aad_len, const void *cipher, size_t len,
              const uint8_t tag[AEAD_TAG_SIZE], void *out);
