/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The lease machine, first half: what an event changes. Believes nothing about the order in which
 * events come: each is taken for what it says in the state that it finds. */

#include "lease/lease_machine.h"

enum { BACKOFF_FIRST_MS = 1000, BACKOFF_MAX_MS = 300000 };

/* ---- states ---- */

void lease_init(struct lease *lease)
{
        *lease = (struct lease){.state = LEASE_CLOSED, .rung = LEASE_NO_RUNG};
}

void lease_enter(struct lease *lease, enum lease_state state, uint64_t now)
{
        if (lease->state != state)
                lease->since_ms = now;
        lease->state = state;
        lease->trouble_ms = 0;
        lease->by_outage = false;
        lease->unproven = false;
        lease->failures = 0;
        lease->retry_ms = 0;
        lease->refused = false;
}

void lease_close(struct lease *lease, uint64_t now)
{
        lease_enter(lease, LEASE_CLOSED, now);
        lease->wanted = false;
        lease->rung = LEASE_NO_RUNG;
        lease->alerted = false;
        lease->denials = 0;
        lease->first_denial_ms = 0;
}

/* A try to bring a mapping back ended otherwise: half a key may be there, also where it was dead.
 */
static void suspect_key(struct lease *lease)
{
        lease->dead = false;
        if (lease->mapped && lease->rung > RUNG_ALERT && lease->rung != RUNG_POWEROFF)
                lease->rung = RUNG_ALERT;
}

/* established_ms: the clock of the ladder begins here. Where a mapping was being brought back, its
 * rungs are to be proven again; what is closed or dead stays so unless it was tried to open it. A
 * revocation that follows upon a long outage goes on from the rung that was reached. */
static void establish(struct lease *lease, bool by_outage, uint64_t established_ms, uint64_t now)
{
        bool unproven = lease->unproven;

        if (lease->state != LEASE_REVOKED && (!lease->dead || lease->failures > 0))
                suspect_key(lease);
        if (lease->rung == RUNG_ERASE)
                lease->rung = RUNG_KILL; /* an erase waits for its own time again */
        lease_enter(lease, LEASE_REVOKED, now);
        lease->since_ms = now;
        lease->unproven = unproven;
        lease->by_outage = by_outage;
        lease->trouble_ms = established_ms;
        lease->alerted = false;
}

static bool is_live(const struct lease *lease)
{
        return lease->state == LEASE_OPEN || lease->state == LEASE_DOUBTFUL ||
               lease->state == LEASE_DENIED;
}

/* ---- verdicts ---- */

static void take_grant(struct lease *lease, uint64_t now)
{
        lease->succeeded = true;
        lease->denials = 0;
        lease->first_denial_ms = 0;
        if (is_live(lease))
                lease_enter(lease, LEASE_OPEN, now);
        else if (lease->state == LEASE_REVOKED)
                lease_enter(lease, LEASE_RESTORING, now);
        else if (lease->refused)
                lease->retry_ms = 0; /* what the last try was refused is granted now */
}

static void take_key_state(struct lease *lease, uint64_t now)
{
        if (is_live(lease) || lease->state == LEASE_RESTORING ||
            (lease->state == LEASE_REVOKED && lease->by_outage))
                establish(lease, false, now, now);
}

static void doubt(struct lease *lease, uint64_t now)
{
        lease_enter(lease, LEASE_DOUBTFUL, now);
        lease->trouble_ms = now;
        lease->alerted = false;
}

/* No answer that means something. The volume's clock of the outage begins; denials stay counted, as
 * an outage neither takes them back nor adds to them. That it was too long is for a verdict to say,
 * not for time alone: after a sleep, or where the agent stood still, nobody has asked yet. */
static void take_outage(const struct lease_policy *policy, struct lease *lease, uint64_t now)
{
        if (!is_live(lease))
                return;
        if (lease->state != LEASE_DOUBTFUL)
                doubt(lease, now);
        if (policy->on_outage.count > 0 &&
            time_elapsed(lease->trouble_ms, policy->max_outage_ms, now))
                establish(lease, true, time_after(lease->trouble_ms, policy->max_outage_ms), now);
}

