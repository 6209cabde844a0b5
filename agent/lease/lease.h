/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The lease machine: what the agent holds for one volume, and what to do next about it. Pure: no
 * I/O, no clock, no allocation; time is passed in (milliseconds of CLOCK_BOOTTIME, so that delays
 * go on while the agent is not running and while the machine sleeps). A struct lease is plain data
 * and may be copied, compared and saved.
 *
 * Invariants, held by tests/unit/test-lease-explore.c (every reachable state) and by the model in
 * tests/model/lease.pml (spin):
 * 1. No rung past alert without key-state, or access-denied confirmed, or an outage past MaxOutage
 *    where OnOutage has rungs.
 * 2. granted undoes every rung that can be undone. close, kill, poweroff and erase are not undone
 *    in place; closed and killed volumes are opened again.
 * 3. After suspend, close and kill erasure is proven, or the ladder goes on at once to the next
 *    stronger rung (erase excepted, which always waits for its own time; kill is implied where the
 *    ladder has nothing stronger than what failed).
 * 4. An ephemeral volume never has a lease: there is none to make.
 * 5. A restart changes nothing: a lease that is saved and loaded goes on as if it had not been.
 * 6. (of keeper.h) A new probe is never sooner than the interval. */

#include <stdbool.h>
#include <stdint.h>

#include "base/verdict.h"
#include "policy/ladder.h"

struct lease_policy {
        struct ladder on_revoke;
        struct ladder on_outage;     /* count 0: keep, whatever the outage's length */
        uint64_t max_outage_ms;      /* an outage longer than this climbs on_outage */
        uint32_t confirm_count;      /* access-denied answers that make a revocation (3) */
        uint64_t confirm_span_ms;    /* ... the last at least so long after the first (2 min) */
        uint64_t pending_timeout_ms; /* a volume without a grant is given up after this (7 days) */
        bool may_erase;              /* RUNG_ERASE is opted in */
};

enum lease_state {
        LEASE_CLOSED,    /* no mapping, none wanted (given up, closed by somebody, never wanted) */
        LEASE_PENDING,   /* wanted, device there, no grant yet, or opening did not succeed yet */
        LEASE_OPEN,      /* mapping live, last verdict granted (or none yet, after adoption) */
        LEASE_DOUBTFUL,  /* mapping live, the key service does not answer usefully */
        LEASE_DENIED,    /* mapping live, denied, not yet confirmed */
        LEASE_REVOKED,   /* revocation established (or outage over MaxOutage): on the ladder */
        LEASE_RESTORING, /* granted again: resume or open is under way */
        LEASE_STATES_
};

enum lease_work { LEASE_IDLE, LEASE_RUNG_RUNS, LEASE_RESTORE_RUNS };

enum { LEASE_NO_RUNG = -1, LEASE_FAILURES_MAX = 9 /* counted */ };

struct lease {
        enum lease_state state;
        enum lease_work work;   /* what was ordered and has not ended */
        uint64_t since_ms;      /* of state */
        uint64_t trouble_ms;    /* begin of this revocation's, outage's or pending's clock */
        bool by_outage;         /* which ladder; LEASE_REVOKED only */
        int rung;               /* strongest rung that has begun: enum rung_kind, LEASE_NO_RUNG */
        enum rung_kind running; /* work == LEASE_RUNG_RUNS: which */
        bool unproven;          /* the last wiping rung ended without proof that the key is gone */
        bool mapped;            /* there is a mapping */
        bool suspended;         /* ... whose key is wiped (or that was tried), or that is dead */
        bool dead;              /* ... that was killed: only opened anew */
        bool wanted;            /* open it (again) when granted */
        bool erased;            /* keyslots are gone: never opened again */
        bool succeeded;         /* granted once with this configuration: denials mean something */
        uint32_t denials;       /* access-denied since the last grant */
        uint64_t first_denial_ms; /* of these */
        bool alerted;             /* RUNG_ALERT was ordered for this revocation or long outage */
        bool refused;             /* the last restore failed by the key service's answer */
        uint32_t failures;        /* restores, opens or kills that failed in a row: backoff */
        uint64_t retry_ms;        /* not before: next try to restore, open, or kill again */
};

enum lease_event_kind {
        LEASE_EV_WANTED,   /* configured to be open, device there, no mapping */
        LEASE_EV_ADOPTED,  /* a live mapping was found (suspended: its key is wiped) */
        LEASE_EV_GONE,     /* the mapping is no more, or the device went; not our rung's doing */
        LEASE_EV_VERDICT,  /* a probe's, combined over the volume's keys */
        LEASE_EV_RUNG,     /* the running rung ended */
        LEASE_EV_RESTORED, /* the running resume or open ended */
        LEASE_EV_CHANGED,  /* the configuration of key or credentials changed: succeeded is void */
        LEASE_EV_TIME,     /* nothing but time has passed */
        LEASE_EVENTS_
};

enum lease_result { LEASE_DONE, LEASE_FAILED, LEASE_HUNG };

struct lease_event {
        enum lease_event_kind kind;
        int verdict;              /* LEASE_EV_VERDICT: enum verdict */
        bool suspended;           /* LEASE_EV_ADOPTED */
        enum lease_result result; /* LEASE_EV_RUNG: LEASE_DONE means proven; LEASE_EV_RESTORED */
        int restore_verdict;      /* LEASE_EV_RESTORED, not LEASE_DONE: what the key service said
                                   * (VERDICT_GRANTED if it was not its fault) */
};

enum lease_order_kind {
        LEASE_NOTHING,
        LEASE_DO_RUNG,   /* begin .rung; its end comes back as LEASE_EV_RUNG */
        LEASE_DO_RESUME, /* unwrap and resume (or open anew, where what is there proves dead);
                          * LEASE_EV_RESTORED */
        LEASE_DO_OPEN,   /* unwrap and activate, in place of a dead mapping that is still there;
                          * LEASE_EV_RESTORED */
        LEASE_GIVE_UP,   /* pending too long: tell; the lease is closed now */
        LEASE_RESTORED,  /* tell: back to normal after an alert, nothing to do */
};

struct lease_order {
        enum lease_order_kind kind;
        enum rung_kind rung;
};

void lease_init(struct lease *lease);

/* Takes one event in and says what to do about it: at most one order at a time. The caller calls
 * again with LEASE_EV_TIME after each order other than LEASE_NOTHING, and at *ret_wake_ms
 * (UINT64_MAX: never) at the latest. An event that makes no sense in this state (a late end of a
 * rung that is no longer running) changes nothing. */
struct lease_order lease_step(const struct lease_policy *policy, struct lease *lease,
                              const struct lease_event *event, uint64_t now_ms,
                              uint64_t *ret_wake_ms);

/* After a restart of the agent: what was running died with it, and is to be done again. Before any
 * event (keeper_restore() does it); then comes what was found: LEASE_EV_ADOPTED, GONE or WANTED. */
void lease_interrupted(struct lease *lease);

/* "open", "revoked"; for people and status. */
const char *lease_state_name(enum lease_state state);

/* The next rung that will begin if nothing changes, and when. False: none. For `why`. */
bool lease_next_rung(const struct lease_policy *policy, const struct lease *lease,
                     enum rung_kind *ret_kind, uint64_t *ret_at_ms);

/* One line of text, and back; a version is in it. lease_load(): 0, or -EINVAL for anything that
 * lease_save() does not write (out of range, unknown version, trailing bytes). */
enum { LEASE_TEXT_MAX = 512 };
int lease_save(const struct lease *lease, char *buf, size_t size);
int lease_load(const char *text, struct lease *ret);
