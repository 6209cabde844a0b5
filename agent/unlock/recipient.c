/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A new recipient, before anything of it is in a header: wrapped, unwrapped again, compared. */

#include "unlock/unlock.h"

#include <time.h>

static void stamp(char *buf, size_t size)
{
        const time_t now = time(NULL);
        struct tm tm;

        (void)gmtime_r(&now, &tm);
        (void)strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* The probe's plaintext is never needed again: that it unwraps is the whole answer. */
static int wrap_probe(struct unlock *u, const struct key_config *key, struct kms_context *context,
                      struct token *token)
{
        struct secret *nonce CLEANUP_SECRET = NULL;
        char version[128];

        (void)snprintf(context->use, sizeof(context->use), "probe");
        if (secret_random(TOKEN_PROBE_SIZE, &nonce) < 0)
                return EXIT_ENVIRONMENT;
        return unlock_wrap(u, key, context, nonce, &token->probe, version);
}

int unlock_make_recipient(struct unlock *u, const struct key_config *key, const char *uuid,
                          uint64_t generation, struct token *ret_token, struct secret **ret_secret)
{
        struct secret *secret CLEANUP_SECRET = NULL, *again CLEANUP_SECRET = NULL;
        struct token token = {.key = key->uri, .generation = generation, .policy = TOKEN_POLICY};
        struct token_binding binding = {.uuid = ""};
        struct kms_context context;
        int code;

        (void)snprintf(binding.uuid, sizeof(binding.uuid), "%s", uuid);
        (void)snprintf(token.role, sizeof(token.role), "%s", u->volume->role);
        stamp(token.created, sizeof(token.created));
        token_context(&binding, token.role, "keyslot", &context);
        if (secret_random(TOKEN_SECRET_SIZE, &secret) < 0)
                return EXIT_ENVIRONMENT;
        code = unlock_wrap(u, key, &context, secret, &token.wrapped, token.key_version);
        if (code == EXIT_OK)
                code = unlock_unwrap(u, key, &context, &token.wrapped, &again);
        if (code != EXIT_OK)
                return code;
        if (!secret_equal(secret, again)) {
                (void)diag_refuse(
                    &u->diag, 0, "wrap-compare",
                    "the KMS unwrapped other bytes than it had wrapped; nothing was written");
                return EXIT_VERDICT + VERDICT_TAMPERED;
        }
        code = wrap_probe(u, key, &context, &token);
        if (code != EXIT_OK)
                return code;
        *ret_token = token;
        *ret_secret = TAKE_PTR(secret);
        return EXIT_OK;
}
