/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The lease machine for tests/model/lease.pml: the code itself, not a likeness of it. spin stores
 * struct model with each state and puts it back, so that the machine's state is the model's. */

#include "lease/lease.h"

struct model {
        struct lease lease;
        int policy, may_erase, climbs;
        int order; /* of the last step: enum lease_order_kind */
        int rung;
        int next; /* the rung that is next, and ... */
        int soon; /* ... that it is not after the next tick */
};

extern struct model model;

void model_begin(int policy);
void model_event(int kind, int verdict, int suspended, int result);
void model_tick(void);
void model_kill(void); /* SIGKILL for the agent, and a new one */
void model_make_canonical(void);

/* In ticks: when kind begins after the cause; 99: not on the ladder. */
int model_rung_ticks(int by_outage, int kind);
