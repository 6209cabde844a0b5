/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A monitor beside the lease machine: from the events alone it knows whether there is a cause for
 * rungs, and whether a key is in the kernel. It judges every order. It shares no code with the
 * machine, so that both have to be wrong for a wrong order to pass. */

#include "lease-fixture.h"

/* One step of time. Every back-off is shorter, and every time of the policies is a multiple: what
 * can be told apart at such moments is all there is. */
#define QUANTUM UINT64_C(300000)
#define NOW     (UINT64_C(1000) * QUANTUM)

struct monitor {
        bool table, key;      /* a mapping; a key in it, or half of one */
        bool denied, outlast; /* cause for rungs: a revocation; an outage over the limit */
        bool over_limit;      /* an outage over the limit, even where nothing follows from it */
        bool doubtful;        /* the last answer was none */
        bool succeeded;
        bool told, alarmed; /* the alert of this cause; an alert with nothing told since */
        bool left;          /* a wiping rung ended without proof */
        bool erased, off;   /* erase is done; poweroff is ordered */
        uint32_t denials;
        uint64_t first_ms, doubt_ms, cause_ms;
};

/* Told before the machine steps. before: the lease as it is then. */
void monitor_event(struct monitor *m, const struct lease_policy *policy, const struct lease *before,
                   const struct lease_event *event);

/* Told after it: a volume that is closed has no trouble any more. */
void monitor_after(struct monitor *m, const struct lease *lease);

/* Each order, as it comes. NULL, or what is wrong with it. */
const char *monitor_order(struct monitor *m, const struct lease_policy *policy,
                          const struct lease *lease, struct lease_order order);

/* Once no more orders come. NULL, or what is wrong. wake: the machine's. */
const char *monitor_settled(const struct monitor *m, const struct lease_policy *policy,
                            const struct lease *lease, uint64_t wake);

/* When kind begins by the ladder that holds now; UINT64_MAX: it is not on it. */
uint64_t monitor_rung_time(const struct monitor *m, const struct lease_policy *policy, int kind);
