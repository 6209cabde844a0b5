/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the agent tells of itself, as plain structs that it fills, and their JSON, whose form is
 * org.lukskms.Agent.varlink's. Strings may be NULL or "": they are left out then, as is a time of
 * 0. Times are milliseconds since 1970 (wall clock). Nothing here keeps a pointer. */

#include "base/clock.h"
#include "base/json.h"

/* The last answer about one key. */
struct report_probe {
        const char *key, *uri; /* name of its section, key URI */
        const char *verdict;   /* "granted"; NULL: none yet */
        const char *code, *request_id, *message;
        uint64_t at_ms, next_ms, interval_ms;
        bool in_flight;
};

struct report_event {
        uint64_t at_ms;
        const char *event; /* as in the audit log: "verdict", "rung", "restore", "adopt", ... */
        const char *verdict, *code, *request_id, *message;
        const char *rung, *outcome;
};

enum { REPORT_HISTORY_MAX = 32 };

struct report_volume {
        const char *name, *mapping, *uuid, *role, *device;
        const char *state; /* lease_state_name() */
        bool suspended, by_outage, unproven;
        const char *rung; /* strongest that has begun; NULL: none */
        uint64_t since_ms;
        const char *next_rung; /* NULL: none */
        uint64_t next_rung_ms;
        const struct report_probe *keys;
        size_t key_count;
        const struct report_event *history; /* oldest first; the last REPORT_HISTORY_MAX are told */
        size_t history_count;
};

struct report_step {
        uint64_t at_ms;
        const char *step; /* "plan", "notice", "enforce", "prove", "restore", "check" */
        const char *message;
        uint64_t elapsed_ms; /* since the drill began */
};

struct report_receipt {
        uint64_t at_ms;
        const char *volume, *uuid, *rung;
        bool proven;
        const char *table, *mappings; /* struct erasure's */
        uint64_t keyring_keys;
        const char *message;
};

/* The end of a drill, for an auditor. */
struct report_drill {
        const char *volume, *uuid, *key;
        const char *policy; /* ladder_write() */
        const char *rung;
        bool passed;
        const char *message; /* what failed; or that all went as it should */
        uint64_t begun_ms, interval_ms;
        uint64_t noticed_ms, enforced_ms, restored_ms; /* durations; 0: did not come to that */
        const struct report_receipt *receipt;          /* NULL: none */
        const char *const *request_ids; /* end with NULL, as the two below; or NULL */
        const char *const *changed, *const *unchanged;
};

/* Each writes the members of one object, which the caller has opened and closes. */
void report_write_probe(struct jsonw *w, const struct report_probe *probe);
void report_write_event(struct jsonw *w, const struct report_event *event);
void report_write_volume(struct jsonw *w, const struct report_volume *volume); /* no history */
void report_write_step(struct jsonw *w, const struct report_step *step);
void report_write_receipt(struct jsonw *w, const struct report_receipt *receipt);
void report_write_drill(struct jsonw *w, const struct report_drill *drill);

/* Writes the members "volume" (an object), "history" and "sentences". */
void report_write_why(struct jsonw *w, const struct report_volume *volume, uint64_t now_ms);

/* What is so and what happens next, in sentences for people. Returns how many. */
enum { REPORT_SENTENCES_MAX = 6, REPORT_SENTENCE_MAX = 320 };
size_t report_sentences(const struct report_volume *volume, uint64_t now_ms,
                        char ret[REPORT_SENTENCES_MAX][REPORT_SENTENCE_MAX]);

/* "850 ms", "12 s", "5 min", "1 h 30 min", "2 d 3 h". */
enum { REPORT_SPAN_MAX = 32 };
void report_span(uint64_t ms, char buf[REPORT_SPAN_MAX]);
