/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One thing that has happened, told to the journal, to the audit log and to the volume's past. */

#include "agentd/tell.h"

#include "agentd/journal.h"
#include "agentd/scribe.h"
#include "base/clock.h"
#include "base/timespan.h"

static const char *const results[] = {"done", "failed", "hung"};

static void remember(struct ward *w, const char *event, const struct diag *diag,
                     const char *message)
{
        struct past *p = &w->past[w->past_count++ % PAST_MAX];

        *p = (struct past){.time_us = clock_wall_us(), .event = event};
        if (diag) {
                diag_text(p->code, sizeof(p->code), diag->code);
                diag_text(p->request_id, sizeof(p->request_id), diag->request_id);
        }
        diag_text(p->message, sizeof(p->message), message ? message : diag ? diag->message : "");
}

/* The one that was remembered last, to say more of it. */
static struct past *latest(struct ward *w)
{
        return &w->past[(w->past_count - 1) % PAST_MAX];
}

static struct journal_entry about(const struct ward *w)
{
        return (struct journal_entry){.volume = w->name, .uuid = w->uuid};
}

static struct audit_entry line(const struct ward *w, const char *event)
{
        struct audit_entry e = AUDIT_ENTRY_INIT;

        e.event = event;
        e.volume = w->name;
        e.uuid = w->uuid;
        return e;
}

static void write_line(const struct agent *a, const struct audit_entry *e, bool must_last)
{
        if (a->scribe)
                scribe_write(a->scribe, e, must_last);
}

void tell_scribe_news(void *arg, int r, const char *words)
{
        struct agent *a = arg;

        if (r == 0) {
                journal_send(JOURNAL_AUDIT_HEAD, &(const struct journal_entry){.hash = words});
                return;
        }
        if (r != -ENOBUFS) /* which the scribe counts */
                a->audit_errors++;
        journal_send(JOURNAL_AUDIT_FAILED, &(const struct journal_entry){.detail = words});
}

void tell_agent(struct agent *a, enum tell_agent what, const char *message)
{
        static const struct {
                enum journal_event event;
                const char *name; /* in the audit log; NULL: not there */
        } kinds[] = {
            [TELL_STARTED] = {JOURNAL_AGENT_STARTED, "agent-start"},
            [TELL_STOPPED] = {JOURNAL_AGENT_STOPPED, "agent-stop"},
            [TELL_RELOADED] = {JOURNAL_AGENT_RELOADED, "config"},
            [TELL_REFUSED_CONFIG] = {JOURNAL_CONFIG_REFUSED, "config"},
            [TELL_TROUBLE] = {JOURNAL_AGENT_TROUBLE, NULL},
        };
        struct audit_entry e = AUDIT_ENTRY_INIT;

        journal_send(kinds[what].event, &(const struct journal_entry){.detail = message});
        if (!kinds[what].name)
                return;
        e.event = kinds[what].name;
        e.message = message;
        e.outcome = what == TELL_REFUSED_CONFIG ? "refused" : NULL;
        write_line(a, &e, false);
}

/* ---- keys ---- */

static void audit_probe(const struct agent *a, const struct keystate *k, int verdict,
                        const char *volume, const struct kms_context *context, int64_t duration_ms)
{
        struct audit_entry e = AUDIT_ENTRY_INIT;

        e.event = "probe";
        e.key = k->config->uri.text;
        e.volume = volume;
        if (context) {
                e.uuid = context->uuid;
                e.role = context->role;
                e.use = context->use;
        }
        e.verdict = verdict_name(verdict);
        e.code = k->said.code;
        e.request_id = k->said.request_id;
        e.message = verdict == VERDICT_GRANTED ? NULL : k->said.message;
        e.duration_ms = duration_ms;
        write_line(a, &e, false);
}

static bool guards(const struct ward *w, const struct keystate *k)
{
        for (size_t i = 0; i < w->key_count; i++)
                if (strcmp(w->keys[i].key, k->name) == 0)
                        return true;
        return false;
}

void tell_probe(const struct agent *a, const struct keystate *k, int verdict, const char *volume,
                const struct kms_context *context, int64_t duration_ms)
{
        const struct journal_entry e = {.key = k->name, .verdict = verdict_name(verdict)};

        audit_probe(a, k, verdict, volume, context, duration_ms);
        if (verdict == k->verdict && verdict == VERDICT_GRANTED)
                return;
        if (verdict != k->verdict)
                journal_send_diag(JOURNAL_VERDICT_CHANGED, &e, &k->said);
        for (struct ward *w = a->wards; w; w = w->next)
                if (guards(w, k)) {
                        remember(w, "probe", &k->said, NULL);
                        (void)snprintf(latest(w)->verdict, sizeof(latest(w)->verdict), "%s",
                                       verdict_name(verdict));
                }
}

