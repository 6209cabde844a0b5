/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: [which recipient, by local config] -> KMS unwrap -> [header MAC]. Nothing is sent for a key
 * that the config does not allow. */

#include "unlock/unlock.h"

/* What config pins about the volume, and what it allows: all before any request. */
static int check_config(struct unlock *u, const struct header *h, const struct token *token,
                        const struct key_config **ret_key)
{
        const struct volume_config *v = u->volume;

        if (v->uuid[0] && strcmp(v->uuid, h->binding.uuid) != 0) {
                (void)diag_refuse(&u->diag, 0, "uuid-pin",
                                  "%s holds the volume %s; the config says UUID=%s", h->device,
                                  h->binding.uuid, v->uuid);
                diag_advise(&u->diag,
                            "is Device= right, or was the disk exchanged? lsblk -o NAME,UUID");
                return EXIT_REFUSED;
        }
        if (strcmp(token->role, v->role) != 0) {
                (void)diag_refuse(&u->diag, 0, "role",
                                  "the header's role is %s, the config's is %s", token->role,
                                  v->role);
                diag_advise(&u->diag, "are Device= and Role= of [Volume %s] right?", v->name);
                return EXIT_REFUSED;
        }
        return config_allow_key(v, &token->key, ret_key, &u->diag) == 0 ? EXIT_OK : EXIT_REFUSED;
}

int unlock_token(struct unlock *u, const struct header *h, const struct token *token,
                 struct secret **ret_passphrase)
{
        struct secret *secret CLEANUP_SECRET = NULL;
        const struct key_config *key;
        struct kms_context context;
        int code = check_config(u, h, token, &key);

        /* what the KMS said of another recipient is none of this one's */
        u->diag.code[0] = u->diag.request_id[0] = '\0';
        u->diag.http_status = 0;
        if (code != EXIT_OK)
                return code;
        token_context(&h->binding, token->role, "keyslot", &context);
        code = unlock_unwrap(u, key, &context, &token->wrapped, &secret);
        if (code != EXIT_OK)
                return code;
        return exit_of_volume(header_authenticate(h, token, secret, ret_passphrase, &u->diag));
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

int unlock_worse(int a, int b)
{
        return a == EXIT_OK || (b != EXIT_OK && rank(b) > rank(a)) ? b : a;
}

int unlock_find_token(const struct header *h, const struct key_config *key)
{
        for (int i = 0; i < HEADER_TOKENS_MAX; i++)
                if (h->tokens[i] && strcmp(h->tokens[i]->key.text, key->uri.text) == 0)
                        return i;
        return -1;
}

/* Is this key's token one that an earlier key of the volume, of the same URI, was asked for? The
 * same section of the configuration answers for both. */
static bool was_tried(const struct unlock *u, const struct header *h, size_t key)
{
        const int id = unlock_find_token(h, u->volume->keys[key]);

        for (size_t i = 0; i < key; i++)
                if (unlock_find_token(h, u->volume->keys[i]) == id)
                        return true;
        return false;
}

/* Tries the volume's keys in the config's order. EXIT_OK with *ret_token; else the failure that
 * tells most, with its words in u->diag; -1 if the header has none of these keys. */
static int try_keys(struct unlock *u, const struct header *h, const struct token **ret_token,
                    struct secret **ret_passphrase)
{
        struct diag told = DIAG_INIT;
        int worst = -1;

        for (size_t i = 0; i < u->volume->key_count; i++) {
                const int id = unlock_find_token(h, u->volume->keys[i]);
                int code;

                if (id < 0 || was_tried(u, h, i))
                        continue;
                code = unlock_token(u, h, h->tokens[id], ret_passphrase);
                if (code == EXIT_OK) {
                        *ret_token = h->tokens[id];
                        return EXIT_OK;
                }
                if (worst < 0 || unlock_worse(worst, code) != worst) {
                        worst = code;
                        told = u->diag;
                }
        }
        if (worst >= 0) {
                told.requests = u->diag.requests;
                u->diag = told;
        }
        return worst;
}

int unlock_header(struct unlock *u, const struct header *h, const struct token **ret_token,
                  struct secret **ret_passphrase)
{
        const struct token *any = first_token(h);
        const struct key_config *ignored;
        int code;

        if (!any) {
                (void)diag_refuse(&u->diag, 0, "no-recipient",
                                  "the header of %s has no luks-kms token", h->device);
                diag_advise(&u->diag,
                            "is Device=%s the right disk? A plain LUKS2 volume opens with: "
                            "cryptsetup open",
                            h->device);
                return EXIT_REFUSED;
        }
        code = try_keys(u, h, ret_token, ret_passphrase);
        if (code >= 0)
                return code;
        (void)config_allow_key(u->volume, &any->key, &ignored, &u->diag);
        return EXIT_REFUSED;
}

static int skip_queues(const struct volume_config *v, const struct device_kind *kind)
{
        if (v->performance == PERFORMANCE_AUTO)
                return !kind->rotational; /* on flash the queues only add latency */
        return v->performance == PERFORMANCE_NO_QUEUES;
}

struct activation unlock_activation(const struct volume_config *volume,
                                    const struct device_kind *kind, const char *mapping,
                                    const struct header *h)
{
        return (struct activation){
            .header = h,
            .name = mapping,
            .no_read_workqueue = skip_queues(volume, kind),
            .no_write_workqueue = skip_queues(volume, kind),
            .discards = volume->discard,
        };
}
