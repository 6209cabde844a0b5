/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rules on keyslots and tokens: who can open the volume, and what trying costs. */

#include "volume/rules.h"

enum {
        ARGON_TIME_MAX = 64,
        ARGON_MEMORY_MAX_KIB = 1048576, /* cryptsetup's own largest default: 1 GiB */
        ARGON_CPUS_MAX = 4,
        AF_STRIPES = 4000,
        TOKEN_ITERATIONS_MAX = 100000,
};

static int check_kdf(const struct json_node *kdf, const char *slot, struct diag *diag)
{
        uint64_t iterations, time, memory, cpus;

        if (json_string_is(json_get(kdf, "type"), "pbkdf2")) {
                if (json_uint64(json_get(kdf, "iterations"), &iterations) != 0 ||
                    iterations > RULES_PBKDF2_ITERATIONS_MAX)
                        return REFUSE(diag, "keyslot %s asks for more than %d PBKDF2 iterations",
                                      slot, RULES_PBKDF2_ITERATIONS_MAX);
                return 0;
        }
        if (!json_string_is(json_get(kdf, "type"), "argon2id") &&
            !json_string_is(json_get(kdf, "type"), "argon2i"))
                return REFUSE(diag, "keyslot %s has an unknown KDF", slot);
        if (json_uint64(json_get(kdf, "time"), &time) != 0 || time > ARGON_TIME_MAX ||
            json_uint64(json_get(kdf, "memory"), &memory) != 0 || memory > ARGON_MEMORY_MAX_KIB ||
            json_uint64(json_get(kdf, "cpus"), &cpus) != 0 || cpus > ARGON_CPUS_MAX)
                return REFUSE(
                    diag,
                    "keyslot %s asks for more than %d KiB of KDF memory, %d passes or %d threads",
                    slot, ARGON_MEMORY_MAX_KIB, ARGON_TIME_MAX, ARGON_CPUS_MAX);
        return 0;
}

static int check_area(const struct json_node *area, const char *slot, struct header *h,
                      struct header_keyslot *k, struct diag *diag)
{
        uint64_t size;

        if (!json_string_is(json_get(area, "type"), "raw") ||
            !json_string_is(json_get(area, "encryption"), "aes-xts-plain64") ||
            json_uint64(json_get(area, "key_size"), &size) != 0 || (size != 32 && size != 64))
                return REFUSE(diag, "keyslot %s must be encrypted by aes-xts-plain64", slot);
        if (json_string_uint64(json_get(area, "offset"), &k->offset) != 0 ||
            json_string_uint64(json_get(area, "size"), &k->size) != 0 ||
            k->offset < 2 * h->area_size || k->offset > h->data_offset ||
            k->size > h->data_offset - k->offset || k->size < (uint64_t)k->key_size * AF_STRIPES)
                return REFUSE(
                    diag, "the key material of keyslot %s must lie inside the keyslot area", slot);
        return 0;
}

/* A member's name that is a number below max; written in one way only, so that no two are one. */
static int index_of(const struct json_node *member, unsigned long max, unsigned long *ret)
{
        char name[8], canonical[24];
        unsigned long index;

        if (json_key(member, name, sizeof(name)) != 0)
                return -EINVAL;
        index = strtoul(name, NULL, 10);
        (void)snprintf(canonical, sizeof(canonical), "%lu", index);
        if (index >= max || strcmp(name, canonical) != 0)
                return -EINVAL;
        *ret = index;
        return 0;
}

static int check_keyslot(const struct json_node *member, struct header *h, struct diag *diag)
{
        const struct json_node *af = json_get(member, "af");
        char slot[8];
        unsigned long index;
        uint64_t key_size, stripes;

        if (index_of(member, HEADER_KEYSLOTS_MAX, &index) != 0 ||
            json_key(member, slot, sizeof(slot)) != 0)
                return REFUSE(diag, "a keyslot's name is not a number below %d",
                              HEADER_KEYSLOTS_MAX);
        if (!json_string_is(json_get(member, "type"), "luks2"))
                return REFUSE(diag, "keyslot %s must be of type luks2", slot);
        if (json_uint64(json_get(member, "key_size"), &key_size) != 0 || key_size != 64)
                return REFUSE(diag, "keyslot %s must hold a volume key of 64 bytes (AES-256-XTS)",
                              slot);
        if (!json_string_is(json_get(af, "type"), "luks1") ||
            json_uint64(json_get(af, "stripes"), &stripes) != 0 || stripes != AF_STRIPES)
                return REFUSE(diag, "keyslot %s must be split into %d stripes", slot, AF_STRIPES);
        h->keyslots[index].used = 1;
        h->keyslots[index].key_size = (unsigned int)key_size;
        h->key_size = (unsigned int)key_size;
        if (check_area(json_get(member, "area"), slot, h, &h->keyslots[index], diag) != 0)
                return VOLUME_E_RULE;
        return 0;
}

