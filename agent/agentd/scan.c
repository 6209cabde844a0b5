/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which mappings there are now, and whose. News of devices only make the agent look again: what it
 * believes is what the kernel's tables say. A mapping that nobody has looked at has its header read
 * in a child, since a disk may hang and a header may be hostile. */

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agentd/task.h"
#include "agentd/tell.h"
#include "base/clock.h"
#include "unlock/unlock.h"
#include "volume/header.h"
#include "volume/rung.h"

enum {
        SOON_MS = 100,    /* devices come in bursts */
        EVERY_MS = 60000, /* should news be lost */
        LOOK_MS = 30000,  /* for a disk to answer */
        LOOK_AGAIN_MS = 60000,
};

/* What a child finds on a disk, in memory that both sides see. */
struct look {
        char device[CONFIG_PATH_MAX];
        size_t uri_count; /* in: the keys that count, by URI */
        char uris[CONFIG_KEYS_PER_VOLUME][KEYURI_MAX];
        char uuid[UUID_TEXT_MAX], role[ROLE_TEXT_MAX]; /* out */
        bool found[CONFIG_KEYS_PER_VOLUME];
        struct token_blob probes[CONFIG_KEYS_PER_VOLUME];
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
static size_t keys_of(const struct ward *w, const struct key_config **ret)
{
        size_t n = 0;

        if (w->config) {
                for (; n < w->config->key_count; n++)
                        ret[n] = w->config->keys[n];
                return n;
        }
        for (const struct key_config *k = w->agent->config->keys; k; k = k->next)
                if (n < CONFIG_KEYS_PER_VOLUME)
                        ret[n++] = k;
        return n;
}

static void forget_keys(struct ward *w)
{
        for (size_t i = 0; i < w->key_count; i++)
                free(TAKE_PTR(w->keys[i].probe));
        w->key_count = 0;
}

/* Takes over what the child has found; true if there is a token of ours. */
static bool take_keys(struct ward *w, const struct look *look)
{
        const struct key_config *keys[CONFIG_KEYS_PER_VOLUME];
        const char *names[CONFIG_KEYS_PER_VOLUME];
        const size_t count = keys_of(w, keys);

        forget_keys(w);
        for (size_t i = 0; i < count && i < look->uri_count; i++) {
                struct token_blob *probe;

                if (!look->found[i] || strcmp(keys[i]->uri.text, look->uris[i]) != 0)
                        continue;
                probe = malloc(sizeof(*probe));
                if (!probe)
                        return false;
                *probe = look->probes[i];
                (void)snprintf(w->keys[w->key_count].key, CONFIG_NAME_MAX, "%s", keys[i]->name);
                names[w->key_count] = w->keys[w->key_count].key;
                w->keys[w->key_count++].probe = probe;
        }
        (void)snprintf(w->uuid, sizeof(w->uuid), "%s", look->uuid);
        (void)snprintf(w->role, sizeof(w->role), "%s", look->role);
        return w->key_count > 0 &&
               keeper_watch(w->agent->keeper, w->name, names, w->key_count) == 0;
}

/* The lease of a predecessor, before anything else is told to the new one. True if there is one. */
static bool load_lease(struct ward *w)
{
        struct lease lease;
        bool same = false;

        if (w->loaded)
                return false;
        w->loaded = true;
        if (state_load(w, &lease, &same) != 0)
                return false;
        (void)keeper_restore(w->agent->keeper, w->name, &lease);
        w->saved = lease;
        w->told = lease.state;
        if (!same)
                agent_event(w, &(const struct lease_event){.kind = LEASE_EV_CHANGED});
        return true;
}

static void announce(struct ward *w, const struct mapping *m)
{
        const bool inherited = load_lease(w);

        if (m) {
                (void)snprintf(w->mapping, sizeof(w->mapping), "%s", m->name);
                tell_adopted(w);
                agent_event(w, &(const struct lease_event){.kind = LEASE_EV_ADOPTED,
                                                           .suspended = m->suspended || m->dead});
        } else if (inherited && w->saved.mapped) {
                tell_gone(w);
                agent_event(w, &(const struct lease_event){.kind = LEASE_EV_GONE});
        } else if (w->wanted && w->config && w->config->open_auto &&
                   !(inherited && w->saved.state == LEASE_CLOSED)) {
                agent_event(w, &(const struct lease_event){.kind = LEASE_EV_WANTED});
        }
        w->wanted = false;
}

static const struct mapping *find_mapping(const struct mapping *all, size_t count,
                                          const struct ward *w)
{
        const char *name = w->mapping[0] || w->config ? w->mapping : w->name; /* a stranger's */
        struct stat st;

        for (size_t i = 0; i < count; i++)
                if (strcmp(all[i].name, name) == 0)
                        return &all[i];
        if (!w->config || stat(w->config->device, &st) < 0 || !S_ISBLK(st.st_mode))
                return NULL;
        for (size_t i = 0; i < count; i++)
                if (makedev(all[i].data_major, all[i].data_minor) == st.st_rdev)
                        return &all[i];
        return NULL;
}

static void look_done(struct ward *w, int result, const struct diag *diag, void *shared)
{
        const struct look *look = shared;
        struct mapping *all CLEANUP_FREE = NULL;
        const struct mapping *m;
        size_t count = 0;

        w->look_again_ms = clock_boot_ms() + LOOK_AGAIN_MS;
        if (result != 0) {
                tell_unreadable(w, diag);
                return;
        }
        if (mapping_list(&all, &count, NULL) < 0)
                return;
        m = find_mapping(all, count, w);
        if (m && strcmp(m->uuid, look->uuid) != 0) {
                struct diag other = DIAG_INIT;

                (void)diag_refuse(&other, 0, "uuid-changed",
                                  "the mapping %s is of another volume than %s holds now", m->name,
                                  look->device);
                tell_unreadable(w, &other);
                return;
        }
        if (!take_keys(w, look)) {
                w->foreign = !w->config;
                if (w->config)
                        tell_unreadable(w, diag);
                return;
        }
        announce(w, m);
}

static void look_at(struct ward *w, const struct mapping *m)
{
        const struct key_config *keys[CONFIG_KEYS_PER_VOLUME];
        struct look *look CLEANUP_FREE = NULL;

        if (w->task || w->foreign || clock_boot_ms() < w->look_again_ms)
                return;
        look = calloc(1, sizeof(*look));
        if (!look)
                return;
        look->uri_count = keys_of(w, keys);
        for (size_t i = 0; i < look->uri_count; i++)
                (void)snprintf(look->uris[i], KEYURI_MAX, "%s", keys[i]->uri.text);
        if (w->config)
                (void)snprintf(w->device, sizeof(w->device), "%s", w->config->device);
        else if (m)
                (void)snprintf(w->device, sizeof(w->device), "/dev/block/%u:%u", m->data_major,
                               m->data_minor);
        (void)snprintf(look->device, sizeof(look->device), "%s", w->device);
        (void)task_start(w, look_work, look, sizeof(*look), LOOK_MS, look_done);
}

/* A disk that comes is to be opened once: whoever closes it then means it. */
static void update_presence(struct ward *w)
{
        struct stat st;
        const bool present = w->config && stat(w->config->device, &st) == 0 && S_ISBLK(st.st_mode);

        if (present && !w->present)
                w->wanted = true;
        if (!present && !w->mapping[0]) /* what comes next may be another disk */
                forget_keys(w);
        w->present = present;
}

/* One ward against what there is now. */
static void compare(struct ward *w, const struct mapping *m)
{
        update_presence(w);
        if (w->task) /* it will look again when that is over */
                return;
        if (!m && w->mapping[0]) {
                tell_gone(w);
                w->mapping[0] = '\0';
                agent_event(w, &(const struct lease_event){.kind = LEASE_EV_GONE});
                return;
        }
        if (m && !w->mapping[0]) {
                if (w->key_count > 0 && strcmp(w->uuid, m->uuid) == 0)
                        announce(w, m);
                else
                        look_at(w, m);
                return;
        }
        if (!m && w->wanted && w->present && w->config->open_auto)
                look_at(w, NULL);
}

/* By whom it is configured to be counts as well: that one may still be looking at its disk. */
static bool is_watched(const struct agent *a, const struct mapping *all, size_t count,
                       const struct mapping *m)
{
        for (const struct ward *w = a->wards; w; w = w->next)
                if (strcmp(w->mapping, m->name) == 0 || find_mapping(all, count, w) == m ||
                    (!w->config && strcmp(w->name, m->name) == 0))
                        return true;
        return false;
}

/* Mappings that config does not name are watched as well, if their header names one of our keys. */
static void find_strangers(struct agent *a, const struct mapping *all, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                struct ward *w;

                if (is_watched(a, all, count, &all[i]) || agent_ward(a, all[i].name) ||
                    strlen(all[i].name) >= CONFIG_NAME_MAX)
                        continue;
                w = agent_add_ward(a, all[i].name, NULL);
                if (w)
                        look_at(w, &all[i]);
        }
}

