/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: header read -> [token] -> KMS. Parses hostile JSON into a fixed struct and back, derives
 * from the unwrapped secret, and tells by MAC whether the header is the one that was enrolled.
 * Never talks to disk or network. */

#include "token/token.h"

#include <inttypes.h>

#include "base/bytes.h"

static const char *const roles[] = {"os", "persistence", "backup", "temp"};

int token_role_valid(const char *role)
{
        for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
                if (strcmp(role, roles[i]) == 0)
                        return 1;
        return 0;
}

static int refuse(struct diag *diag, const char *field, const char *expected)
{
        return diag_refuse(diag, TOKEN_E_FORMAT, "token-format",
                           "the token's field \"%s\" is not %s", field, expected);
}

static int parse_blob(const struct json_node *node, struct token_blob *ret)
{
        const char *text;
        size_t len;

        if (json_raw_string(node, &text, &len) != 0 ||
            base64_decode(text, len, ret->data, sizeof(ret->data), &ret->len) != 0 || ret->len == 0)
                return -EINVAL;
        return 0;
}

static int parse_mac(const struct json_node *node, uint8_t ret[MAC_SIZE])
{
        const char *text;
        size_t len, mac_len;

        if (json_raw_string(node, &text, &len) != 0 ||
            base64_decode(text, len, ret, MAC_SIZE, &mac_len) != 0 || mac_len != MAC_SIZE)
                return -EINVAL;
        return 0;
}

/* Exactly one keyslot, "0" to "31". */
static int parse_keyslot(const struct json_node *keyslots, int *ret)
{
        uint64_t slot;

        if (!keyslots || json_type(keyslots) != JSON_ARRAY || json_count(keyslots) != 1 ||
            json_string_uint64(json_first(keyslots), &slot) != 0 || slot > 31)
                return -EINVAL;
        *ret = (int)slot;
        return 0;
}

static int refuse_unknown_fields(const struct json_node *object, struct diag *diag)
{
        static const char *const known[] = {"type",   "keyslots", "version",     "role",
                                            "key",    "wrapped",  "key_version", "probe",
                                            "policy", "created",  "generation",  "mac"};
        const size_t count = sizeof(known) / sizeof(known[0]);

        for (const struct json_node *m = json_first(object); m; m = json_next(m)) {
                char key[32];
                size_t i = count;

                if (json_key(m, key, sizeof(key)) == 0)
                        for (i = 0; i < count && strcmp(key, known[i]) != 0; i++)
                                ;
                if (i == count)
                        return diag_refuse(diag, TOKEN_E_FORMAT, "token-format",
                                           "the token has a field that version 1 does not know");
        }
        return 0;
}

int token_parse(const struct json_node *node, struct token *ret, struct diag *diag)
{
        struct token t = {.keyslot = -1};
        char uri[KEYURI_MAX];
        uint64_t version;

        if (!node || json_type(node) != JSON_OBJECT ||
            !json_string_is(json_get(node, "type"), TOKEN_TYPE))
                return refuse(diag, "type", "\"" TOKEN_TYPE "\"");
        if (json_uint64(json_get(node, "version"), &version) != 0 || version != TOKEN_VERSION)
                return refuse(diag, "version", "1: a newer luks-kms wrote it, or it is damaged");
        if (refuse_unknown_fields(node, diag) != 0)
                return TOKEN_E_FORMAT;
        if (parse_keyslot(json_get(node, "keyslots"), &t.keyslot) != 0)
                return refuse(diag, "keyslots", "a list of one keyslot");
        if (json_string(json_get(node, "role"), t.role, sizeof(t.role)) != 0 ||
            !token_role_valid(t.role))
                return refuse(diag, "role", "os, persistence, backup or temp");
        if (json_string(json_get(node, "key"), uri, sizeof(uri)) != 0 ||
            keyuri_parse(uri, &t.key, NULL) != 0)
                return refuse(diag, "key", "a key URI");
        if (json_string(json_get(node, "key_version"), t.key_version, sizeof(t.key_version)) != 0)
                return refuse(diag, "key_version", "a short string");
        if (parse_blob(json_get(node, "wrapped"), &t.wrapped) != 0)
                return refuse(diag, "wrapped", "base64 of at most 6144 bytes");
        if (parse_blob(json_get(node, "probe"), &t.probe) != 0)
                return refuse(diag, "probe", "base64 of at most 6144 bytes");
        if (json_uint64(json_get(node, "generation"), &t.generation) != 0 || t.generation == 0)
                return refuse(diag, "generation", "a positive integer");
        if (json_uint64(json_get(node, "policy"), &t.policy) != 0 || t.policy != TOKEN_POLICY)
                return refuse(diag, "policy", "1");
        if (json_string(json_get(node, "created"), t.created, sizeof(t.created)) != 0)
                return refuse(diag, "created", "a time stamp");
        if (parse_mac(json_get(node, "mac"), t.mac) != 0)
                return refuse(diag, "mac", "base64 of 32 bytes");
        *ret = t;
        return 0;
}

