/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The volumes of this machine, and what the answers about their keys mean for each. Trusts that the
 * agent ends what it was ordered to begin. A few dozen volumes and a few keys: lists do. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lease/keeper_private.h"

struct keeper *keeper_new(uint64_t seed)
{
        struct keeper *keeper = calloc(1, sizeof(*keeper));

        if (keeper)
                keeper->seed = seed;
        return keeper;
}

void keeper_free(struct keeper *keeper)
{
        if (!keeper)
                return;
        keeper_mark(keeper);
        keeper_sweep(keeper);
        free(keeper);
}

struct keeper_key *keeper_find_key(const struct keeper *keeper, const char *name)
{
        struct keeper_key *key = keeper->keys;

        while (key && strcmp(key->name, name) != 0)
                key = key->next;
        return key;
}

static struct keeper_volume *find_volume(const struct keeper *keeper, const char *name)
{
        struct keeper_volume *volume = keeper->volumes;

        while (volume && strcmp(volume->name, name) != 0)
                volume = volume->next;
        return volume;
}

int keeper_set_volume(struct keeper *keeper, const char *name, const struct lease_policy *policy)
{
        struct keeper_volume *volume = find_volume(keeper, name);

        if (!volume) {
                volume = strlen(name) < KEEPER_NAME_MAX ? calloc(1, sizeof(*volume)) : NULL;
                if (!volume)
                        return -ENOMEM;
                memcpy(volume->name, name, strlen(name) + 1);
                lease_init(&volume->lease);
                volume->next = keeper->volumes;
                keeper->volumes = volume;
        }
        volume->policy = *policy;
        volume->wake_ms = 0; /* what is next may come sooner now */
        volume->marked = false;
        return 0;
}

/* ---- reload ---- */

void keeper_mark(struct keeper *keeper)
{
        for (struct keeper_key *key = keeper->keys; key; key = key->next)
                key->marked = true;
        for (struct keeper_volume *volume = keeper->volumes; volume; volume = volume->next)
                volume->marked = true;
}

static void drop_marked_keys(struct keeper_volume *volume)
{
        size_t kept = 0;

        for (size_t i = 0; i < volume->key_count; i++)
                if (!volume->keys[i]->marked) {
                        volume->keys[kept] = volume->keys[i];
                        volume->heard[kept++] = volume->heard[i];
                }
        volume->key_count = kept;
}

void keeper_sweep(struct keeper *keeper)
{
        struct keeper_volume **volume = &keeper->volumes;
        struct keeper_key **key = &keeper->keys;

        while (*volume) {
                struct keeper_volume *this = *volume;

                if (this->marked) {
                        *volume = this->next;
                        free(this);
                        continue;
                }
                drop_marked_keys(this);
                volume = &this->next;
        }
        while (*key) {
                struct keeper_key *this = *key;

                if (this->marked) {
                        *key = this->next;
                        free(this);
                        continue;
                }
                key = &this->next;
        }
}

/* ---- who watches what ---- */

int keeper_watch(struct keeper *keeper, const char *name, const char *const *keys, size_t count)
{
        struct keeper_volume *volume = find_volume(keeper, name);
        struct keeper_key *found[KEEPER_KEYS_MAX];

        if (!volume)
                return -ENOENT;
        if (count > KEEPER_KEYS_MAX)
                return -E2BIG;
        for (size_t i = 0; i < count; i++) {
                found[i] = keeper_find_key(keeper, keys[i]);
                if (!found[i])
                        return -ENOENT;
        }
        for (size_t i = 0; i < count; i++)
                volume->keys[i] = found[i];
        memset(volume->heard, 0, sizeof(volume->heard));
        volume->key_count = count;
        return 0;
}

static bool watches(const struct keeper_volume *volume, const struct keeper_key *key)
{
        for (size_t i = 0; i < volume->key_count; i++)
                if (volume->keys[i] == key)
                        return true;
        return false;
}

bool keeper_is_watched(const struct keeper *keeper, const struct keeper_key *key)
{
        for (const struct keeper_volume *volume = keeper->volumes; volume; volume = volume->next)
                if (volume->lease.state != LEASE_CLOSED && watches(volume, key))
                        return true;
        return false;
}

/* ---- verdicts ---- */

static bool is_denial(int verdict)
{
        return verdict == VERDICT_KEY_STATE || verdict == VERDICT_ACCESS_DENIED;
}

/* Granted if one key is; else in doubt if one cannot be asked; else denied, and as definitely as
 * the weakest of the denials. -1: a key has not answered at all yet. */
static int combine(const struct keeper_volume *volume)
{
        int doubt = -1, denial = VERDICT_KEY_STATE;
        bool silent = volume->key_count == 0;

        for (size_t i = 0; i < volume->key_count; i++) {
                int verdict = volume->keys[i]->verdict;

                if (verdict == VERDICT_GRANTED)
                        return VERDICT_GRANTED;
                if (verdict < 0)
                        silent = true;
                else if (!is_denial(verdict))
                        doubt = verdict;
                else if (verdict == VERDICT_ACCESS_DENIED)
                        denial = verdict;
        }
        if (silent)
                return -1;
        return doubt >= 0 ? doubt : denial;
}

