/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* probe: has the agent ask a volume's keys now, not at the end of the interval. What they answer is
 * what `why` says a moment later. */

#include "cli/agent.h"

int verb_probe(const struct options *o)
{
        const struct agent_request request = {.method = "Probe", .volume = o->args[0]};
        struct agent *agent CLEANUP_AGENT = NULL;
        const struct json_node *answer;
        struct diag diag = DIAG_INIT;
        int r = agent_connect(o, &agent, &diag);

        if (r == 0)
                r = agent_ask(agent, &request, &answer, &diag);
        if (r != 0)
                return report_failure(o, o->args[0], exit_of_agent(r), &diag);
        return report_success(o, o->args[0], &diag,
                              "%s: its keys are asked as soon as may be; see luks-kms why %s",
                              o->args[0], o->args[0]);
}
