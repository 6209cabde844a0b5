/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* why: how a volume came to stand as it does, and what happens next. All of it is the agent's. */

#include "cli/agent.h"

static void print_field(const struct json_node *object, const char *name, const char *label)
{
        char text[512];

        if (agent_text(object, name, text, sizeof(text))[0])
                (void)printf("  %-12s %s\n", label, text);
}

/* "main: key-state, DisabledException, request ...": what there is of it. */
static void print_key(const struct json_node *probe)
{
        static const char *const fields[][2] = {{"verdict", ": "},
                                                {"code", ", "},
                                                {"request_id", ", request "},
                                                {"at", ", at "},
                                                {"next_at", "; asked next at "}};
        char text[128];

        (void)printf("  %-12s %s", "key", agent_text(probe, "key", text, sizeof(text)));
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
                if (agent_text(probe, fields[i][0], text, sizeof(text))[0])
                        (void)printf("%s%s", fields[i][1], text);
        (void)puts(agent_flag(probe, "in_flight") ? "; being asked" : "");
}

static void print_event(const struct json_node *event)
{
        static const char *const fields[] = {"rung", "outcome", "verdict", "code"};
        char text[384];

        (void)printf("  %s", agent_text(event, "time", text, sizeof(text)));
        (void)printf("  %-10s", agent_text(event, "event", text, sizeof(text)));
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
                if (agent_text(event, fields[i], text, sizeof(text))[0])
                        (void)printf(" %s", text);
        if (agent_text(event, "request_id", text, sizeof(text))[0])
                (void)printf(" (request %s)", text);
        if (agent_text(event, "message", text, sizeof(text))[0])
                (void)printf(": %s", text);
        (void)puts("");
}

static void print_text(const char *name, const struct json_node *answer)
{
        const struct json_node *volume = json_get(answer, "volume");
        char text[512];

        (void)printf("%s: %s\n", name, agent_text(volume, "state", text, sizeof(text)));
        print_field(volume, "device", "device");
        print_field(volume, "uuid", "uuid");
        print_field(volume, "role", "role");
        print_field(volume, "rung", "rung");
        for (const struct json_node *n = json_first(json_get(volume, "keys")); n; n = json_next(n))
                print_key(n);
        (void)puts("");
        for (const struct json_node *n = json_first(json_get(answer, "sentences")); n;
             n = json_next(n))
                (void)puts(agent_string(n, text, sizeof(text)));
        if (json_count(json_get(answer, "history")) > 0)
                (void)puts("\nhistory:");
        for (const struct json_node *n = json_first(json_get(answer, "history")); n;
             n = json_next(n))
                print_event(n);
}

int verb_why(const struct options *o)
{
        const struct agent_request request = {.method = "Why", .volume = o->args[0]};
        struct agent *agent CLEANUP_AGENT = NULL;
        const struct json_node *answer;
        struct diag diag = DIAG_INIT;
        int r = agent_connect(o, &agent, &diag);

        if (r == 0)
                r = agent_ask(agent, &request, &answer, &diag);
        if (r != 0)
                return report_failure(o, o->args[0], exit_of_agent(r), &diag);
        if (o->json)
                agent_print_json(o, EXIT_OK, answer);
        else
                print_text(o->args[0], answer);
        return EXIT_OK;
}
