/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The interface org.lukskms.Agent: reads the parameters, checks them, asks the agent by its table
 * of functions, and writes the answers. The agent fills structs and knows no JSON. */

#include "agentd/metrics.h"
#include "agentd/varlink.h"

#define CONTROL_INTERFACE "org.lukskms.Agent"

/* Where the agent hands structs over, one at a time; they need to live for the call only. */
typedef void (*control_volume_fn)(void *arg, const struct report_volume *volume);
typedef void (*control_receipt_fn)(void *arg, const struct report_receipt *receipt);

struct control_drill {
        char volume[64];
        char rung[16]; /* "suspend", "close", "kill" */
        bool confirm;
};

/* agent is control_new()'s. Those that list may be asked twice for one call, must answer alike, and
 * must not wait for anything. 0, or: */
enum { CONTROL_E_NO_VOLUME = 1, CONTROL_E_REFUSED /* words are in diag */ };
struct control_ops {
        /* volume NULL: all of them. With history (the caller leaves it out of Status). */
        int (*volumes)(void *agent, const char *volume, control_volume_fn each, void *arg);
        int (*receipts)(void *agent, const char *volume, control_receipt_fn each, void *arg);
        int (*metrics)(void *agent, void (*use)(void *arg, const struct metrics *metrics),
                       void *arg);
        int (*probe)(void *agent, const char *volume, struct diag *diag);
        int (*reload)(void *agent, struct diag *diag);
        /* Not confirmed: answers with one control_drill_step(call, step, true), the plan.
         * Confirmed: 0 and call is the agent's, which ends it by control_drill_end() or
         * varlink_error(); it calls varlink_call_on_gone() so that it ends the drill and restores
         * the volume when nobody listens any more. Else as above, and call is not its own. */
        int (*drill)(void *agent, const struct control_drill *drill, struct varlink_call *call,
                     struct diag *diag);
};

struct control;

/* Serves at fd (as varlink_server_new()). ops, version and agent outlive *ret. 0 or -errno. */
int control_new(sd_event *event, int fd, const char *version, const struct control_ops *ops,
                void *agent, struct control **ret);
void control_free(struct control *control); /* accepts NULL */
struct varlink_server *control_server(struct control *control);

/* One step of a drill; last: the answer ends with it (the plan). */
int control_drill_step(struct varlink_call *call, const struct report_step *step, bool last);
int control_drill_end(struct varlink_call *call, const struct report_drill *drill);

/* org.lukskms.Agent.varlink, embedded at build time. */
extern const char control_description[];
