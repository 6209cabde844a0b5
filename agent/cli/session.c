/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: [which recipient, by local config] -> KMS unwrap -> [header MAC]. Nothing is sent for a key
 * that the config does not allow. */

#include "cli/session.h"

#include <time.h>

static int uses_env(const struct volume_config *volume)
{
        for (size_t i = 0; i < volume->key_count; i++)
                if (strcmp(volume->keys[i]->credentials, "env") == 0)
                        return 1;
        return 0;
}

int session_begin(struct session *s, const struct options *o)
{
        int r;

        *s = (struct session){.options = o};
        r = config_load(o->config_dir, &s->config, &s->diag);
        if (r == 0)
                r = config_volume(s->config, o->args[0], &s->volume, &s->diag);
        if (r != 0)
                return session_fail(s, exit_of_config(r));
        r = wire_client_start(WORKER_PATH, uses_env(s->volume), &s->worker, &s->diag);
        if (r < 0) {
                diag_advise(&s->diag, "is luks-kms installed whole? ls -l %s", WORKER_PATH);
                return session_fail(s, EXIT_ENVIRONMENT);
        }
        return EXIT_OK;
}

void session_end(struct session *s)
{
        wire_client_free(s->worker);
        config_free(s->config);
        s->worker = NULL;
        s->config = NULL;
}

int session_fail(struct session *s, int code)
{
        return report_failure(s->options, s->options->args[0], code, &s->diag);
}

/* What config pins about the volume, and what it allows: all before any request. */
static int check_config(struct session *s, const struct header *h, const struct token *token,
                        const struct key_config **ret_key)
{
        const struct volume_config *v = s->volume;

        if (v->uuid[0] && strcmp(v->uuid, h->binding.uuid) != 0) {
                (void)diag_refuse(&s->diag, 0, "uuid-pin",
                                  "%s holds the volume %s; the config says UUID=%s", h->device,
                                  h->binding.uuid, v->uuid);
                diag_advise(&s->diag,
                            "is Device= right, or was the disk exchanged? lsblk -o NAME,UUID");
                return EXIT_REFUSED;
        }
        if (strcmp(token->role, v->role) != 0) {
                (void)diag_refuse(&s->diag, 0, "role",
                                  "the header's role is %s, the config's is %s", token->role,
                                  v->role);
                diag_advise(&s->diag, "are Device= and Role= of [Volume %s] right?", v->name);
                return EXIT_REFUSED;
        }
        return config_allow_key(v, &token->key, ret_key, &s->diag) == 0 ? EXIT_OK : EXIT_REFUSED;
}

int session_unlock_token(struct session *s, const struct header *h, const struct token *token,
                         struct secret **ret_passphrase)
{
        struct secret *secret CLEANUP_SECRET = NULL;
        const struct key_config *key;
        struct kms_context context;
        int code = check_config(s, h, token, &key);

        /* what the KMS said of another recipient is none of this one's */
        s->diag.code[0] = s->diag.request_id[0] = '\0';
        s->diag.http_status = 0;
        if (code != EXIT_OK)
                return code;
        token_context(&h->binding, token->role, "keyslot", &context);
        code = session_unwrap(s, key, &context, &token->wrapped, &secret);
        if (code != EXIT_OK)
                return code;
        return exit_of_volume(header_authenticate(h, token, secret, ret_passphrase, &s->diag));
}

static const struct token *first_token(const struct header *h)
{
        for (size_t i = 0; i < HEADER_TOKENS_MAX; i++)
                if (h->tokens[i])
                        return h->tokens[i];
        return NULL;
}

/* Which of several recipients' failures tells most: that the key was taken back only if all say so,
 * an outage if one does, for that one may open the volume yet. */
static int rank(int code)
{
        static const int order[] = {
            EXIT_VERDICT + VERDICT_KEY_STATE,     EXIT_VERDICT + VERDICT_ACCESS_DENIED,
            EXIT_VERDICT + VERDICT_TAMPERED,      EXIT_REFUSED,
            EXIT_VERDICT + VERDICT_MISCONFIGURED, EXIT_CONFIG,
            EXIT_VERDICT + VERDICT_CREDENTIAL,    EXIT_VERDICT + VERDICT_UNAVAILABLE};
        const int count = sizeof(order) / sizeof(order[0]);
        int i = 0;

        while (i < count && order[i] != code)
                i++;
        return i;
}

int session_worse(int a, int b)
{
        return a == EXIT_OK || (b != EXIT_OK && rank(b) > rank(a)) ? b : a;
}

