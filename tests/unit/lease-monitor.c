/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What lease-monitor.h says. */

#include "lease-monitor.h"

static bool wipes(int kind)
{
        return kind == RUNG_SUSPEND || kind == RUNG_CLOSE || kind == RUNG_KILL;
}

static bool has_cause(const struct monitor *m)
{
        return m->denied || m->outlast;
}

uint64_t monitor_rung_time(const struct monitor *m, const struct lease_policy *policy, int kind)
{
        const struct ladder *ladder = m->denied ? &policy->on_revoke : &policy->on_outage;

        for (size_t i = 0; i < ladder->count; i++)
                if ((int)ladder->rungs[i].kind == kind)
                        return m->cause_ms + ladder->rungs[i].after_ms;
        return UINT64_MAX;
}

/* ---- events ---- */

static void forgive(struct monitor *m)
{
        m->denied = m->outlast = m->over_limit = m->doubtful = m->told = m->left = false;
        m->denials = 0;
        m->first_ms = m->doubt_ms = m->cause_ms = 0;
}

static void condemn(struct monitor *m)
{
        if (m->denied)
                return;
        m->denied = true;
        m->doubtful = m->over_limit = m->outlast = m->told = false;
        m->doubt_ms = 0;
        m->cause_ms = NOW;
}

static void doubt(struct monitor *m, const struct lease_policy *policy, bool live)
{
        if (!live)
                return;
        if (!m->doubtful) {
                m->doubtful = true;
                m->told = m->over_limit = false;
                m->doubt_ms = NOW;
        }
        if (NOW - m->doubt_ms < policy->max_outage_ms)
                return;
        m->over_limit = true;
        if (policy->on_outage.count > 0) {
                m->outlast = true;
                m->cause_ms = m->doubt_ms + policy->max_outage_ms;
        }
}

static void hear(struct monitor *m, const struct lease_policy *policy, const struct lease *before,
                 int verdict)
{
        bool live = before->state == LEASE_OPEN || before->state == LEASE_DOUBTFUL ||
                    before->state == LEASE_DENIED;
        bool held = before->state != LEASE_PENDING;

        if (before->state == LEASE_CLOSED)
                return;
        if (verdict == VERDICT_GRANTED) {
                forgive(m);
                m->succeeded = true;
        } else if (verdict == VERDICT_KEY_STATE) {
                if (held)
                        condemn(m);
        } else if (verdict == VERDICT_ACCESS_DENIED && m->succeeded) {
                if (!held || m->denied)
                        return;
                if (m->denials++ == 0)
                        m->first_ms = NOW;
                if (live) {
                        m->doubtful = m->over_limit = false;
                        m->doubt_ms = 0;
                }
                if (m->denials >= policy->confirm_count &&
                    NOW - m->first_ms >= policy->confirm_span_ms)
                        condemn(m);
        } else {
                doubt(m, policy, live);
        }
}

static void end_rung(struct monitor *m, int kind, bool done)
{
        if (wipes(kind) && has_cause(m))
                m->left = !done;
        if (wipes(kind) && done)
                m->key = false;
        if (kind == RUNG_CLOSE && done)
                m->table = false;
        if (kind == RUNG_ERASE && done)
                m->erased = true;
}

static void end_restore(struct monitor *m, const struct lease *before,
                        const struct lease_event *event)
{
        bool tried = before->state == LEASE_PENDING || before->state == LEASE_RESTORING;

        if (event->result == LEASE_DONE) {
                m->table = m->key = true;
                if (tried || before->state == LEASE_CLOSED) {
                        m->succeeded = true;
                        forgive(m);
                }
        } else if (event->restore_verdict == VERDICT_KEY_STATE &&
                   before->state == LEASE_RESTORING) {
                condemn(m);
        }
        if (event->result == LEASE_HUNG && m->table)
                m->key = true; /* half of it may be there */
}

void monitor_event(struct monitor *m, const struct lease_policy *policy, const struct lease *before,
                   const struct lease_event *event)
{
        if (event->kind == LEASE_EV_VERDICT) {
                hear(m, policy, before, event->verdict);
        } else if (event->kind == LEASE_EV_RUNG && before->work == LEASE_RUNG_RUNS) {
                end_rung(m, (int)before->running, event->result == LEASE_DONE);
        } else if (event->kind == LEASE_EV_RESTORED && before->work == LEASE_RESTORE_RUNS) {
                end_restore(m, before, event);
        } else if (event->kind == LEASE_EV_ADOPTED) {
                m->table = true;
                m->key = !event->suspended;
                if (before->state == LEASE_CLOSED && !before->mapped && m->key)
                        m->erased = false; /* formatted anew */
        } else if (event->kind == LEASE_EV_GONE) {
                m->table = m->key = false;
        } else if (event->kind == LEASE_EV_CHANGED) {
                m->succeeded = false;
                m->denials = 0;
                m->first_ms = 0;
                if (before->state == LEASE_DENIED)
                        doubt(m, policy, true);
        }
}

