/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stages: waiting for a probe (the time to notice), climbing (the time to enforce, proof included),
 * waiting for a grant and restoring (the time to restore). The volume's own policy is put aside for
 * a ladder of the one rung, without a delay, and put back when the rung has ended. */

#include "agentd/drill.h"

#include <inttypes.h>

#include "agentd/serve.h"
#include "agentd/tell.h"
#include "base/clock.h"

enum { IDS_MAX = 4, CHANGES_MAX = 4, TEXT_MAX = 384 };

enum stage { NOTICE, ENFORCE, RESTORE };

struct drill {
        struct ward *ward;
        struct varlink_call *call; /* NULL: nobody listens any more */
        enum rung_kind rung;
        enum stage stage;
        uint64_t begun_ms, begun_wall_ms, noticed_ms, enforced_ms, restored_ms;
        char ids[IDS_MAX][96];
        size_t id_count;
};

static uint64_t elapsed(const struct drill *d)
{
        return clock_boot_ms() - d->begun_ms;
}

static void step(const struct drill *d, const char *name, const char *message)
{
        if (d->call)
                (void)control_drill_step(
                    d->call,
                    &(const struct report_step){.at_ms = clock_wall_us() / 1000,
                                                .step = name,
                                                .message = message,
                                                .elapsed_ms = elapsed(d)},
                    false);
}

static void keep_id(struct drill *d, const struct keystate *k)
{
        if (d->id_count < IDS_MAX && k && k->said.request_id[0])
                (void)snprintf(d->ids[d->id_count++], sizeof(d->ids[0]), "%s", k->said.request_id);
}

static struct keystate *first_key(const struct ward *w)
{
        return w->key_count ? agent_key(w->agent, w->keys[0].key) : NULL;
}

static void set_policy(const struct ward *w, const enum rung_kind *rung)
{
        struct lease_policy policy = agent_policy(w->agent, w->config);

        if (rung)
                policy.on_revoke =
                    (struct ladder){.count = 2, .rungs = {{.kind = RUNG_ALERT}, {.kind = *rung}}};
        (void)keeper_set_volume(w->agent->keeper, w->name, &policy);
}

/* ---- the end ---- */

static void report(const struct drill *d, bool passed, const char *message)
{
        static const char *const changed_suspend[] = {
            "I/O of the volume waited while it was suspended", NULL};
        static const char *const changed_other[] = {
            "the mapping was taken away and opened again: what used it saw it go",
            "what was mounted from it is not mounted again by luks-kms", NULL};
        static const char *const unchanged[] = {"the KMS key, its policy and its grants",
                                                "header, keyslots and tokens of the volume",
                                                "the configuration", NULL};
        const struct ward *w = d->ward;
        const struct keystate *k = first_key(w);
        const char *ids[IDS_MAX + 1] = {NULL};
        struct report_receipt receipt;
        char policy[256] = "";
        struct lease_policy own = agent_policy(w->agent, w->config);

        serve_receipt(w, &receipt);
        (void)ladder_write(&own.on_revoke, policy, sizeof(policy));
        for (size_t i = 0; i < d->id_count; i++)
                ids[i] = d->ids[i];
        (void)control_drill_end(
            d->call, &(const struct report_drill){
                         .volume = w->name,
                         .uuid = w->uuid,
                         .key = k ? k->config->uri.text : NULL,
                         .policy = policy,
                         .rung = rung_name(d->rung),
                         .passed = passed,
                         .message = message,
                         .begun_ms = d->begun_wall_ms,
                         .interval_ms = k ? k->config->probe_interval_ms : 0,
                         .noticed_ms = d->noticed_ms,
                         .enforced_ms = d->enforced_ms,
                         .restored_ms = d->restored_ms,
                         .receipt = d->stage == RESTORE ? &receipt : NULL,
                         .request_ids = ids,
                         .changed = d->rung == RUNG_SUSPEND ? changed_suspend : changed_other,
                         .unchanged = unchanged,
                     });
}

static void end(struct drill *d, bool passed, const char *message)
{
        struct ward *w = d->ward;

        if (d->stage == ENFORCE)
                set_policy(w, NULL);
        w->drill = NULL;
        if (d->call)
                report(d, passed, message);
        tell_drill(w, false, message);
        free(d);
}

void drill_forget(struct ward *w)
{
        if (w->drill)
                end(w->drill, false, "the drill was broken off");
}

static void on_gone(void *arg)
{
        struct drill *d = arg;

        d->call = NULL;
        end(d, false,
            "nobody listens to the drill any more; the volume comes back with the next "
            "grant");
}

/* ---- the way ---- */

