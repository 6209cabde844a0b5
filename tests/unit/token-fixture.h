/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One token and one header binding for the tests of agent/token. */

#include "unit.h"

#include "token/token.h"

#define URI  "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#define UUID "0b0f4f5c-9b1c-4f0e-8d57-0f0e4b2b7a11"

static inline void fill_token(struct token *t)
{
        *t = (struct token){.keyslot = 1, .generation = 3, .policy = TOKEN_POLICY};
        strcpy(t->role, "persistence");
        assert_int_equal(keyuri_parse(URI, &t->key, NULL), 0);
        strcpy(t->key_version, "v7");
        strcpy(t->created, "2026-01-02T03:04:05Z");
        t->wrapped.len = 200;
        memset(t->wrapped.data, 0xb7, 200);
        t->probe.len = 184;
        memset(t->probe.data, 0x5e, 184);
        memset(t->mac, 0xac, sizeof(t->mac));
}

static inline void fill_binding(struct token_binding *b)
{
        *b = (struct token_binding){.uuid = UUID,
                                    .segment_type = "crypt",
                                    .segment_offset = "16777216",
                                    .segment_size = "dynamic",
                                    .segment_iv_tweak = "0",
                                    .segment_encryption = "aes-xts-plain64",
                                    .segment_sector_size = "4096",
                                    .digest_type = "pbkdf2",
                                    .digest_hash = "sha256",
                                    .digest_iterations = "1000",
                                    .digest_salt = "c2FsdA==",
                                    .digest_value = "ZGlnZXN0"};
}

static inline int parse_token(const char *text, struct token *ret, struct diag *diag)
{
        CLEANUP_JSON struct json_doc *doc = NULL;

        ROW_ASSERT(json_parse(text, strlen(text), &doc, NULL) == 0, text);
        return token_parse(json_root(doc), ret, diag);
}

/* The text with one part of it, which is in it once, exchanged. The caller frees it. */
static inline char *exchanged(const char *text, const char *part, const char *by)
{
        const char *at = strstr(text, part);
        const size_t size = strlen(text) + strlen(by) + 1;
        char *ret = malloc(size);

        assert_non_null(ret);
        ROW_ASSERT(at && !strstr(at + 1, part), part);
        (void)snprintf(ret, size, "%.*s%s%s", (int)(at - text), text, by, at + strlen(part));
        return ret;
}
