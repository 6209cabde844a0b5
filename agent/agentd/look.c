/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A header is read in a child, since a disk may hang and a header may be hostile. What it says is
 * believed as far as the configuration allows: which of the volume's own keys guard it, and by
 * which nonce they are probed. */

#include "agentd/look.h"

#include "agentd/task.h"
#include "agentd/tell.h"
#include "base/clock.h"
#include "unlock/unlock.h"
#include "volume/header.h"

enum {
        LOOK_MS = 30000, /* for a disk to answer */
        LOOK_AGAIN_MS = 60000,
        RELOOK_MS = 600000, /* recipients come and go while a volume is open */
        KEYS_MAX = 32,      /* of the config, that may guard a mapping it does not name */
};

/* What a child finds on a disk, in memory that both sides see. */
struct look {
        char device[CONFIG_PATH_MAX];
        size_t uri_count; /* in: the keys that count, by URI */
        char uris[KEYS_MAX][KEYURI_MAX];
        char uuid[UUID_TEXT_MAX], role[ROLE_TEXT_MAX]; /* out */
        bool found[KEYS_MAX];
        struct token_blob probes[KEYS_MAX];
};

static int look_work(void *shared, struct diag *diag)
{
        struct look *look = shared;
        struct header *h CLEANUP_HEADER = NULL;
        int r = header_read(look->device, &h, diag);

        if (r != 0)
                return r;
        memcpy(look->uuid, h->binding.uuid, sizeof(look->uuid));
        for (size_t i = 0; i < look->uri_count; i++)
                for (size_t t = 0; t < HEADER_TOKENS_MAX; t++) {
                        const struct token *token = h->tokens[t];

                        if (!token || strcmp(token->key.text, look->uris[i]) != 0)
                                continue;
                        look->found[i] = true;
                        look->probes[i] = token->probe;
                        memcpy(look->role, token->role, sizeof(look->role));
                }
        return 0;
}

/* The [Key] sections that may guard a ward: its own; any, for a mapping that config does not name.
 */
static size_t keys_of(const struct ward *w, const struct key_config *ret[KEYS_MAX])
{
        size_t n = 0;

        if (w->config) {
                for (; n < w->config->key_count; n++)
                        ret[n] = w->config->keys[n];
                return n;
        }
        for (const struct key_config *k = w->agent->config->keys; k && n < KEYS_MAX; k = k->next)
                ret[n++] = k;
        return n;
}

static void free_keys(struct ward *w)
{
        for (size_t i = 0; i < w->key_count; i++)
                free(TAKE_PTR(w->keys[i].probe));
        w->key_count = 0;
}

void look_forget_keys(struct ward *w)
{
        if (w->key_count == 0)
                return;
        free_keys(w);
        (void)keeper_watch(w->agent->keeper, w->name, NULL, 0);
}

/* ---- what the header says ---- */

/* Another volume than before, on a disk that was exchanged: of the old one nothing holds. */
static void start_anew(struct ward *w)
{
        struct lease lease;

        lease_init(&lease);
        (void)keeper_restore(w->agent->keeper, w->name, &lease);
        w->loaded = w->by_hand = false;
}

