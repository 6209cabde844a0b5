/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside lease/: the two halves of a step. lease_event.c takes an event in, lease.c says what to do
 * about what is there then. */

#include "lease/lease.h"

/* Times saturate: UINT64_MAX is never. */
static inline uint64_t time_after(uint64_t ms, uint64_t span)
{
        return ms > UINT64_MAX - span ? UINT64_MAX : ms + span;
}

static inline bool time_elapsed(uint64_t since, uint64_t span, uint64_t now)
{
        return now >= time_after(since, span);
}

/* The first half of lease_step(). */
void lease_take(const struct lease_policy *policy, struct lease *lease,
                const struct lease_event *event, uint64_t now);

/* A new state, with what belongs to the old one's clocks and tries gone. */
void lease_enter(struct lease *lease, enum lease_state state, uint64_t now);

/* Nothing is wanted any more. What is erased and what runs stays so. */
void lease_close(struct lease *lease, uint64_t now);
