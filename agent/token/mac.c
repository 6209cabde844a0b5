/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The only key derivation of the privileged side. Trusts libcrypto; keeps nothing. */

#include "token/mac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

int mac_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                    uint8_t ret[MAC_SIZE])
{
        uint8_t out[MAC_SIZE];
        size_t out_len = 0;

        /* libcrypto takes a NULL key as "reuse the last one" */
        if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key_len > 0 ? key : "", key_len, data,
                       len, out, sizeof(out), &out_len) ||
            out_len != MAC_SIZE)
                return -EIO;
        memcpy(ret, out, MAC_SIZE);
        return 0;
}

static void kdf_ctx_freep(EVP_KDF_CTX **p)
{
        EVP_KDF_CTX_free(*p);
}

int mac_hkdf_sha256(const struct secret *secret, const void *salt, size_t salt_len,
                    const void *info, size_t info_len, size_t size, struct secret **ret)
{
        EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
        EVP_KDF_CTX *ctx CLEANUP(kdf_ctx_freep) = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
        struct secret *out CLEANUP_SECRET = NULL;
        int r;

        EVP_KDF_free(kdf);
        if (!ctx)
                return -EIO;
        r = secret_new(size, &out);
        if (r < 0)
                return r;

        /* OSSL_PARAM has no const; the KDF only reads these. */
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
            OSSL_PARAM_construct_octet_string(
                OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret_bytes(secret), secret_size(secret)),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt,
                                              salt_len),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info,
                                              info_len),
            OSSL_PARAM_construct_end(),
        };
        if (EVP_KDF_derive(ctx, secret_data(out), size, params) <= 0)
                return -EIO;
        *ret = TAKE_PTR(out);
        return 0;
}
