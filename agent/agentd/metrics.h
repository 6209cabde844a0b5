/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The agent's figures as OpenMetrics text (openmetrics.io, version 1.0). */

#include "agentd/report.h"
#include "lease/lease.h"

struct metrics_key {
        const char *key;
        uint64_t probes[VERDICT_MAX_ + 1]; /* ended, by verdict */
        uint64_t success_ms;               /* last grant, wall clock; 0: none yet */
};

enum { METRICS_RESULTS = LEASE_HUNG + 1 };

struct metrics_volume {
        const char *volume;
        enum lease_state state;
        int rung;                                     /* enum rung_kind or LEASE_NO_RUNG */
        uint64_t rungs[RUNG_KINDS_][METRICS_RESULTS]; /* ended, by enum lease_result */
        int erasure_proven;                           /* last receipt: 1 or 0; -1: there is none */
};

struct metrics {
        const char *version;
        uint64_t now_ms;
        const struct metrics_key *keys;
        size_t key_count;
        const struct metrics_volume *volumes;
        size_t volume_count;
        uint64_t audit_errors;
};

/* The whole text into buf, NUL-terminated. 0 with its length; -ENOBUFS. */
int metrics_write(const struct metrics *metrics, char *buf, size_t size, size_t *ret_len);