void drill_probed(const struct agent *a, const struct keystate *k)
{
        for (struct ward *w = a->wards; w; w = w->next) {
                struct drill *d = w->drill;

                if (!d || d->stage != NOTICE || first_key(w) != k)
                        continue;
                keep_id(d, k);
                if (k->verdict != VERDICT_GRANTED) {
                        end(d, false,
                            "the key service does not grant: this is no time for a drill");
                        continue;
                }
                d->stage = ENFORCE;
                d->noticed_ms = elapsed(d);
                step(d, "notice", "a probe has come back; it is taken for a denial");
                set_policy(w, &d->rung);
                agent_event(w, &(const struct lease_event){.kind = LEASE_EV_VERDICT,
                                                           .verdict = VERDICT_KEY_STATE});
        }
}

void drill_rung_ended(struct ward *w, enum rung_kind kind, enum lease_result result)
{
        struct drill *d = w->drill;

        if (!d || d->stage != ENFORCE || kind < d->rung)
                return;
        set_policy(w, NULL);
        d->stage = RESTORE;
        d->enforced_ms = elapsed(d) - d->noticed_ms;
        step(d, "enforce",
             result == LEASE_DONE
                 ? "the rung is climbed, and the key is proven to be gone"
                 : "the rung was not climbed, or the key is not proven to be gone");
        for (size_t i = 0; i < w->key_count; i++)
                (void)keeper_hurry(w->agent->keeper, w->keys[i].key, clock_boot_ms());
        if (result != LEASE_DONE)
                end(d, false,
                    "the rung failed: see luks-kms why; the volume comes back with the "
                    "next grant");
}

void drill_restored(struct ward *w, enum lease_result result)
{
        struct drill *d = w->drill;

        if (!d || d->stage != RESTORE)
                return;
        keep_id(d, first_key(w));
        if (result != LEASE_DONE) {
                step(d, "restore", "it did not work at once; the agent tries again");
                return;
        }
        d->restored_ms = elapsed(d) - d->enforced_ms - d->noticed_ms;
        step(d, "restore", "the key service has unwrapped, and the volume is back");
        end(d, true, "noticed, enforced, proven and restored");
}

/* ---- the beginning ---- */

static int refuse(struct diag *diag, const char *message, const char *advice)
{
        (void)diag_refuse(diag, 0, "drill", "%s", message);
        diag_advise(diag, "%s", advice);
        return CONTROL_E_REFUSED;
}

static int check(const struct ward *w, enum rung_kind rung, struct diag *diag)
{
        const struct lease *lease = keeper_lease(w->agent->keeper, w->name);
        const struct keystate *k = first_key(w);

        if (!w->config)
                return refuse(diag, "a drill is for a volume that the config names",
                              "write a [Volume] section for it");
        if (w->drill)
                return refuse(diag, "a drill is under way", "wait for its end");
        if (strcmp(w->config->role, "os") == 0 && rung != RUNG_ALERT)
                return refuse(diag, "the OS volume cannot be taken away from under the agent",
                              "drill a data volume of the same key");
        if (!lease || lease->state != LEASE_OPEN || !w->mapping[0] || w->by_hand)
                return refuse(diag, "the volume is not open", "see how it stands: luks-kms why");
        if (!k || k->verdict != VERDICT_GRANTED)
                return refuse(diag, "the key service has not granted lately",
                              "see what it says: luks-kms why");
        return 0;
}

static void write_plan(const struct ward *w, enum rung_kind rung, char buf[TEXT_MAX])
{
        const struct keystate *k = first_key(w);

        (void)snprintf(
            buf, TEXT_MAX,
            "within %" PRIu64 " ms a probe of key %s is taken for a denial; then %s %s; then the "
            "key service is asked, and the volume comes back. %s",
            k->config->probe_interval_ms, k->name, rung_name(rung), w->name,
            rung == RUNG_SUSPEND
                ? "Its I/O waits meanwhile."
                : "What uses it is cut off, unwritten data may be lost, and it is not mounted "
                  "again.");
}

int drill_begin(struct agent *a, const struct control_drill *wish, struct varlink_call *call,
                struct diag *diag)
{
        struct ward *w = agent_ward(a, wish->volume);
        enum rung_kind rung = strcmp(wish->rung, "kill") == 0    ? RUNG_KILL
                              : strcmp(wish->rung, "close") == 0 ? RUNG_CLOSE
                                                                 : RUNG_SUSPEND;
        char plan[TEXT_MAX];
        struct drill *d;
        int r;

        if (!w)
                return CONTROL_E_NO_VOLUME;
        r = check(w, rung, diag);
        if (r != 0)
                return r;
        write_plan(w, rung, plan);
        if (!wish->confirm)
                return control_drill_step(
                    call,
                    &(const struct report_step){
                        .step = "plan", .message = plan, .at_ms = clock_wall_us() / 1000},
                    true);
        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (struct drill){.ward = w,
                            .call = call,
                            .rung = rung,
                            .begun_ms = clock_boot_ms(),
                            .begun_wall_ms = clock_wall_us() / 1000};
        w->drill = d;
        varlink_call_on_gone(call, on_gone, d);
        tell_drill(w, true, plan);
        step(d, "plan", plan);
        return 0;
}
