/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Policies and events for the tests of lease/. */

#include "unit.h"

#include "lease/lease.h"

#define EVENT(...)           (&(struct lease_event){__VA_ARGS__})
#define VERDICT_EVENT(v)     EVENT(.kind = LEASE_EV_VERDICT, .verdict = (v))
#define RUNG_EVENT(r)        EVENT(.kind = LEASE_EV_RUNG, .result = (r))
#define RESTORED_EVENT(r, v) EVENT(.kind = LEASE_EV_RESTORED, .result = (r), .restore_verdict = (v))
#define TIME_EVENT           EVENT(.kind = LEASE_EV_TIME)

/* A policy with ladders in text form; times as the defaults are, unless changed. */
static inline struct lease_policy policy_of(const char *on_revoke, const char *on_outage)
{
        struct lease_policy policy = {.max_outage_ms = 24 * 3600 * 1000,
                                      .confirm_count = 3,
                                      .confirm_span_ms = 120 * 1000,
                                      .pending_timeout_ms = UINT64_C(7) * 24 * 3600 * 1000};

        assert_int_equal(ladder_parse(on_revoke, &policy.on_revoke, NULL), 0);
        assert_int_equal(ladder_parse(on_outage, &policy.on_outage, NULL), 0);
        return policy;
}