static void take_denial(const struct lease_policy *policy, struct lease *lease, uint64_t now)
{
        bool established = lease->state == LEASE_REVOKED && !lease->by_outage;

        if (!lease->succeeded) {
                take_outage(policy, lease, now);
                return;
        }
        if (lease->state == LEASE_PENDING || established)
                return;
        if (lease->denials == 0)
                lease->first_denial_ms = now;
        if (lease->denials < UINT32_MAX)
                lease->denials++;
        if (lease->denials >= policy->confirm_count &&
            time_elapsed(lease->first_denial_ms, policy->confirm_span_ms, now))
                take_key_state(lease, now);
        else if (is_live(lease))
                lease_enter(lease, LEASE_DENIED, now);
}

static void take_verdict(const struct lease_policy *policy, struct lease *lease, int verdict,
                         uint64_t now)
{
        if (lease->state == LEASE_CLOSED)
                return;
        switch (verdict) {
        case VERDICT_GRANTED: take_grant(lease, now); break;
        case VERDICT_KEY_STATE: take_key_state(lease, now); break;
        case VERDICT_ACCESS_DENIED: take_denial(policy, lease, now); break;
        default: /* unavailable, credential, misconfigured, tampered, or nothing that we know */
                take_outage(policy, lease, now);
        }
}

/* ---- what became of the mapping ---- */

static void take_wanted(struct lease *lease, uint64_t now)
{
        if (lease->state != LEASE_CLOSED || lease->mapped || lease->erased)
                return;
        lease_enter(lease, LEASE_PENDING, now);
        lease->trouble_ms = now;
        lease->wanted = true;
}

/* A suspended mapping that nobody revoked: the agent before us did it, or somebody by hand; only
 * the key service can say whether it may go on, so a resume is tried. A live one that comes up
 * where there was none bears a volume that was formatted anew, if the old one was erased. */
static void take_adopted(struct lease *lease, bool suspended, uint64_t now)
{
        if (lease->mapped && lease->suspended == suspended)
                return;
        if (lease->state == LEASE_CLOSED && !lease->mapped && !suspended)
                lease->erased = false;
        lease->mapped = true;
        lease->suspended = suspended;
        lease->dead = lease->dead && suspended;
        if (lease->state == LEASE_CLOSED && lease->erased && suspended)
                return; /* what an erase left behind */
        lease->wanted = true;
        if (lease->state == LEASE_REVOKED || lease->rung == RUNG_POWEROFF) {
                if (!suspended && lease->rung != RUNG_POWEROFF && lease->rung > RUNG_ALERT)
                        lease->rung = RUNG_ALERT; /* a key came back: the ladder begins anew */
        } else if (suspended) {
                lease_enter(lease, LEASE_RESTORING, now);
        } else if (!is_live(lease)) {
                lease_enter(lease, LEASE_OPEN, now);
        }
}

/* Ours if a rung was to take it away, or if it is being opened anew. */
static void take_gone(struct lease *lease, uint64_t now)
{
        bool troubled = lease->state == LEASE_REVOKED || lease->state == LEASE_RESTORING;
        bool ours = troubled && (lease->rung >= RUNG_CLOSE || lease->dead || !lease->mapped);

        lease->mapped = lease->suspended = lease->dead = false;
        if (!ours)
                lease_close(lease, now);
}

static void back_off(struct lease *lease, uint64_t now)
{
        uint64_t ms = (uint64_t)BACKOFF_FIRST_MS << lease->failures;

        if (lease->failures < LEASE_FAILURES_MAX)
                lease->failures++;
        lease->retry_ms = time_after(now, ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS);
}

/* What the rung did to the mapping, as far as is known: what failed or hangs may have been done. */
static void note_rung(struct lease *lease, enum rung_kind kind, bool done, uint64_t now)
{
        bool there = lease->mapped;

        if (kind == RUNG_SUSPEND || kind == RUNG_KILL)
                lease->suspended = there;
        if (kind == RUNG_KILL && done)
                lease->dead = there;
        else if (kind == RUNG_CLOSE && done)
                lease->mapped = lease->suspended = lease->dead = false;
        else if (kind == RUNG_ERASE && done)
                lease->erased = true;
        if (is_live(lease) && (!lease->mapped || lease->suspended))
                lease_enter(lease, LEASE_RESTORING, now); /* granted while it ran */
}