int session_find_token(const struct header *h, const struct key_config *key)
{
        for (int i = 0; i < HEADER_TOKENS_MAX; i++)
                if (h->tokens[i] && strcmp(h->tokens[i]->key.text, key->uri.text) == 0)
                        return i;
        return -1;
}

/* Is this key's token one that an earlier key of the volume, of the same URI, was asked for? The
 * same section of the configuration answers for both. */
static bool was_tried(const struct session *s, const struct header *h, size_t key)
{
        const int id = session_find_token(h, s->volume->keys[key]);

        for (size_t i = 0; i < key; i++)
                if (session_find_token(h, s->volume->keys[i]) == id)
                        return true;
        return false;
}

/* Tries the volume's keys in the config's order. EXIT_OK with *ret_token; else the failure that
 * tells most, with its words in s->diag; -1 if the header has none of these keys. */
static int try_keys(struct session *s, const struct header *h, const struct token **ret_token,
                    struct secret **ret_passphrase)
{
        struct diag told = DIAG_INIT;
        int worst = -1;

        for (size_t i = 0; i < s->volume->key_count; i++) {
                const int id = session_find_token(h, s->volume->keys[i]);
                int code;

                if (id < 0 || was_tried(s, h, i))
                        continue;
                code = session_unlock_token(s, h, h->tokens[id], ret_passphrase);
                if (code == EXIT_OK) {
                        *ret_token = h->tokens[id];
                        return EXIT_OK;
                }
                if (worst < 0 || session_worse(worst, code) != worst) {
                        worst = code;
                        told = s->diag;
                }
        }
        if (worst >= 0) {
                told.requests = s->diag.requests;
                s->diag = told;
        }
        return worst;
}

int session_unlock(struct session *s, const struct header *h, const struct token **ret_token,
                   struct secret **ret_passphrase)
{
        const struct token *any = first_token(h);
        const struct key_config *ignored;
        int code;

        if (!any) {
                (void)diag_refuse(&s->diag, 0, "no-recipient",
                                  "the header of %s has no luks-kms token", h->device);
                diag_advise(&s->diag,
                            "is Device=%s the right disk? A plain LUKS2 volume opens with: "
                            "cryptsetup open",
                            h->device);
                return EXIT_REFUSED;
        }
        code = try_keys(s, h, ret_token, ret_passphrase);
        if (code >= 0)
                return code;
        (void)config_allow_key(s->volume, &any->key, &ignored, &s->diag);
        return EXIT_REFUSED;
}

static void stamp(char *buf, size_t size)
{
        const time_t now = time(NULL);
        struct tm tm;

        (void)gmtime_r(&now, &tm);
        (void)strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* The probe's plaintext is never needed again: that it unwraps is the whole answer. */
static int wrap_probe(struct session *s, const struct key_config *key, struct kms_context *context,
                      struct token *token)
{
        struct secret *nonce CLEANUP_SECRET = NULL;
        char version[128];

        (void)snprintf(context->use, sizeof(context->use), "probe");
        if (secret_random(TOKEN_PROBE_SIZE, &nonce) < 0)
                return EXIT_ENVIRONMENT;
        return session_wrap(s, key, context, nonce, &token->probe, version);
}

int session_make_recipient(struct session *s, const struct key_config *key, const char *uuid,
                           uint64_t generation, struct token *ret_token, struct secret **ret_secret)
{
        struct secret *secret CLEANUP_SECRET = NULL, *again CLEANUP_SECRET = NULL;
        struct token token = {.key = key->uri, .generation = generation, .policy = TOKEN_POLICY};
        struct token_binding binding = {.uuid = ""};
        struct kms_context context;
        int code;

        (void)snprintf(binding.uuid, sizeof(binding.uuid), "%s", uuid);
        (void)snprintf(token.role, sizeof(token.role), "%s", s->volume->role);
        stamp(token.created, sizeof(token.created));
        token_context(&binding, token.role, "keyslot", &context);
        if (secret_random(TOKEN_SECRET_SIZE, &secret) < 0)
                return EXIT_ENVIRONMENT;
        code = session_wrap(s, key, &context, secret, &token.wrapped, token.key_version);
        if (code == EXIT_OK)
                code = session_unwrap(s, key, &context, &token.wrapped, &again);
        if (code != EXIT_OK)
                return code;
        if (!secret_equal(secret, again)) {
                (void)diag_refuse(
                    &s->diag, 0, "wrap-compare",
                    "the KMS unwrapped other bytes than it had wrapped; nothing was written");
                return EXIT_VERDICT + VERDICT_TAMPERED;
        }
        code = wrap_probe(s, key, &context, &token);
        if (code != EXIT_OK)
                return code;
        *ret_token = token;
        *ret_secret = TAKE_PTR(secret);
        return EXIT_OK;
}
