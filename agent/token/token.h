/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Token version 1: what a LUKS2 header says of one recipient (agent/doc/token.md). All of it is the
 * attacker's until token_mac_verify() has said 0. */

#include "base/json.h"
#include "base/secret.h"
#include "token/context.h"
#include "token/keyuri.h"
#include "token/mac.h"

#define TOKEN_TYPE "luks-kms"

enum {
        TOKEN_VERSION = 1,
        TOKEN_POLICY = 1, /* version of the header rules that the volume was made under */
        TOKEN_WRAPPED_MAX = 6144,
        TOKEN_JSON_MAX = 24576,
        TOKEN_SECRET_SIZE = 32, /* keyslot secret */
        TOKEN_PASSPHRASE_SIZE = 32,
        TOKEN_PROBE_SIZE = 16, /* nonce behind the probe */
};

enum { TOKEN_E_FORMAT = 1, TOKEN_E_MAC = 2 };

struct token_blob {
        size_t len;
        uint8_t data[TOKEN_WRAPPED_MAX];
};

struct token {
        int keyslot;
        char role[ROLE_TEXT_MAX];
        struct keyuri key;
        char key_version[128];
        struct token_blob wrapped; /* keyslot secret */
        struct token_blob probe;   /* a nonce: a probe never brings the secret into memory */
        uint64_t generation;       /* counts re-wraps of this recipient, from 1 */
        uint64_t policy;
        char created[32]; /* RFC 3339, UTC */
        uint8_t mac[MAC_SIZE];
};

/* The stable part of the header that a token is bound to, as the header writes it. */
struct token_binding {
        char uuid[UUID_TEXT_MAX];
        char segment_type[16];
        char segment_offset[24];
        char segment_size[24];
        char segment_iv_tweak[24];
        char segment_encryption[64];
        char segment_sector_size[24];
        char digest_type[16];
        char digest_hash[16];
        char digest_iterations[24];
        char digest_salt[192];
        char digest_value[192];
};

/* 1 if role may be a volume's: os, persistence, backup, temp. */
int token_role_valid(const char *role);

/* node: one member of the header's "tokens" object with our type. Exactly the fields of version 1.
 * 0, or TOKEN_E_FORMAT (rule "token-format") with the field named in diag. */
int token_parse(const struct json_node *node, struct token *ret, struct diag *diag);

/* JSON text into buf. Returns 0 or -ENOBUFS. */
int token_write(const struct token *token, char *buf, size_t size);

/* From the keyslot secret: the keyslot's passphrase, and the key of the header MAC.
 * Both belong to the caller. 0, -ENOMEM, -EIO. */
int token_derive(const struct secret *secret, const char *uuid, struct secret **ret_passphrase,
                 struct secret **ret_mac_key);

/* HMAC over binding and token, but mac and keyslots, canonically encoded. 0, -ENOMEM, -EIO. */
int token_mac(const struct secret *mac_key, const struct token_binding *binding,
              const struct token *token, uint8_t ret[MAC_SIZE]);

/* 0 if token->mac is right; TOKEN_E_MAC (rule "header-mac"); -errno. */
int token_mac_verify(const struct secret *mac_key, const struct token_binding *binding,
                     const struct token *token, struct diag *diag);

/* KMS context of this token's secret (use "keyslot") or probe. */
void token_context(const struct token_binding *binding, const char *role, const char *use,
                   struct kms_context *ret);
