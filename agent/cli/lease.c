/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's part of `status`. What the kernel says is told in any case: an agent that hangs costs
 * its timeout once, and one line says so. */

#include "cli/lease.h"

void lease_begin(struct lease_line *l, const struct options *o)
{
        struct diag diag = DIAG_INIT;
        int r;

        *l = (struct lease_line){.agent = NULL};
        r = agent_connect(o, &l->agent, &diag);
        l->absent = r == AGENT_E_NOT_RUNNING;
        if (r != 0 && !l->absent)
                (void)snprintf(l->trouble, sizeof(l->trouble), "%s", diag.message);
}

void lease_end(struct lease_line *l)
{
        agent_free(l->agent);
        l->agent = NULL;
}

const struct json_node *lease_ask(struct lease_line *l, const char *volume)
{
        const struct agent_request request = {.method = "Status", .volume = volume};
        const struct json_node *answer = NULL;
        struct diag diag = DIAG_INIT;
        int r;

        if (!l->agent)
                return NULL;
        l->trouble[0] = '\0';
        r = agent_ask(l->agent, &request, &answer, &diag);
        if (r == 0)
                return json_first(json_get(answer, "volumes"));
        (void)snprintf(l->trouble, sizeof(l->trouble), "%s", diag.message);
        if (r != AGENT_E_NO_VOLUME)
                lease_end(l);
        return NULL;
}

void lease_print(struct lease_line *l, const char *volume)
{
        const struct json_node *found = lease_ask(l, volume);
        char state[32], rung[32], next[32], at[40];

        if (!found) {
                if (!l->absent)
                        (void)printf("  lease        not known: %s\n", l->trouble);
                return;
        }
        (void)agent_text(found, "state", state, sizeof(state));
        (void)agent_text(found, "rung", rung, sizeof(rung));
        (void)agent_text(found, "next_rung", next, sizeof(next));
        (void)agent_text(found, "next_rung_at", at, sizeof(at));
        (void)printf("  lease        %s%s%s%s%s%s%s%s\n", state, rung[0] ? ", rung " : "", rung,
                     agent_flag(found, "unproven") ? " (key not proven to be gone)" : "",
                     next[0] ? "; next " : "", next, next[0] ? " at " : "", next[0] ? at : "");
}

void lease_write(struct lease_line *l, const char *volume, struct jsonw *w)
{
        const struct json_node *found = lease_ask(l, volume);

        if (found)
                agent_copy(w, "lease", found);
        else if (!l->absent)
                jsonw_string(w, "lease_error", l->trouble);
}