/* ---- volumes ---- */

static void tell_simple(struct ward *w, enum journal_event event, const char *name,
                        const struct diag *diag, const char *message)
{
        struct journal_entry j = about(w);
        struct audit_entry e = line(w, name);

        remember(w, name, diag, message);
        if (diag)
                journal_send_diag(event, &j, diag);
        else
                j.detail = message, journal_send(event, &j);
        e.message = diag ? diag->message : message;
        write_line(w->agent, &e, false);
}

void tell_adopted(struct ward *w)
{
        tell_simple(w, JOURNAL_VOLUME_ADOPTED, "adopt", NULL,
                    w->config ? ""
                              : "no [Volume] section names it: its key is watched, and a "
                                "revocation is told, but nothing is done about it");
}

void tell_hand(struct ward *w)
{
        tell_simple(w, JOURNAL_VOLUME_ADOPTED, "adopt", NULL,
                    w->by_hand ? "it was suspended by somebody, and stays so until somebody "
                                 "resumes it: luks-kms resume"
                               : "somebody has resumed it");
}

void tell_gone(struct ward *w)
{
        tell_simple(w, JOURNAL_VOLUME_GONE, "gone", NULL, "");
}

void tell_unreadable(struct ward *w, const struct diag *diag)
{
        struct diag said = *diag;

        if (!said.message[0])
                (void)diag_refuse(&said, 0, "no-recipient",
                                  "the header of %s has no token of a key that the config allows",
                                  w->device);
        /* the same again at each look would drown the rest */
        if (w->past_count == 0 || strcmp(latest(w)->message, said.message) != 0)
                tell_simple(w, JOURNAL_VOLUME_UNREADABLE, "unreadable", &said, NULL);
}

/* Of an erase people hear when it is scheduled, not when it is done. */
static void tell_erase_plan(struct ward *w, const struct lease *lease)
{
        const struct lease_policy *policy = keeper_policy(w->agent->keeper, w->name);
        const struct ladder *ladder = &policy->on_revoke;
        const bool ahead = lease->state == LEASE_REVOKED && !lease->by_outage &&
                           policy->may_erase && !lease->erased && ladder->count > 0;
        struct journal_entry j = about(w);
        uint64_t after_ms = 0;
        char when[64];

        for (size_t i = 0; ahead && i < ladder->count; i++)
                if (ladder->rungs[i].kind == RUNG_ERASE)
                        after_ms = ladder->rungs[i].after_ms;
        if ((after_ms > 0) == w->erase_told)
                return;
        w->erase_told = after_ms > 0;
        (void)timespan_format(after_ms, when, sizeof(when));
        j.detail = w->erase_told ? when : NULL;
        if (w->erase_told || !lease->erased)
                journal_send(w->erase_told ? JOURNAL_ERASE_SCHEDULED : JOURNAL_ERASE_CANCELLED, &j);
}

void tell_state(struct ward *w, const struct lease *lease)
{
        static const int events[LEASE_STATES_] = {
            [LEASE_CLOSED] = -1,
            [LEASE_PENDING] = JOURNAL_PENDING,
            [LEASE_OPEN] = -1,
            [LEASE_DOUBTFUL] = JOURNAL_DOUBT,
            [LEASE_DENIED] = JOURNAL_DENIED,
            [LEASE_REVOKED] = JOURNAL_REVOKED,
            [LEASE_RESTORING] = -1,
        };
        const struct keystate *k = w->key_count ? agent_key(w->agent, w->keys[0].key) : NULL;
        struct journal_entry j = about(w);
        struct audit_entry e = line(w, "state");

        j.state = e.state = lease_state_name(lease->state);
        e.message = w->drill ? "a drill" : NULL;
        j.verdict = e.verdict = k && k->verdict >= 0 ? verdict_name(k->verdict) : NULL;
        if (events[lease->state] >= 0)
                journal_send_diag(w->drill ? JOURNAL_DRILL_BEGUN
                                  : lease->state == LEASE_REVOKED && lease->by_outage
                                      ? JOURNAL_OUTAGE_TOO_LONG
                                      : (enum journal_event)events[lease->state],
                                  &j, k ? &k->said : &DIAG_INIT);
        remember(w, "state", k ? &k->said : NULL, lease_state_name(lease->state));
        write_line(w->agent, &e, lease->state == LEASE_REVOKED);
        tell_erase_plan(w, lease);
}