/* A stranger that has gone is nobody's business any more. */
static void drop_gone_strangers(struct agent *a, const struct mapping *all, size_t count)
{
        for (struct ward *w = a->wards, *next; w; w = next) {
                bool there = false;

                next = w->next;
                for (size_t i = 0; i < count; i++)
                        there = there || strcmp(all[i].name, w->name) == 0;
                if (!w->config && !w->task && !w->mapping[0] && !there)
                        agent_drop_ward(w);
        }
}

void scan_now(struct agent *a)
{
        struct mapping *all CLEANUP_FREE = NULL;
        struct diag diag = DIAG_INIT;
        size_t count = 0;

        task_reap(a);
        if (mapping_list(&all, &count, &diag) < 0) {
                tell_agent(a, TELL_TROUBLE, diag.message);
                return;
        }
        for (struct ward *w = a->wards; w; w = w->next)
                if (!w->foreign)
                        compare(w, find_mapping(all, count, w));
        drop_gone_strangers(a, all, count);
        find_strangers(a, all, count);
}

static int on_rescan(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct agent *a = userdata;

        (void)usec;
        scan_now(a);
        (void)sd_event_source_set_time_relative(source, EVERY_MS * 1000ULL);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void scan_soon(struct agent *a)
{
        uint64_t at, now;

        /* a burst moves nothing: the first of it has set the time */
        if (sd_event_now(a->event, CLOCK_BOOTTIME, &now) >= 0 &&
            sd_event_source_get_time(a->rescan, &at) >= 0 && at > now + SOON_MS * 1000ULL)
                (void)sd_event_source_set_time(a->rescan, now + SOON_MS * 1000ULL);
}

static int on_news(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct agent *a = userdata;

        (void)source;
        (void)fd;
        (void)revents;
        if (monitor_take(a->monitor))
                scan_soon(a);
        return 0;
}

int scan_begin(struct agent *a)
{
        int r = sd_event_add_io(a->event, &a->news, monitor_fd(a->monitor), EPOLLIN, on_news, a);

        return r < 0 ? r
                     : sd_event_add_time_relative(a->event, &a->rescan, CLOCK_BOOTTIME, 0, 1000,
                                                  on_rescan, a);
}
