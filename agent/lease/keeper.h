/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The keeper: all leases of this machine, and when to probe which key. Pure but for memory: no
 * I/O, no clock. The agent (agentd) feeds it with verdicts and events and does what it orders; a
 * simulation does the same with a clock of its own (tests/unit/test-keeper-day.c).
 *
 * A key here is a [Key] section: one URI with one set of credentials. Each is probed once an
 * interval, whatever the number of volumes that it guards. A volume with several keys is granted if
 * one of them is, in doubt if one of them cannot be asked, and denied only when all are. Only keys
 * that the volume's header has a token for count (keeper_watch()). */

#include "lease/lease.h"

struct keeper;

enum { KEEPER_NAME_MAX = 64, KEEPER_KEYS_MAX = 8 };

/* seed: of this machine (from its machine-id); spreads the probes of a fleet. NULL: no memory. */
struct keeper *keeper_new(uint64_t seed);
void keeper_free(struct keeper *keeper); /* accepts NULL */

/* Declares a key, or changes its interval. 0 or -ENOMEM. */
int keeper_set_key(struct keeper *keeper, const char *key, uint64_t interval_ms);

/* Declares a volume (lease_init()), or changes its policy. 0 or -ENOMEM. */
int keeper_set_volume(struct keeper *keeper, const char *volume, const struct lease_policy *policy);

/* Forgets what was not set again since keeper_mark(): for a reload of the configuration. A volume
 * that is forgotten has no orders any more; its mapping stays as it is. */
void keeper_mark(struct keeper *keeper);
void keeper_sweep(struct keeper *keeper);

/* Forgets one volume, orders and all; its mapping stays as it is. */
void keeper_drop_volume(struct keeper *keeper, const char *volume);

/* Which keys a volume's header has tokens for. 0, -ENOENT (no such volume or key), -E2BIG (more
 * than KEEPER_KEYS_MAX). */
int keeper_watch(struct keeper *keeper, const char *volume, const char *const *keys, size_t count);

/* An event of one volume. -ENOENT. */
int keeper_event(struct keeper *keeper, const char *volume, const struct lease_event *event,
                 uint64_t now_ms);

/* A probe's end, or any other answer of this key's service (an unwrap for a restore counts too).
 * retry_after_s: as the service asked, 0 if it did not. -ENOENT. */
int keeper_verdict(struct keeper *keeper, const char *key, int verdict, uint32_t retry_after_s,
                   uint64_t now_ms);

/* A probe that was ordered and has no answer, as it was broken off by us: the next one comes when
 * the interval allows. */
void keeper_no_verdict(struct keeper *keeper, const char *key);

/* Asks for a probe of this key as soon as invariant 6 allows. -ENOENT. */
int keeper_hurry(struct keeper *keeper, const char *key, uint64_t now_ms);

enum keeper_order_kind { KEEPER_NOTHING, KEEPER_PROBE, KEEPER_LEASE };

struct keeper_order {
        enum keeper_order_kind kind;
        char key[KEEPER_NAME_MAX];    /* KEEPER_PROBE: its end comes back by keeper_verdict() */
        char volume[KEEPER_NAME_MAX]; /* KEEPER_LEASE: what is to be done ... */
        struct lease_order lease;     /* ... is here */
};

/* The next thing to do by now; call until KEEPER_NOTHING, then again at *ret_wake_ms at the latest
 * (UINT64_MAX: never). A key is probed only while a volume that is not LEASE_CLOSED watches it. */
struct keeper_order keeper_next(struct keeper *keeper, uint64_t now_ms, uint64_t *ret_wake_ms);

/* For status and why. NULL, or valid until the keeper changes. */
const struct lease *keeper_lease(const struct keeper *keeper, const char *volume);
const struct lease_policy *keeper_policy(const struct keeper *keeper, const char *volume);

/* Last verdict of a key (-1: none yet) and its time; when the next probe is due; whether one is on
 * its way. -ENOENT. */
struct keeper_probe {
        int verdict;
        uint64_t verdict_ms, next_ms, interval_ms;
        bool in_flight;
};
int keeper_probe(const struct keeper *keeper, const char *key, struct keeper_probe *ret);

/* Puts a saved lease back (before any event), as lease_interrupted() leaves it. -ENOENT. */
int keeper_restore(struct keeper *keeper, const char *volume, const struct lease *lease);