/* ---- rungs ---- */

void tell_rung_begun(struct ward *w, enum rung_kind kind)
{
        struct journal_entry j = about(w);
        struct audit_entry e = line(w, "rung");

        j.rung = j.detail = e.rung = rung_name(kind);
        e.outcome = "begun";
        journal_send(JOURNAL_RUNG_BEGUN, &j);
        write_line(w->agent, &e, true);
}

static void tell_receipt(struct ward *w, enum rung_kind kind, const struct erasure *erasure)
{
        struct journal_entry j = about(w);
        struct audit_entry e = line(w, "receipt");

        j.rung = e.rung = rung_name(kind);
        j.table = e.table = erasure->table;
        j.outcome = e.outcome = erasure->proven ? "proven" : "not-proven";
        e.message = erasure->mappings;
        e.keyring_keys = erasure->keyring_keys;
        journal_send(erasure->proven ? JOURNAL_ERASURE_PROVEN : JOURNAL_ERASURE_NOT_PROVEN, &j);
        write_line(w->agent, &e, true);
}

void tell_rung_ended(struct ward *w, enum rung_kind kind, enum lease_result result,
                     const struct diag *diag, const struct erasure *erasure, int64_t duration_ms)
{
        static const enum journal_event events[] = {JOURNAL_RUNG_DONE, JOURNAL_RUNG_FAILED,
                                                    JOURNAL_RUNG_HUNG};
        struct journal_entry j = about(w);
        struct audit_entry e = line(w, "rung");

        j.rung = e.rung = rung_name(kind);
        j.outcome = e.outcome = results[result];
        e.message = result == LEASE_DONE ? NULL : diag->message;
        e.duration_ms = duration_ms;
        remember(w, "rung", NULL, e.message);
        (void)snprintf(latest(w)->rung, sizeof(latest(w)->rung), "%s", rung_name(kind));
        (void)snprintf(latest(w)->outcome, sizeof(latest(w)->outcome), "%s", results[result]);
        j.detail = result == LEASE_DONE ? rung_name(kind) : NULL;
        if (result == LEASE_DONE)
                journal_send(kind == RUNG_ERASE ? JOURNAL_ERASE_DONE : events[result], &j);
        else
                journal_send_diag(events[result], &j, diag);
        write_line(w->agent, &e, true);
        if (erasure)
                tell_receipt(w, kind, erasure);
}

/* ---- restores ---- */

void tell_restore_begun(struct ward *w, bool resume)
{
        struct journal_entry j = about(w);

        j.detail = resume ? "resume" : "open";
        journal_send(JOURNAL_RESTORE_BEGUN, &j);
}

void tell_restore_ended(struct ward *w, bool resume, enum lease_result result,
                        const struct diag *diag, const char *key, const struct kms_context *context,
                        int verdict, int64_t duration_ms)
{
        struct journal_entry j = about(w);
        struct audit_entry e = line(w, "restore");

        j.key = e.key = key;
        j.outcome = e.outcome = results[result];
        j.verdict = e.verdict = verdict >= 0 ? verdict_name(verdict) : NULL;
        e.state = resume ? "resume" : "open";
        e.role = context->role;
        e.use = context->use;
        e.code = diag->code;
        e.request_id = diag->request_id;
        e.message = result == LEASE_DONE ? NULL : diag->message;
        e.duration_ms = duration_ms;
        remember(w, "restore", diag, e.message);
        (void)snprintf(latest(w)->outcome, sizeof(latest(w)->outcome), "%s", results[result]);
        if (result != LEASE_DONE)
                journal_send_diag(JOURNAL_RESTORE_FAILED, &j, diag);
        else
                journal_send(resume ? JOURNAL_RESTORE_DONE : JOURNAL_VOLUME_OPENED, &j);
        write_line(w->agent, &e, true);
}

void tell_restored(struct ward *w)
{
        tell_simple(w, JOURNAL_RESTORED, "restored", NULL, "");
}

void tell_given_up(struct ward *w)
{
        tell_simple(w, JOURNAL_GIVEN_UP, "give-up", NULL,
                    "no grant came within PendingTimeout=; attach it again, or luks-kms open");
}

void tell_drill(struct ward *w, bool begun, const char *message)
{
        tell_simple(w, begun ? JOURNAL_DRILL_BEGUN : JOURNAL_DRILL_ENDED, "drill", NULL, message);
}