static void take_rung_end(struct lease *lease, enum lease_result result, uint64_t now)
{
        enum rung_kind kind = lease->running;
        bool done = result == LEASE_DONE;

        if (lease->work != LEASE_RUNG_RUNS)
                return;
        lease->work = LEASE_IDLE;
        lease->running = RUNG_ALERT;
        note_rung(lease, kind, done, now);
        if (lease->state != LEASE_REVOKED)
                return;
        if (kind == RUNG_SUSPEND || kind == RUNG_CLOSE || kind == RUNG_KILL)
                lease->unproven = !done;
        if (done && (kind == RUNG_KILL || kind == RUNG_ERASE)) {
                lease->failures = 0;
                lease->retry_ms = 0;
        } else if (kind == RUNG_KILL || kind == RUNG_ERASE) {
                back_off(lease, now);
        }
}

/* It was opened or resumed. If it was revoked meanwhile, the ladder has a key before it again; if
 * it was given up meanwhile, it is there all the same, and has to be watched. */
static void take_live(struct lease *lease, uint64_t now)
{
        lease->mapped = lease->wanted = true;
        lease->suspended = lease->dead = false;
        if (lease->state == LEASE_REVOKED) {
                if (lease->rung != RUNG_POWEROFF && lease->rung > RUNG_ALERT)
                        lease->rung = RUNG_ALERT;
        } else if (!is_live(lease)) {
                lease->succeeded = true;
                lease->denials = 0;
                lease->first_denial_ms = 0;
                lease_enter(lease, LEASE_OPEN, now);
        }
}

static void take_restored(struct lease *lease, const struct lease_event *event, uint64_t now)
{
        if (lease->work != LEASE_RESTORE_RUNS)
                return;
        lease->work = LEASE_IDLE;
        if (event->result == LEASE_DONE) {
                take_live(lease, now);
        } else if (lease->state == LEASE_RESTORING && event->restore_verdict == VERDICT_KEY_STATE) {
                establish(lease, false, now, now);
        } else if (lease->state == LEASE_PENDING || lease->state == LEASE_RESTORING) {
                lease->refused = event->restore_verdict != VERDICT_GRANTED;
                back_off(lease, now);
        } else if (lease->state == LEASE_REVOKED) {
                suspect_key(lease);
        }
}

static void take_changed(struct lease *lease, uint64_t now)
{
        lease->succeeded = false;
        lease->denials = 0;
        lease->first_denial_ms = 0;
        if (lease->state == LEASE_PENDING || lease->state == LEASE_RESTORING)
                lease->retry_ms = 0;
        if (lease->state == LEASE_DENIED)
                doubt(lease, now);
}

void lease_take(const struct lease_policy *policy, struct lease *lease,
                const struct lease_event *event, uint64_t now)
{
        switch (event->kind) {
        case LEASE_EV_WANTED: take_wanted(lease, now); break;
        case LEASE_EV_ADOPTED: take_adopted(lease, event->suspended, now); break;
        case LEASE_EV_GONE: take_gone(lease, now); break;
        case LEASE_EV_VERDICT: take_verdict(policy, lease, event->verdict, now); break;
        case LEASE_EV_RUNG: take_rung_end(lease, event->result, now); break;
        case LEASE_EV_RESTORED: take_restored(lease, event, now); break;
        case LEASE_EV_CHANGED: take_changed(lease, now); break;
        case LEASE_EV_TIME:
        case LEASE_EVENTS_: break;
        }
}

/* After a poweroff that did not come, whatever has come up meanwhile has the whole ladder before
 * it. A close that nobody saw the end of may have taken the mapping away: then it is gone by our
 * doing, and if it is still there, that is reported. */
void lease_interrupted(struct lease *lease)
{
        enum rung_kind kind = lease->running;

        if (lease->work == LEASE_RUNG_RUNS) {
                note_rung(lease, kind, false, lease->since_ms);
                if (kind == RUNG_CLOSE || kind == RUNG_KILL)
                        note_rung(lease, RUNG_KILL, true, lease->since_ms);
                if (kind == RUNG_POWEROFF)
                        lease->rung = RUNG_ALERT;
                else if (kind > RUNG_ALERT && lease->rung >= (int)kind)
                        lease->rung = (int)kind - 1;
        }
        lease->work = LEASE_IDLE;
        lease->running = RUNG_ALERT;
}
