/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* drill: a fire drill. The agent does it; here it is announced, confirmed, followed step by step,
 * and its report printed. Nothing is begun before somebody, or --yes, has said so. */

#include "cli/agent.h"

static const struct json_node *step_of(const struct json_node *answer)
{
        return json_get(answer, "step");
}

static void print_step(const struct options *o, const struct json_node *answer)
{
        const uint64_t ms = agent_number(step_of(answer), "elapsed_ms");
        char step[32], text[512];

        if (o->json) {
                agent_print_json(o, EXIT_OK, answer);
        } else {
                (void)agent_text(step_of(answer), "step", step, sizeof(step));
                (void)agent_text(step_of(answer), "message", text, sizeof(text));
                (void)printf("%6llu.%03llu s  %-8s %s\n", (unsigned long long)(ms / 1000),
                             (unsigned long long)(ms % 1000), step, text);
        }
        (void)fflush(stdout);
}

/* ---- the report ---- */

static void print_field(const struct json_node *report, const char *name, const char *label)
{
        char text[768];

        if (agent_text(report, name, text, sizeof(text))[0])
                (void)printf("  %-19s %s\n", label, text);
}

static void print_span(const struct json_node *report, const char *name, const char *label)
{
        const uint64_t ms = agent_number(report, name);

        if (ms > 0)
                (void)printf("  %-19s %llu.%03llu s\n", label, (unsigned long long)(ms / 1000),
                             (unsigned long long)(ms % 1000));
        else
                (void)printf("  %-19s it did not come to that\n", label);
}

static void print_list(const struct json_node *report, const char *name, const char *label)
{
        char text[512];

        for (const struct json_node *n = json_first(json_get(report, name)); n; n = json_next(n)) {
                (void)printf("  %-19s %s\n", label, agent_string(n, text, sizeof(text)));
                label = "";
        }
}

static void print_receipt(const struct json_node *receipt)
{
        char table[64], at[64], mappings[128];

        if (!receipt) {
                (void)printf("  %-19s none\n", "erasure receipt");
                return;
        }
        (void)agent_text(receipt, "table", table, sizeof(table));
        (void)agent_text(receipt, "time", at, sizeof(at));
        (void)agent_text(receipt, "mappings", mappings, sizeof(mappings));
        (void)printf("  %-19s %s at %s: table %s, keys in keyrings %llu, other mappings %s\n",
                     "erasure receipt", agent_flag(receipt, "proven") ? "proven" : "NOT proven", at,
                     table, (unsigned long long)agent_number(receipt, "keyring_keys"),
                     mappings[0] ? mappings : "none");
}

static void print_report(const struct json_node *report)
{
        (void)puts("\nDrill report");
        print_field(report, "volume", "volume");
        print_field(report, "uuid", "uuid");
        print_field(report, "key", "key");
        print_field(report, "policy", "policy");
        print_field(report, "rung", "rung");
        print_field(report, "begun", "begun");
        print_span(report, "interval_ms", "probe interval");
        print_span(report, "noticed_ms", "time to notice");
        print_span(report, "enforced_ms", "time to enforce");
        print_span(report, "restored_ms", "time to restore");
        print_receipt(json_get(report, "receipt"));
        print_list(report, "request_ids", "request ids");
        print_list(report, "changed", "changed");
        print_list(report, "unchanged", "not changed");
        (void)printf("  %-19s %s\n", "result", agent_flag(report, "passed") ? "passed" : "FAILED");
        print_field(report, "message", "");
}

static int tell_report(const struct options *o, const struct json_node *answer)
{
        const struct json_node *report = json_get(answer, "report");
        const int code = agent_flag(report, "passed") ? EXIT_OK : EXIT_DRILL;

        if (o->json)
                agent_print_json(o, code, answer);
        else
                print_report(report);
        return code;
}

/* ---- the walk ---- */

/* What will happen, as the agent says before it does anything. */
static int announce(const struct options *o, struct agent *agent, struct diag *diag)
{
        const struct agent_request request = {
            .method = "Drill", .volume = o->args[0], .rung = o->rung};
        const struct json_node *answer;
        char text[512];
        int r = agent_ask(agent, &request, &answer, diag);

        if (r != 0)
                return r;
        if (o->json)
                agent_print_json(o, EXIT_OK, answer);
        else
                (void)puts(agent_text(step_of(answer), "message", text, sizeof(text)));
        (void)fflush(stdout);
        return 0;
}

static bool confirmed(const struct options *o)
{
        char line[CONFIG_NAME_MAX + 2];

        if (o->yes)
                return true;
        if (!isatty(STDIN_FILENO) || o->json)
                return false;
        (void)fprintf(stderr, "Type the volume's name to begin: ");
        if (!fgets(line, sizeof(line), stdin))
                return false;
        line[strcspn(line, "\n")] = '\0';
        return strcmp(line, o->args[0]) == 0;
}

/* Step by step; how long one takes is the policy's business, so there is no time limit here. */
static int follow(const struct options *o, struct agent *agent, int *ret_code, struct diag *diag)
{
        const struct agent_request request = {.method = "Drill",
                                              .volume = o->args[0],
                                              .rung = o->rung,
                                              .confirm = true,
                                              .more = true};
        const struct json_node *answer;
        bool continues = true;
        int r = agent_send(agent, &request, diag);

        while (r == 0 && continues) {
                r = agent_hear(agent, AGENT_NO_TIMEOUT, &answer, &continues, diag);
                if (r == 0 && step_of(answer))
                        print_step(o, answer);
        }
        if (r == 0 && !json_get(answer, "report"))
                r = diag_refuse(diag, AGENT_E_NO_ANSWER, "agent-answer",
                                "the agent ended the drill without a report");
        if (r == 0)
                *ret_code = tell_report(o, answer);
        else if (r == AGENT_E_NO_ANSWER)
                diag_advise(diag, "see how the volume stands: luks-kms why %s", o->args[0]);
        return r;
}

int verb_drill(const struct options *o)
{
        struct agent *agent CLEANUP_AGENT = NULL;
        struct diag diag = DIAG_INIT;
        int code = EXIT_OK, r = agent_connect(o, &agent, &diag);

        if (r == 0)
                r = announce(o, agent, &diag);
        if (r == 0 && !confirmed(o)) {
                (void)diag_refuse(&diag, 0, "not-confirmed",
                                  "nothing was begun, as nobody said yes");
                diag_advise(&diag, "luks-kms drill %s --yes", o->args[0]);
                return report_failure(o, o->args[0], EXIT_USAGE, &diag);
        }
        if (r == 0)
                r = follow(o, agent, &code, &diag);
        return r != 0 ? report_failure(o, o->args[0], exit_of_agent(r), &diag) : code;
}