static void note_heard(struct keeper_volume *volume, const struct keeper_key *key)
{
        for (size_t i = 0; i < volume->key_count; i++)
                if (volume->keys[i] == key)
                        volume->heard[i] = key->verdict == VERDICT_ACCESS_DENIED;
}

/* Denials of several keys are one answer, and one only: each key that denies access has to say so
 * again before it counts again. */
static bool is_fresh_denial(struct keeper_volume *volume)
{
        for (size_t i = 0; i < volume->key_count; i++)
                if (volume->keys[i]->verdict == VERDICT_ACCESS_DENIED && !volume->heard[i])
                        return false;
        memset(volume->heard, 0, sizeof(volume->heard));
        return true;
}

/* Work is in the last order at most; should more be told than there is room for, the oldest word is
 * lost, as the state says it too. */
static void step(struct keeper_volume *volume, const struct lease_event *event, uint64_t now_ms)
{
        struct lease_order order =
            lease_step(&volume->policy, &volume->lease, event, now_ms, &volume->wake_ms);

        if (order.kind == LEASE_NOTHING)
                return;
        volume->wake_ms = 0; /* there may be more */
        if (volume->order_count == KEEPER_ORDERS_MAX) {
                volume->order_count--;
                memmove(&volume->orders[0], &volume->orders[1],
                        volume->order_count * sizeof(volume->orders[0]));
        }
        volume->orders[volume->order_count++] = order;
}

int keeper_event(struct keeper *keeper, const char *name, const struct lease_event *event,
                 uint64_t now_ms)
{
        struct keeper_volume *volume = find_volume(keeper, name);

        if (!volume)
                return -ENOENT;
        step(volume, event, now_ms);
        return 0;
}

int keeper_verdict(struct keeper *keeper, const char *name, int verdict, uint32_t retry_after_s,
                   uint64_t now_ms)
{
        struct keeper_key *key = keeper_find_key(keeper, name);

        if (!key)
                return -ENOENT;
        if (!keeper_note_verdict(key, verdict, retry_after_s, now_ms))
                return 0;
        for (struct keeper_volume *volume = keeper->volumes; volume; volume = volume->next) {
                int combined;

                if (!watches(volume, key))
                        continue;
                note_heard(volume, key);
                combined = combine(volume);
                if (combined < 0 || (combined == VERDICT_ACCESS_DENIED && !is_fresh_denial(volume)))
                        continue;
                step(volume, &(struct lease_event){.kind = LEASE_EV_VERDICT, .verdict = combined},
                     now_ms);
        }
        return 0;
}

/* ---- what to do ---- */

static bool take_order(struct keeper_volume *volume, uint64_t now_ms, struct keeper_order *ret)
{
        if (volume->order_count == 0 && volume->wake_ms <= now_ms)
                step(volume, &(struct lease_event){.kind = LEASE_EV_TIME}, now_ms);
        if (volume->order_count == 0)
                return false;
        ret->kind = KEEPER_LEASE;
        memcpy(ret->volume, volume->name, sizeof(ret->volume));
        ret->lease = volume->orders[0];
        volume->order_count--;
        memmove(&volume->orders[0], &volume->orders[1],
                volume->order_count * sizeof(volume->orders[0]));
        return true;
}

struct keeper_order keeper_next(struct keeper *keeper, uint64_t now_ms, uint64_t *ret_wake_ms)
{
        struct keeper_order order = {.kind = KEEPER_NOTHING};
        uint64_t wake = UINT64_MAX;
        const struct keeper_key *key;

        for (struct keeper_volume *volume = keeper->volumes; volume; volume = volume->next) {
                if (take_order(volume, now_ms, &order)) {
                        *ret_wake_ms = now_ms;
                        return order;
                }
                if (volume->wake_ms < wake)
                        wake = volume->wake_ms;
        }
        key = keeper_begin_probe(keeper, now_ms, &wake);
        if (key) {
                order.kind = KEEPER_PROBE;
                memcpy(order.key, key->name, sizeof(order.key));
                wake = now_ms;
        }
        *ret_wake_ms = wake;
        return order;
}

const struct lease *keeper_lease(const struct keeper *keeper, const char *name)
{
        const struct keeper_volume *volume = find_volume(keeper, name);

        return volume ? &volume->lease : NULL;
}

const struct lease_policy *keeper_policy(const struct keeper *keeper, const char *name)
{
        const struct keeper_volume *volume = find_volume(keeper, name);

        return volume ? &volume->policy : NULL;
}

int keeper_restore(struct keeper *keeper, const char *name, const struct lease *lease)
{
        struct keeper_volume *volume = find_volume(keeper, name);

        if (!volume)
                return -ENOENT;
        volume->lease = *lease;
        lease_interrupted(&volume->lease);
        volume->order_count = 0;
        volume->wake_ms = 0;
        return 0;
}
