/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The lease machine, second half: what to do about the state that an event left. Trusts its caller
 * to end each order that it was given. Each step is two halves (the first is lease_event.c), so
 * that whatever an order depends on is in struct lease, and a lease that was saved and loaded says
 * the same.
 *
 * One order at a time: while work runs nothing else is ordered, and only its end ends it. */

#include "lease/lease_machine.h"

static const struct ladder *ladder_of(const struct lease_policy *policy, const struct lease *lease)
{
        return lease->by_outage ? &policy->on_outage : &policy->on_revoke;
}

/* When this kind begins by the ladder; false if it is not on it. */
static bool rung_time(const struct lease_policy *policy, const struct lease *lease,
                      enum rung_kind kind, uint64_t *ret_at)
{
        const struct ladder *ladder = ladder_of(policy, lease);

        for (size_t i = 0; i < ladder->count; i++)
                if (ladder->rungs[i].kind == kind) {
                        *ret_at = time_after(lease->trouble_ms, ladder->rungs[i].after_ms);
                        return true;
                }
        return false;
}

/* Alert comes in any case, at once unless the ladder has it later. */
static uint64_t alert_time(const struct lease_policy *policy, const struct lease *lease)
{
        uint64_t at = lease->trouble_ms;

        (void)rung_time(policy, lease, RUNG_ALERT, &at);
        return at;
}

/* Whether there is anything for it to be done to. */
static bool applies(const struct lease_policy *policy, const struct lease *lease,
                    enum rung_kind kind)
{
        if (kind == RUNG_ERASE)
                return policy->may_erase && !lease->erased;
        if (kind == RUNG_POWEROFF)
                return true;
        return lease->mapped && (kind != RUNG_SUSPEND || !lease->dead);
}

/* By its own time: the weakest that has not begun; an erase that failed, again. */
static bool timed_rung(const struct lease_policy *policy, const struct lease *lease,
                       enum rung_kind *ret_kind, uint64_t *ret_at)
{
        uint64_t again = 0;
        bool found = false;

        for (int kind = RUNG_POWEROFF; kind > lease->rung && kind > RUNG_ALERT; kind--)
                if (applies(policy, lease, (enum rung_kind)kind) &&
                    rung_time(policy, lease, (enum rung_kind)kind, ret_at)) {
                        *ret_kind = (enum rung_kind)kind;
                        found = true;
                }
        if (lease->rung == RUNG_ERASE && applies(policy, lease, RUNG_ERASE) &&
            rung_time(policy, lease, RUNG_ERASE, &again)) {
                again = again > lease->retry_ms ? again : lease->retry_ms;
                if (!found || again < *ret_at) {
                        *ret_kind = RUNG_ERASE;
                        *ret_at = again;
                }
                return true;
        }
        return found;
}

/* A key is left after a rung that was to wipe it: what is stronger, at once. Erase waits for its
 * own time, and comes then. */
static void stronger_rung(const struct lease_policy *policy, const struct lease *lease,
                          enum rung_kind *ret_kind, uint64_t *ret_at)
{
        uint64_t at = 0;

        for (int kind = lease->rung + 1; kind < RUNG_KINDS_; kind++)
                if (kind > RUNG_SUSPEND && kind != RUNG_ERASE &&
                    rung_time(policy, lease, (enum rung_kind)kind, &at)) {
                        *ret_kind = (enum rung_kind)kind;
                        *ret_at = lease->trouble_ms;
                        return;
                }
        *ret_kind = RUNG_KILL;
        *ret_at = lease->rung < RUNG_KILL ? lease->trouble_ms : lease->retry_ms;
        if (lease->rung < RUNG_ERASE && applies(policy, lease, RUNG_ERASE) &&
            rung_time(policy, lease, RUNG_ERASE, &at) && at < *ret_at) {
                *ret_kind = RUNG_ERASE;
                *ret_at = at;
        }
}

/* The next rung of a revoked lease, and when. */
static bool next_rung(const struct lease_policy *policy, const struct lease *lease, uint64_t now,
                      enum rung_kind *ret_kind, uint64_t *ret_at)
{
        uint64_t alert_at = alert_time(policy, lease);

        if (lease->rung == RUNG_POWEROFF)
                return false;
        if (!lease->alerted && (!lease->unproven || now >= alert_at)) {
                *ret_kind = RUNG_ALERT;
                *ret_at = alert_at;
                return true;
        }
        if (!lease->unproven)
                return timed_rung(policy, lease, ret_kind, ret_at);
        stronger_rung(policy, lease, ret_kind, ret_at);
        return true;
}

