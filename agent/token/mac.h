/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869), by libcrypto. */

#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"

enum { MAC_SIZE = 32 };

/* 0 or -EIO. */
int mac_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                    uint8_t ret[MAC_SIZE]);

/* Derives size bytes from secret into a new secret of the caller's. 0, -ENOMEM, -EIO. */
int mac_hkdf_sha256(const struct secret *secret, const void *salt, size_t salt_len,
                    const void *info, size_t info_len, size_t size, struct secret **ret);
