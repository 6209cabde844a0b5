/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When which key is probed. Holds invariant 6: whatever is asked, failed or restarted, two probes
 * of a key do not begin within its interval; and one that did not end keeps the next from
 * beginning. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lease/keeper_private.h"
#include "lease/lease_machine.h"

/* A service that asks for more is asked again all the same: a grant may have come back. */
enum { PAUSE_MAX_S = 3600, JITTER_MAX_MS = 500, JITTER_PART = 20 };

/* A number of this machine, this key and this probe (splitmix64 over FNV-1a). */
static uint64_t spread(const struct keeper *keeper, const struct keeper_key *key)
{
        uint64_t h = UINT64_C(0xcbf29ce484222325) ^ keeper->seed;

        for (const char *c = key->name; *c; c++)
                h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
        h += UINT64_C(0x9e3779b97f4a7c15) * (key->probes + UINT64_C(1));
        h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
        return h ^ (h >> 31);
}

static uint64_t jitter(const struct keeper *keeper, const struct keeper_key *key)
{
        uint64_t most = key->interval_ms / JITTER_PART;

        if (most > JITTER_MAX_MS)
                most = JITTER_MAX_MS;
        return spread(keeper, key) % (most + 1);
}

static uint64_t latest(uint64_t a, uint64_t b)
{
        return a > b ? a : b;
}

/* The first within the interval, at a moment of this machine's own; the others an interval and a
 * jitter after the one before. Hurried: as soon as the interval allows. */
static void schedule(const struct keeper *keeper, struct keeper_key *key, uint64_t now)
{
        uint64_t at = now;

        if (!key->hurried && key->probes == 0)
                at = time_after(now, spread(keeper, key) % (key->interval_ms + 1));
        if (key->probes > 0)
                at = latest(at, time_after(key->begin_ms,
                                           time_after(key->interval_ms,
                                                      key->hurried ? 0 : jitter(keeper, key))));
        key->next_ms = latest(at, key->pause_ms);
        key->scheduled = true;
}

struct keeper_key *keeper_begin_probe(struct keeper *keeper, uint64_t now_ms, uint64_t *wake)
{
        struct keeper_key *due = NULL;

        for (struct keeper_key *key = keeper->keys; key; key = key->next) {
                if (!keeper_is_watched(keeper, key)) {
                        key->scheduled = key->hurried = false;
                        continue;
                }
                if (key->in_flight)
                        continue;
                if (!key->scheduled)
                        schedule(keeper, key, now_ms);
                if (key->next_ms <= now_ms && (!due || key->next_ms < due->next_ms))
                        due = key;
                if (key->next_ms < *wake)
                        *wake = key->next_ms;
        }
        if (!due)
                return NULL;
        due->in_flight = true;
        due->scheduled = due->hurried = false;
        due->begin_ms = now_ms;
        due->probes++;
        return due;
}

bool keeper_note_verdict(struct keeper_key *key, int verdict, uint32_t retry_after_s,
                         uint64_t now_ms)
{
        uint64_t pause_s = retry_after_s < PAUSE_MAX_S ? retry_after_s : PAUSE_MAX_S;

        key->in_flight = false;
        key->verdict = verdict;
        key->verdict_ms = now_ms;
        if (retry_after_s > 0)
                key->pause_ms = latest(key->pause_ms, time_after(now_ms, pause_s * 1000));
        if (key->scheduled)
                key->next_ms = latest(key->next_ms, key->pause_ms);
        if (verdict != VERDICT_ACCESS_DENIED)
                return true;
        if (key->denied && !time_elapsed(key->denial_ms, key->interval_ms / 2, now_ms))
                return false;
        key->denied = true;
        key->denial_ms = now_ms;
        return true;
}

void keeper_no_verdict(struct keeper *keeper, const char *name)
{
        struct keeper_key *key = keeper_find_key(keeper, name);

        if (key)
                key->in_flight = false;
}

int keeper_hurry(struct keeper *keeper, const char *name, uint64_t now_ms)
{
        struct keeper_key *key = keeper_find_key(keeper, name);

        if (!key)
                return -ENOENT;
        key->hurried = true;
        if (!key->in_flight && keeper_is_watched(keeper, key))
                schedule(keeper, key, now_ms);
        return 0;
}

int keeper_set_key(struct keeper *keeper, const char *name, uint64_t interval_ms)
{
        struct keeper_key *key = keeper_find_key(keeper, name);

        if (!key) {
                key = strlen(name) < KEEPER_NAME_MAX ? calloc(1, sizeof(*key)) : NULL;
                if (!key)
                        return -ENOMEM;
                memcpy(key->name, name, strlen(name) + 1);
                key->verdict = -1;
                key->next = keeper->keys;
                keeper->keys = key;
        }
        if (key->interval_ms != interval_ms)
                key->scheduled = false;
        key->interval_ms = interval_ms;
        key->marked = false;
        return 0;
}

int keeper_probe(const struct keeper *keeper, const char *name, struct keeper_probe *ret)
{
        const struct keeper_key *key = keeper_find_key(keeper, name);

        if (!key)
                return -ENOENT;
        *ret = (struct keeper_probe){
            .verdict = key->verdict,
            .verdict_ms = key->verdict_ms,
            .next_ms = key->scheduled ? key->next_ms : UINT64_MAX,
            .interval_ms = key->interval_ms,
            .in_flight = key->in_flight,
        };
        return 0;
}
