/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent of agent-fake.h: one volume that was revoked and waits, suspended, for "close". */

#include "agent-fake.h"

#define URI  "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#define UUID "1b4e28ba-2fa1-41d2-883f-0016d3cca427"

enum { SECOND = 1000 };
static const uint64_t t0 = UINT64_C(1767323045678); /* 2026-01-02T03:04:05.678Z */

static const struct report_probe probes[] = {
    {.key = "main",
     .uri = URI,
     .verdict = "key-state",
     .code = "DisabledException",
     .request_id = "req-1",
     .message = "the key is \"disabled\"",
     .at_ms = UINT64_C(1767323045678),
     .next_ms = UINT64_C(1767323105678),
     .interval_ms = 60000},
};

static const struct report_event events[] = {
    {.at_ms = UINT64_C(1767323045678),
     .event = "verdict",
     .verdict = "key-state",
     .code = "DisabledException",
     .request_id = "req-1"},
    {.at_ms = UINT64_C(1767323046000), .event = "rung", .rung = "suspend", .outcome = "proven"},
};

const struct report_volume fake_volume = {
    .name = "data",
    .mapping = "data",
    .uuid = UUID,
    .role = "persistence",
    .device = "/dev/vdb",
    .state = "revoked",
    .suspended = true,
    .rung = "suspend",
    .since_ms = UINT64_C(1767323045678),
    .next_rung = "close",
    .next_rung_ms = UINT64_C(1767409445678),
    .keys = probes,
    .key_count = 1,
    .history = events,
    .history_count = 2,
};

static const struct report_receipt receipts[] = {
    {.at_ms = UINT64_C(1767323046000),
     .volume = "data",
     .uuid = UUID,
     .rung = "suspend",
     .proven = true,
     .table = "wiped"},
};

static const struct metrics_key metric_keys[] = {
    {.key = "main", .probes = {7, 1}, .success_ms = UINT64_C(1767322985678)},
    {.key = "a\"b\\c\nd"},
};

static const struct metrics_volume metric_volumes[] = {
    {.volume = "data",
     .state = LEASE_REVOKED,
     .rung = RUNG_SUSPEND,
     .rungs = {{1}, {2, 1, 0}},
     .erasure_proven = 1},
    {.volume = "logs", .state = LEASE_OPEN, .rung = LEASE_NO_RUNG, .erasure_proven = -1},
};

const struct metrics fake_metrics = {.version = "1.2.3",
                                     .now_ms = UINT64_C(1767323045678),
                                     .keys = metric_keys,
                                     .key_count = 2,
                                     .volumes = metric_volumes,
                                     .volume_count = 2,
                                     .audit_errors = 3};

static const char *const requests[] = {"req-1", "req-2", NULL};
static const char *const changed[] = {"the mapping was suspended and resumed", NULL};
static const char *const unchanged[] = {"the header", "the key at the KMS", NULL};

const struct report_drill fake_drill_report = {.volume = "data",
                                               .uuid = UUID,
                                               .key = URI,
                                               .policy = "alert; suspend 5min; close 24h",
                                               .rung = "suspend",
                                               .passed = true,
                                               .message = "all went as it should",
                                               .begun_ms = UINT64_C(1767323045678),
                                               .interval_ms = 60000,
                                               .noticed_ms = 1200,
                                               .enforced_ms = 1500,
                                               .restored_ms = 2500,
                                               .receipt = receipts,
                                               .request_ids = requests,
                                               .changed = changed,
                                               .unchanged = unchanged};

static int fake_volumes(void *agent, const char *volume, control_volume_fn each, void *arg)
{
        if (((struct fake_agent *)agent)->fails)
                return -EIO;
        if (volume && strcmp(volume, "data") != 0)
                return CONTROL_E_NO_VOLUME;
        each(arg, &fake_volume);
        return 0;
}

static int fake_receipts(void *agent, const char *volume, control_receipt_fn each, void *arg)
{
        (void)agent;
        if (volume && strcmp(volume, "data") != 0)
                return CONTROL_E_NO_VOLUME;
        each(arg, receipts);
        return 0;
}

static int fake_figures(void *agent, void (*use)(void *arg, const struct metrics *metrics),
                        void *arg)
{
        (void)agent;
        use(arg, &fake_metrics);
        return 0;
}

static int fake_probe(void *agent, const char *volume, struct diag *diag)
{
        (void)diag;
        if (strcmp(volume, "data") != 0)
                return CONTROL_E_NO_VOLUME;
        ((struct fake_agent *)agent)->probes++;
        return 0;
}

static int fake_reload(void *agent, struct diag *diag)
{
        struct fake_agent *fake = agent;

        if (fake->refuses) {
                (void)diag_refuse(diag, 0, "config", "line 3 is wrong");
                diag_advise(diag, "correct it");
                return CONTROL_E_REFUSED;
        }
        fake->reloads++;
        return 0;
}

static void drill_gone(void *arg)
{
        struct fake_agent *fake = arg;

        fake->gone = true;
        fake->call = NULL;
}

static int fake_drill(void *agent, const struct control_drill *drill, struct varlink_call *call,
                      struct diag *diag)
{
        struct fake_agent *fake = agent;
        const struct report_step plan = {t0, "plan", "data will be suspended for a moment", 0};
        const struct report_step steps[] = {{t0 + SECOND, "notice", "denied", 1200},
                                            {t0 + 2 * SECOND, "enforce", "suspended", 1500}};

        (void)diag;
        if (strcmp(drill->volume, "data") != 0)
                return CONTROL_E_NO_VOLUME;
        if (!drill->confirm) {
                (void)control_drill_step(call, &plan, true);
                return 0;
        }
        fake->drills++;
        varlink_call_on_gone(call, drill_gone, fake);
        fake->call = call;
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
                (void)control_drill_step(call, &steps[i], false);
        if (!fake->manual)
                (void)control_drill_end(call, &fake_drill_report);
        return 0;
}

const struct control_ops fake_ops = {.volumes = fake_volumes,
                                     .receipts = fake_receipts,
                                     .metrics = fake_figures,
                                     .probe = fake_probe,
                                     .reload = fake_reload,
                                     .drill = fake_drill};
