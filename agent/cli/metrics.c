/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* metrics: the agent's figures, as OpenMetrics text, byte for byte as it writes them: for a
 * collector that reads files, or a person. */

#include "cli/agent.h"

enum { TEXT_MAX = 262144 };

int verb_metrics(const struct options *o)
{
        const struct agent_request request = {.method = "Metrics"};
        struct agent *agent CLEANUP_AGENT = NULL;
        char *text CLEANUP_FREE = malloc(TEXT_MAX);
        const struct json_node *answer;
        struct diag diag = DIAG_INIT;
        int r = agent_connect(o, &agent, &diag);

        if (r == 0)
                r = agent_ask(agent, &request, &answer, &diag);
        if (r == 0 && (!text || json_string(json_get(answer, "text"), text, TEXT_MAX) != 0))
                r = diag_refuse(&diag, AGENT_E_NO_ANSWER, "agent-answer",
                                "the agent answers out of form");
        if (r != 0)
                return report_failure(o, NULL, exit_of_agent(r), &diag);
        if (o->json)
                agent_print_json(o, EXIT_OK, answer);
        else
                (void)fputs(text, stdout);
        return EXIT_OK;
}