int token_write(const struct token *token, char *buf, size_t size)
{
        struct jsonw w;
        char slot[12];
        size_t len;

        (void)snprintf(slot, sizeof(slot), "%d", token->keyslot);
        jsonw_init(&w, buf, size);
        jsonw_object(&w, NULL);
        jsonw_string(&w, "type", TOKEN_TYPE);
        jsonw_array(&w, "keyslots");
        jsonw_string(&w, NULL, slot);
        jsonw_array_end(&w);
        jsonw_uint64(&w, "version", TOKEN_VERSION);
        jsonw_string(&w, "role", token->role);
        jsonw_string(&w, "key", token->key.text);
        jsonw_string(&w, "key_version", token->key_version);
        jsonw_base64(&w, "wrapped", token->wrapped.data, token->wrapped.len);
        jsonw_base64(&w, "probe", token->probe.data, token->probe.len);
        jsonw_uint64(&w, "generation", token->generation);
        jsonw_uint64(&w, "policy", token->policy);
        jsonw_string(&w, "created", token->created);
        jsonw_base64(&w, "mac", token->mac, MAC_SIZE);
        jsonw_object_end(&w);
        return jsonw_end(&w, &len);
}

int token_derive(const struct secret *secret, const char *uuid, struct secret **ret_passphrase,
                 struct secret **ret_mac_key)
{
        static const char info_keyslot[] = "luks-kms v1 keyslot",
                          info_mac[] = "luks-kms v1 header-mac";
        struct secret *passphrase CLEANUP_SECRET = NULL, *mac_key CLEANUP_SECRET = NULL;
        int r;

        r = mac_hkdf_sha256(secret, uuid, strlen(uuid), info_keyslot, sizeof(info_keyslot) - 1,
                            TOKEN_PASSPHRASE_SIZE, &passphrase);
        if (r < 0)
                return r;
        r = mac_hkdf_sha256(secret, uuid, strlen(uuid), info_mac, sizeof(info_mac) - 1, MAC_SIZE,
                            &mac_key);
        if (r < 0)
                return r;
        *ret_passphrase = TAKE_PTR(passphrase);
        *ret_mac_key = TAKE_PTR(mac_key);
        return 0;
}

/* Canonical form: each name and value with its length in front, so that no two headers share one
 * encoding. */
struct canonical {
        uint8_t data[2 * TOKEN_WRAPPED_MAX + 4096];
        size_t len;
        int overflow;
};

static void put(struct canonical *c, const void *data, size_t len)
{
        if (c->overflow || len + 4 > sizeof(c->data) - c->len) {
                c->overflow = 1;
                return;
        }
        put_le32(c->data + c->len, (uint32_t)len);
        memcpy(c->data + c->len + 4, data, len);
        c->len += 4 + len;
}

static void put_field(struct canonical *c, const char *name, const void *data, size_t len)
{
        put(c, name, strlen(name));
        put(c, data, len);
}

static void put_text(struct canonical *c, const char *name, const char *value)
{
        put_field(c, name, value, strlen(value));
}

static void put_number(struct canonical *c, const char *name, uint64_t value)
{
        char text[24];

        (void)snprintf(text, sizeof(text), "%" PRIu64, value);
        put_text(c, name, text);
}

static void put_binding(struct canonical *c, const struct token_binding *b)
{
        put_text(c, "uuid", b->uuid);
        put_text(c, "segment.type", b->segment_type);
        put_text(c, "segment.offset", b->segment_offset);
        put_text(c, "segment.size", b->segment_size);
        put_text(c, "segment.iv_tweak", b->segment_iv_tweak);
        put_text(c, "segment.encryption", b->segment_encryption);
        put_text(c, "segment.sector_size", b->segment_sector_size);
        put_text(c, "digest.type", b->digest_type);
        put_text(c, "digest.hash", b->digest_hash);
        put_text(c, "digest.iterations", b->digest_iterations);
        put_text(c, "digest.salt", b->digest_salt);
        put_text(c, "digest.digest", b->digest_value);
}

int token_mac(const struct secret *mac_key, const struct token_binding *binding,
              const struct token *token, uint8_t ret[MAC_SIZE])
{
        struct canonical *c CLEANUP_FREE = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        put_text(c, "luks-kms", "header-mac v1");
        put_binding(c, binding);
        put_number(c, "token.version", TOKEN_VERSION);
        put_text(c, "token.role", token->role);
        put_text(c, "token.key", token->key.text);
        put_text(c, "token.key_version", token->key_version);
        put_field(c, "token.wrapped", token->wrapped.data, token->wrapped.len);
        put_field(c, "token.probe", token->probe.data, token->probe.len);
        put_number(c, "token.generation", token->generation);
        put_number(c, "token.policy", token->policy);
        put_text(c, "token.created", token->created);
        if (c->overflow)
                return -ENOBUFS;
        return mac_hmac_sha256(secret_bytes(mac_key), secret_size(mac_key), c->data, c->len, ret);
}

int token_mac_verify(const struct secret *mac_key, const struct token_binding *binding,
                     const struct token *token, struct diag *diag)
{
        uint8_t mac[MAC_SIZE], differ = 0;
        int r;

        r = token_mac(mac_key, binding, token, mac);
        if (r < 0)
                return diag_fail(diag, r, "cannot compute the header MAC");
        for (size_t i = 0; i < MAC_SIZE; i++)
                differ |= (uint8_t)(mac[i] ^ token->mac[i]);
        if (differ) {
                (void)diag_refuse(
                    diag, TOKEN_E_MAC, "header-mac",
                    "the header is not the one that was enrolled: its MAC does not verify");
                diag_advise(diag, "compare with a header backup; the data are untouched");
                return TOKEN_E_MAC;
        }
        return 0;
}

void token_context(const struct token_binding *binding, const char *role, const char *use,
                   struct kms_context *ret)
{
        (void)snprintf(ret->uuid, sizeof(ret->uuid), "%s", binding->uuid);
        (void)snprintf(ret->role, sizeof(ret->role), "%s", role);
        (void)snprintf(ret->use, sizeof(ret->use), "%s", use);
}
