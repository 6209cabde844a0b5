/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The cipher behind platform:file. Trusts libcrypto; keeps nothing, and gives out no plaintext
 * whose tag did not verify. */

#include "kms/aead.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

/* The steps that sealing and opening have in common; the tag is the caller's business. */
static int aead_run(EVP_CIPHER_CTX *ctx, int encrypt, const uint8_t *key, const uint8_t *nonce,
                    const void *aad, size_t aad_len, const void *in, size_t len, void *out)
{
        int n;

        if (!EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, encrypt, NULL))
                return -EIO;
        if (aad_len > 0 && !EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_len))
                return -EIO;
        if (len > 0 && (!EVP_CipherUpdate(ctx, out, &n, in, (int)len) || n != (int)len))
                return -EIO;
        return 0;
}

int aead_seal(const uint8_t key[AEAD_KEY_SIZE], const uint8_t nonce[AEAD_NONCE_SIZE],
              const void *aad, size_t aad_len, const void *plain, size_t len, void *out,
              uint8_t ret_tag[AEAD_TAG_SIZE])
{
        EVP_CIPHER_CTX *ctx CLEANUP(EVP_CIPHER_CTX_freep) = EVP_CIPHER_CTX_new();
        uint8_t none[AEAD_TAG_SIZE];
        int n;

        if (aad_len > INT_MAX || len > INT_MAX)
                return -EINVAL;
        if (!ctx || aead_run(ctx, 1, key, nonce, aad, aad_len, plain, len, out) < 0)
                return -EIO;
        if (!EVP_CipherFinal_ex(ctx, none, &n) ||
            !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, ret_tag))
                return -EIO;
        return 0;
}

int aead_open(const uint8_t key[AEAD_KEY_SIZE], const uint8_t nonce[AEAD_NONCE_SIZE],
              const void *aad, size_t aad_len, const void *cipher, size_t len,
              const uint8_t tag[AEAD_TAG_SIZE], void *out)
{
        EVP_CIPHER_CTX *ctx CLEANUP(EVP_CIPHER_CTX_freep) = EVP_CIPHER_CTX_new();
        uint8_t expected[AEAD_TAG_SIZE], none[AEAD_TAG_SIZE];
        int r, n;

        if (aad_len > INT_MAX || len > INT_MAX)
                return -EINVAL;
        memcpy(expected, tag, sizeof(expected));
        r = ctx ? aead_run(ctx, 0, key, nonce, aad, aad_len, cipher, len, out) : -EIO;
        if (r == 0 && !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, expected))
                r = -EIO;
        if (r == 0 && EVP_CipherFinal_ex(ctx, none, &n) <= 0)
                r = AEAD_E_TAG;
        if (r != 0 && len > 0)
                explicit_bzero(out, len);
        return r;
}