void monitor_after(struct monitor *m, const struct lease *lease)
{
        if (lease->state == LEASE_RESTORING) {
                m->doubtful = m->over_limit = false; /* there is nothing to be in doubt about */
                m->doubt_ms = 0;
        }
        if (lease->state != LEASE_CLOSED)
                return;
        forgive(m);
        m->alarmed = false;
}

/* ---- orders ---- */

static const char *judge_rung(struct monitor *m, const struct lease_policy *policy, int kind)
{
        uint64_t at = monitor_rung_time(m, policy, kind);

        if (m->off)
                return "a rung after poweroff";
        if (kind == RUNG_ALERT) {
                if (m->told || (!has_cause(m) && !m->over_limit))
                        return "an alert twice, or for nothing";
                m->told = m->alarmed = true;
                return NULL;
        }
        if (!has_cause(m))
                return "invariant 1: a rung without a cause";
        if (!m->told)
                return "a rung before its alert";
        if (kind == RUNG_ERASE && (!policy->may_erase || at > NOW))
                return "erase before its time, or not opted in";
        if (at > NOW && !m->left)
                return "invariant 1: a rung before its time";
        if (at == UINT64_MAX && kind != RUNG_KILL)
                return "a rung that is not on the ladder";
        m->off = kind == RUNG_POWEROFF;
        return NULL;
}

const char *monitor_order(struct monitor *m, const struct lease_policy *policy,
                          const struct lease *lease, struct lease_order order)
{
        switch (order.kind) {
        case LEASE_DO_RUNG: return judge_rung(m, policy, (int)order.rung);
        case LEASE_DO_RESUME:
        case LEASE_DO_OPEN:
                if (has_cause(m) || m->off)
                        return "brought back while revoked";
                if (m->erased)
                        return "brought back after an erase";
                return (order.kind == LEASE_DO_RESUME) == (lease->mapped && !lease->dead)
                           ? NULL
                           : "resumed what is gone, or opened what is there";
        case LEASE_RESTORED:
                if (!m->alarmed || has_cause(m) || !m->table)
                        return "all-clear for nothing, or too early";
                m->alarmed = false;
                return NULL;
        case LEASE_GIVE_UP:
                return lease->state == LEASE_CLOSED && !lease->wanted ? NULL
                                                                      : "given up, not closed";
        case LEASE_NOTHING: break;
        }
        return "no order";
}

/* Invariant 3 and the ladder's times, as a state: where a wiping rung is due, or has failed, there
 * is no key any more, or something stronger is under way. */
const char *monitor_settled(const struct monitor *m, const struct lease_policy *policy,
                            const struct lease *lease, uint64_t wake)
{
        bool due = m->left;
        enum rung_kind next;
        uint64_t at;

        if (wake <= NOW)
                return "it wants to be called again at once, for ever";
        if (lease->state == LEASE_CLOSED || lease->work != LEASE_IDLE || m->off)
                return NULL;
        if (has_cause(m) != (lease->state == LEASE_REVOKED))
                return "state and cause differ";
        if (has_cause(m) && !m->told)
                return "revoked, and nobody was told";
        if (!has_cause(m))
                return NULL;
        for (int kind = RUNG_SUSPEND; kind <= RUNG_KILL; kind++)
                due = due || monitor_rung_time(m, policy, kind) <= NOW;
        if (due && (m->key || m->left) &&
            (!lease_next_rung(policy, lease, &next, &at) ||
             (next != RUNG_KILL && next != RUNG_ERASE) || at > NOW + QUANTUM || wake != at))
                return "invariant 3: a key is left, and nothing stronger follows";
        if (m->left && monitor_rung_time(m, policy, RUNG_POWEROFF) != UINT64_MAX)
                return "invariant 3: poweroff is on the ladder, and does not come";
        if (policy->may_erase && !m->erased && !m->left &&
            monitor_rung_time(m, policy, RUNG_ERASE) <= NOW && wake > NOW + QUANTUM)
                return "erase is due, and does not come";
        return NULL;
}