static struct lease_order begin_rung(struct lease *lease, enum rung_kind kind)
{
        lease->work = LEASE_RUNG_RUNS;
        lease->running = kind;
        if (lease->rung < (int)kind)
                lease->rung = (int)kind;
        if (kind == RUNG_ALERT)
                lease->alerted = true;
        return (struct lease_order){.kind = LEASE_DO_RUNG, .rung = kind};
}

static struct lease_order begin_restore(struct lease *lease, enum lease_order_kind kind)
{
        lease->work = LEASE_RESTORE_RUNS;
        lease->refused = false;
        return (struct lease_order){.kind = kind};
}

static struct lease_order decide_open(struct lease *lease)
{
        if (lease->rung == LEASE_NO_RUNG)
                return (struct lease_order){.kind = LEASE_NOTHING};
        lease->rung = LEASE_NO_RUNG;
        lease->alerted = false;
        return (struct lease_order){.kind = LEASE_RESTORED};
}

static struct lease_order decide_restoring(struct lease *lease, uint64_t now, uint64_t *wake)
{
        if (lease->rung == RUNG_POWEROFF)
                return (struct lease_order){.kind = LEASE_NOTHING};
        if (lease->mapped && !lease->suspended) {
                lease_enter(lease, LEASE_OPEN, now);
                return decide_open(lease);
        }
        if (lease->erased || (!lease->mapped && !lease->wanted)) {
                lease_close(lease, now);
                return (struct lease_order){.kind = LEASE_NOTHING};
        }
        *wake = lease->retry_ms;
        if (now < lease->retry_ms)
                return (struct lease_order){.kind = LEASE_NOTHING};
        return begin_restore(lease,
                             lease->mapped && !lease->dead ? LEASE_DO_RESUME : LEASE_DO_OPEN);
}

static struct lease_order decide_pending(const struct lease_policy *policy, struct lease *lease,
                                         uint64_t now, uint64_t *wake)
{
        uint64_t end = time_after(lease->trouble_ms, policy->pending_timeout_ms);

        if (now >= end || lease->erased) {
                lease_close(lease, now);
                return (struct lease_order){.kind = LEASE_GIVE_UP};
        }
        if (now >= lease->retry_ms)
                return begin_restore(lease, LEASE_DO_OPEN);
        *wake = lease->retry_ms < end ? lease->retry_ms : end;
        return (struct lease_order){.kind = LEASE_NOTHING};
}

static struct lease_order decide_revoked(const struct lease_policy *policy, struct lease *lease,
                                         uint64_t now, uint64_t *wake)
{
        enum rung_kind kind;

        if (!next_rung(policy, lease, now, &kind, wake))
                return (struct lease_order){.kind = LEASE_NOTHING};
        return now >= *wake ? begin_rung(lease, kind) : (struct lease_order){.kind = LEASE_NOTHING};
}

/* An outage that is too long is told even where nothing else follows from it. */
static bool long_outage_untold(const struct lease_policy *policy, const struct lease *lease,
                               uint64_t now)
{
        return lease->state == LEASE_DOUBTFUL && !lease->alerted &&
               time_elapsed(lease->trouble_ms, policy->max_outage_ms, now);
}

struct lease_order lease_step(const struct lease_policy *policy, struct lease *lease,
                              const struct lease_event *event, uint64_t now_ms,
                              uint64_t *ret_wake_ms)
{
        struct lease_order order = {.kind = LEASE_NOTHING};
        uint64_t wake = UINT64_MAX;

        lease_take(policy, lease, event, now_ms);
        if (lease->work != LEASE_IDLE)
                ; /* its end is an event */
        else if (lease->state == LEASE_PENDING)
                order = decide_pending(policy, lease, now_ms, &wake);
        else if (lease->state == LEASE_RESTORING)
                order = decide_restoring(lease, now_ms, &wake);
        else if (lease->state == LEASE_REVOKED)
                order = decide_revoked(policy, lease, now_ms, &wake);
        else if (lease->state == LEASE_OPEN)
                order = decide_open(lease);
        else if (event->kind == LEASE_EV_VERDICT && long_outage_untold(policy, lease, now_ms))
                order = begin_rung(lease, RUNG_ALERT);
        *ret_wake_ms = lease->work == LEASE_IDLE ? wake : UINT64_MAX;
        return order;
}

bool lease_next_rung(const struct lease_policy *policy, const struct lease *lease,
                     enum rung_kind *ret_kind, uint64_t *ret_at_ms)
{
        struct lease later = *lease;

        if (lease->state == LEASE_DOUBTFUL && !lease->alerted) {
                later.by_outage = true;
                later.trouble_ms = time_after(lease->trouble_ms, policy->max_outage_ms);
                *ret_kind = RUNG_ALERT;
                *ret_at_ms = alert_time(policy, &later);
                return true;
        }
        return lease->state == LEASE_REVOKED &&
               next_rung(policy, lease, UINT64_MAX, ret_kind, ret_at_ms);
}