int rule_keyslots(const struct json_node *root, struct header *h, struct diag *diag)
{
        for (const struct json_node *m = json_first(json_get(root, "keyslots")); m;
             m = json_next(m))
                if (check_keyslot(m, h, diag) != 0)
                        return VOLUME_E_RULE;
        return 0;
}

int rule_kdf_cost(const struct json_node *root, struct header *h, struct diag *diag)
{
        (void)h;
        for (const struct json_node *m = json_first(json_get(root, "keyslots")); m;
             m = json_next(m)) {
                char slot[8];

                (void)json_key(m, slot, sizeof(slot));
                if (check_kdf(json_get(m, "kdf"), slot, diag) != 0)
                        return VOLUME_E_RULE;
        }
        return 0;
}

/* Tokens of others are not judged. Their types are told to people, who want to know what opens the
 * volume (volume/paths.h). */
static void note_foreign(const struct json_node *member, struct header *h)
{
        char type[48], slot[8];

        if (json_string(json_get(member, "type"), type, sizeof(type)) != 0)
                (void)snprintf(type, sizeof(type), "of a type with a long name");
        for (const struct json_node *n = json_first(json_get(member, "keyslots")); n;
             n = json_next(n)) {
                unsigned long index;

                if (json_string(n, slot, sizeof(slot)) != 0)
                        continue;
                index = strtoul(slot, NULL, 10);
                if (index < HEADER_KEYSLOTS_MAX && !h->foreign[index][0])
                        diag_text(h->foreign[index], sizeof(h->foreign[index]), type);
        }
}

static int parse_one_token(const struct json_node *member, struct header *h, struct diag *diag)
{
        struct token *token CLEANUP_FREE = NULL;
        unsigned long index;

        if (!json_string_is(json_get(member, "type"), TOKEN_TYPE)) {
                note_foreign(member, h);
                return 0;
        }
        if (index_of(member, HEADER_TOKENS_MAX, &index) != 0)
                return REFUSE(diag, "a token's name is not a number below %d", HEADER_TOKENS_MAX);
        token = malloc(sizeof(*token));
        if (!token)
                return -ENOMEM;
        if (token_parse(member, token, diag) != 0)
                return VOLUME_E_RULE;
        if (!h->keyslots[token->keyslot].used)
                return REFUSE(diag, "token %lu names keyslot %d, which is empty", index,
                              token->keyslot);
        for (size_t i = 0; i < HEADER_TOKENS_MAX; i++)
                if (h->tokens[i] && (h->tokens[i]->keyslot == token->keyslot ||
                                     strcmp(h->tokens[i]->key.text, token->key.text) == 0))
                        return REFUSE(diag, "tokens %zu and %lu have one key or one keyslot", i,
                                      index);
        h->tokens[index] = TAKE_PTR(token);
        return 0;
}

/* The keyslot that a token names is the one that is run, at each unlock. */
static int check_token_kdf(const struct json_node *kdf, const char *slot, struct diag *diag)
{
        uint64_t iterations;

        if (!json_string_is(json_get(kdf, "type"), "pbkdf2") ||
            json_uint64(json_get(kdf, "iterations"), &iterations) != 0 ||
            iterations > TOKEN_ITERATIONS_MAX ||
            (!json_string_is(json_get(kdf, "hash"), "sha256") &&
             !json_string_is(json_get(kdf, "hash"), "sha512")))
                return REFUSE(diag,
                              "keyslot %s belongs to a token, and must be PBKDF2 of at most %d "
                              "iterations over sha256 or sha512",
                              slot, TOKEN_ITERATIONS_MAX);
        return 0;
}

int rule_token_kdf(const struct json_node *root, struct header *h, struct diag *diag)
{
        for (size_t i = 0; i < HEADER_TOKENS_MAX; i++) {
                char slot[12];
                const struct json_node *keyslot;

                if (!h->tokens[i])
                        continue;
                (void)snprintf(slot, sizeof(slot), "%d", h->tokens[i]->keyslot);
                keyslot = json_get(json_get(root, "keyslots"), slot);
                if (check_token_kdf(json_get(keyslot, "kdf"), slot, diag) != 0)
                        return VOLUME_E_RULE;
        }
        return 0;
}

int rule_tokens(const struct json_node *root, struct header *h, struct diag *diag)
{
        for (const struct json_node *m = json_first(json_get(root, "tokens")); m;
             m = json_next(m)) {
                int r = parse_one_token(m, h, diag);

                if (r != 0)
                        return r;
        }
        return 0;
}
