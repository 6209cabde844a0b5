/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What lease-model.h says. A tick is longer than every back-off, and every time of the policies is
 * a number of ticks: what can be told apart at ticks is all there is. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease-model.h"

#define TICK UINT64_C(300000)
#define NOW  (UINT64_C(1000) * TICK)

enum { OUTAGE_TICKS = 2, TICKS_MAX = 4 };

static const struct {
        const char *on_revoke, *on_outage;
        bool may_erase;
} texts[] = {
    {"alert; suspend", "keep", false},
    {"suspend; close 5min; kill 10min; erase 15min; poweroff 20min", "suspend; kill 5min", true},
};

enum { POLICIES = sizeof(texts) / sizeof(texts[0]) };

static struct lease_policy policies[POLICIES];

struct model model;

/* What was seen in the whole run; no part of any state. */
static unsigned int seen_states, seen_rungs, seen_orders;

static void tell_seen(void)
{
        (void)printf("seen: states %x rungs %x orders %x\n", seen_states, seen_rungs, seen_orders);
}

void model_begin(int policy)
{
        static bool begun;

        for (int i = 0; i < POLICIES && !begun; i++) {
                policies[i] = (struct lease_policy){.max_outage_ms = OUTAGE_TICKS * TICK,
                                                    .confirm_count = 2,
                                                    .confirm_span_ms = TICK,
                                                    .pending_timeout_ms = 2 * TICK,
                                                    .may_erase = texts[i].may_erase};
                if (ladder_parse(texts[i].on_revoke, &policies[i].on_revoke, NULL) != 0 ||
                    ladder_parse(texts[i].on_outage, &policies[i].on_outage, NULL) != 0)
                        abort();
        }
        if (!begun)
                (void)atexit(tell_seen);
        begun = true;
        memset(&model, 0, sizeof(model));
        lease_init(&model.lease);
        model.policy = policy;
        model.may_erase = policies[policy].may_erase;
        model.climbs = policies[policy].on_outage.count > 0;
        seen_states |= 1U << model.lease.state;
}

void model_event(int kind, int verdict, int suspended, int result)
{
        const struct lease_policy *policy = &policies[model.policy];
        struct lease_event event = {.kind = (enum lease_event_kind)kind,
                                    .verdict = verdict,
                                    .restore_verdict = verdict,
                                    .suspended = suspended != 0,
                                    .result = (enum lease_result)result};
        uint64_t wake = 0, at = 0;
        enum rung_kind next = RUNG_ALERT;
        struct lease_order order = lease_step(policy, &model.lease, &event, NOW, &wake);

        if (order.kind == LEASE_NOTHING && wake <= NOW)
                abort(); /* it would be called for ever */
        model.order = (int)order.kind;
        model.rung = (int)order.rung;
        model.soon = lease_next_rung(policy, &model.lease, &next, &at) && at <= NOW + TICK;
        model.next = (int)next;
        seen_states |= 1U << model.lease.state;
        seen_orders |= 1U << order.kind;
        if (order.kind == LEASE_DO_RUNG)
                seen_rungs |= 1U << order.rung;
}

static uint64_t earlier(uint64_t ms)
{
        return ms ? ms - TICK : 0;
}

void model_tick(void)
{
        struct lease *l = &model.lease;

        l->trouble_ms = earlier(l->trouble_ms);
        l->first_denial_ms = earlier(l->first_denial_ms);
        l->retry_ms = 0;
}

void model_kill(void)
{
        char text[LEASE_TEXT_MAX];

        if (lease_save(&model.lease, text, sizeof(text)) != 0 ||
            lease_load(text, &model.lease) != 0)
                abort();
        lease_interrupted(&model.lease);
}

static uint64_t no_longer_ago(uint64_t ms)
{
        return ms && ms < NOW - TICKS_MAX * TICK ? NOW - TICKS_MAX * TICK : ms;
}

/* What has no influence on what follows is made equal. */
void model_make_canonical(void)
{
        struct lease *l = &model.lease;

        l->since_ms = 0;
        l->trouble_ms = no_longer_ago(l->trouble_ms);
        l->first_denial_ms = no_longer_ago(l->first_denial_ms);
        l->retry_ms = l->retry_ms > NOW ? NOW + 1 : 0;
        l->failures = l->failures > 0;
        if (l->denials > 2)
                l->denials = 2;
        model.order = model.rung = model.next = model.soon = 0;
}

int model_rung_ticks(int by_outage, int kind)
{
        const struct lease_policy *policy = &policies[model.policy];
        const struct ladder *ladder = by_outage ? &policy->on_outage : &policy->on_revoke;

        for (size_t i = 0; i < ladder->count; i++)
                if ((int)ladder->rungs[i].kind == kind)
                        return (int)(ladder->rungs[i].after_ms / TICK);
        return 99;
}
