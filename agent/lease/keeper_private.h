/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside lease/: what a keeper holds. keeper.c has the volumes and what is told about them,
 * keeper_probe.c the keys and their schedule. */

#include <stddef.h>

#include "lease/keeper.h"

struct keeper_key {
        char name[KEEPER_NAME_MAX];
        uint64_t interval_ms;
        uint64_t begin_ms;   /* of the last probe */
        uint64_t next_ms;    /* if scheduled */
        uint64_t pause_ms;   /* not before: Retry-After */
        uint64_t verdict_ms; /* of the last verdict */
        uint64_t denial_ms;  /* of the last access-denied that counted */
        int verdict;         /* -1: none */
        uint32_t probes;
        bool in_flight, scheduled, hurried;
        bool denied; /* denial_ms is one */
        bool marked; /* not set since keeper_mark() */
        struct keeper_key *next;
};

/* Orders that were not taken yet: at most one that begins work, and what is told before it. */
enum { KEEPER_ORDERS_MAX = 4 };

struct keeper_volume {
        char name[KEEPER_NAME_MAX];
        struct lease_policy policy;
        struct lease lease;
        struct lease_order orders[KEEPER_ORDERS_MAX];
        size_t order_count;
        uint64_t wake_ms;
        struct keeper_key *keys[KEEPER_KEYS_MAX];
        bool heard[KEEPER_KEYS_MAX]; /* said access-denied since that was last counted */
        size_t key_count;
        bool marked;
        struct keeper_volume *next;
};

struct keeper {
        uint64_t seed;
        struct keeper_key *keys;
        struct keeper_volume *volumes;
};

/* NULL: none of this name. */
struct keeper_key *keeper_find_key(const struct keeper *keeper, const char *name);

/* Whether a volume that is not closed watches it. */
bool keeper_is_watched(const struct keeper *keeper, const struct keeper_key *key);

/* The probe that is due, begun; or NULL, and *wake no later than the next. */
struct keeper_key *keeper_begin_probe(struct keeper *keeper, uint64_t now_ms, uint64_t *wake);

/* Takes a verdict into the key. False: an access-denied too soon after another to count. */
bool keeper_note_verdict(struct keeper_key *key, int verdict, uint32_t retry_after_s,
                         uint64_t now_ms);