static bool same_probe(const struct token_blob *a, const struct token_blob *b)
{
        return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static bool knows(const struct ward *w, const char *key, const struct token_blob *probe)
{
        for (size_t i = 0; i < w->key_count; i++)
                if (strcmp(w->keys[i].key, key) == 0)
                        return same_probe(w->keys[i].probe, probe);
        return false;
}

/* Keys of which the header has a token, into fresh (of the ward's size). The number; 0: none, or no
 * memory. */
static size_t find_keys(const struct ward *w, const struct look *look, struct ward *fresh,
                        bool *ret_news)
{
        const struct key_config *keys[KEYS_MAX];
        const size_t count = keys_of(w, keys);

        fresh->key_count = 0;
        for (size_t i = 0; i < count && i < look->uri_count; i++) {
                const size_t n = fresh->key_count;

                if (!look->found[i] || strcmp(keys[i]->uri.text, look->uris[i]) != 0 ||
                    n == CONFIG_KEYS_PER_VOLUME)
                        continue;
                fresh->keys[n].probe = malloc(sizeof(*fresh->keys[n].probe));
                if (!fresh->keys[n].probe)
                        break;
                *fresh->keys[n].probe = look->probes[i];
                (void)snprintf(fresh->keys[n].key, CONFIG_NAME_MAX, "%s", keys[i]->name);
                *ret_news = *ret_news || !knows(w, keys[i]->name, &look->probes[i]);
                fresh->key_count++;
        }
        return fresh->key_count;
}

/* Takes over what the child has found; false if there is no token of ours: what was known before is
 * kept then, as a volume that is open must not go unwatched. */
static bool take_keys(struct ward *w, const struct look *look)
{
        struct keeper *keeper = w->agent->keeper;
        const char *names[CONFIG_KEYS_PER_VOLUME];
        char print[FINGERPRINTS_MAX];
        struct ward fresh;
        bool news = false;

        if (find_keys(w, look, &fresh, &news) == 0)
                return false;
        if (w->uuid[0] && strcmp(w->uuid, look->uuid) != 0)
                start_anew(w);
        free_keys(w);
        memcpy(w->keys, fresh.keys, sizeof(w->keys));
        w->key_count = fresh.key_count;
        for (size_t i = 0; i < w->key_count; i++)
                names[i] = w->keys[i].key;
        (void)snprintf(w->uuid, sizeof(w->uuid), "%s", look->uuid);
        (void)snprintf(w->role, sizeof(w->role), "%s", look->role);
        (void)keeper_watch(keeper, w->name, names, w->key_count);
        state_fingerprint(w, print);
        if (w->fingerprint[0] && strcmp(w->fingerprint, print) != 0)
                agent_event(w, &(const struct lease_event){.kind = LEASE_EV_CHANGED});
        (void)snprintf(w->fingerprint, sizeof(w->fingerprint), "%s", print);
        for (size_t i = 0; news && w->mapping[0] && i < w->key_count; i++)
                (void)keeper_hurry(keeper, w->keys[i].key, clock_boot_ms());
        return true;
}

/* ---- the look itself ---- */

/* The role goes into the KMS context of each probe: the disk's word for it would make a key service
 * deny what its policy binds to a role. */
static bool is_as_it_should_be(const struct ward *w, const struct mapping *m,
                               const struct look *look, struct diag *diag)
{
        if (m && strcmp(m->uuid, look->uuid) != 0)
                return diag_refuse(diag, false, "uuid-changed",
                                   "the mapping %s is of another volume than %s holds now", m->name,
                                   look->device);
        if (w->config && look->role[0] && strcmp(look->role, w->config->role) != 0)
                return diag_refuse(diag, false, "role",
                                   "the header's role is %s, the config's is %s", look->role,
                                   w->config->role);
        return true;
}

static void look_done(struct ward *w, int result, const struct diag *diag, void *shared)
{
        const struct look *look = shared;
        struct mapping *all CLEANUP_FREE = NULL;
        struct diag refusal = DIAG_INIT;
        const struct mapping *m;
        size_t count = 0;

        w->look_again_ms = clock_boot_ms() + LOOK_AGAIN_MS;
        scan_soon(w->agent); /* what came meanwhile had to wait */
        if (result != 0) {
                tell_unreadable(w, diag);
                return;
        }
        if (mapping_list(&all, &count, NULL) < 0)
                return;
        m = look_find(all, count, w);
        if (!is_as_it_should_be(w, m, look, &refusal)) {
                tell_unreadable(w, &refusal);
                return;
        }
        if (!take_keys(w, look)) {
                w->foreign = !w->config && !w->mapping[0];
                if (!w->foreign)
                        tell_unreadable(w, diag);
                return;
        }
        if (!w->mapping[0])
                look_announce(w, m);
}

static struct look *prepare(const struct ward *w)
{
        const struct key_config *keys[KEYS_MAX];
        struct look *look = calloc(1, sizeof(*look));

        if (!look)
                return NULL;
        look->uri_count = keys_of(w, keys);
        for (size_t i = 0; i < look->uri_count; i++)
                (void)snprintf(look->uris[i], KEYURI_MAX, "%s", keys[i]->uri.text);
        (void)snprintf(look->device, sizeof(look->device), "%s", w->device);
        return look;
}

void look_at(struct ward *w, const struct mapping *m)
{
        struct look *look CLEANUP_FREE = NULL;
        const uint64_t now = clock_boot_ms();

        if (w->task || w->foreign || now < w->look_again_ms)
                return;
        if (w->config)
                (void)snprintf(w->device, sizeof(w->device), "%s", w->config->device);
        else if (m)
                (void)snprintf(w->device, sizeof(w->device), "/dev/block/%u:%u", m->data_major,
                               m->data_minor);
        look = prepare(w);
        if (!look || task_start(w, look_work, look, sizeof(*look), LOOK_MS, look_done) < 0)
                return;
        w->look_due = false;
        w->relook_ms = now + RELOOK_MS;
}
