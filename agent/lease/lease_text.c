/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A lease as one line of text, for what survives a restart and for people. What is read was written
 * by an agent of ours into a folder of root's; still, only what lease_save() writes is taken. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lease/lease.h"

static const char *const states[] = {
    [LEASE_CLOSED] = "closed",       [LEASE_PENDING] = "pending", [LEASE_OPEN] = "open",
    [LEASE_DOUBTFUL] = "doubtful",   [LEASE_DENIED] = "denied",   [LEASE_REVOKED] = "revoked",
    [LEASE_RESTORING] = "restoring",
};
static const char *const works[] = {
    [LEASE_IDLE] = "idle",
    [LEASE_RUNG_RUNS] = "rung",
    [LEASE_RESTORE_RUNS] = "restore",
};

const char *lease_state_name(enum lease_state state)
{
        return (size_t)state < LEASE_STATES_ ? states[state] : "unknown";
}

static char yes(bool b)
{
        return b ? '1' : '0';
}

int lease_save(const struct lease *l, char *buf, size_t size)
{
        int n = snprintf(
            buf, size,
            "lease1 %s %s since=%" PRIu64 " trouble=%" PRIu64 " rung=%s running=%s denials=%" PRIu32
            " first=%" PRIu64 " failures=%" PRIu32 " retry=%" PRIu64
            " outage=%c unproven=%c mapped=%c suspended=%c dead=%c wanted=%c erased=%c"
            " succeeded=%c alerted=%c refused=%c",
            lease_state_name(l->state), works[l->work], l->since_ms, l->trouble_ms,
            l->rung == LEASE_NO_RUNG ? "none" : rung_name((enum rung_kind)l->rung),
            rung_name(l->running), l->denials, l->first_denial_ms, l->failures, l->retry_ms,
            yes(l->by_outage), yes(l->unproven), yes(l->mapped), yes(l->suspended), yes(l->dead),
            yes(l->wanted), yes(l->erased), yes(l->succeeded), yes(l->alerted), yes(l->refused));

        return n >= 0 && (size_t)n < size ? 0 : -ENOBUFS;
}

/* Index of a word among count names, or -1. */
static int find(const char *word, const char *const *names, int count)
{
        for (int i = 0; i < count; i++)
                if (strcmp(word, names[i]) == 0)
                        return i;
        return -1;
}

static int find_rung(const char *word)
{
        for (int i = 0; i < RUNG_KINDS_; i++)
                if (strcmp(word, rung_name((enum rung_kind)i)) == 0)
                        return i;
        return -1;
}

struct words {
        char state[12], work[12], rung[12], running[12];
        char flags[10];
};

static int take_words(const struct words *w, struct lease *lease)
{
        int state = find(w->state, states, LEASE_STATES_), work = find(w->work, works, 3);
        int rung = strcmp(w->rung, "none") == 0 ? LEASE_NO_RUNG : find_rung(w->rung);
        int running = find_rung(w->running);
        bool *const flags[sizeof(w->flags)] = {
            &lease->by_outage, &lease->unproven, &lease->mapped, &lease->suspended,
            &lease->dead,      &lease->wanted,   &lease->erased, &lease->succeeded,
            &lease->alerted,   &lease->refused,
        };

        if (state < 0 || work < 0 || running < 0)
                return -EINVAL;
        lease->state = (enum lease_state)state;
        lease->work = (enum lease_work)work;
        lease->rung = rung;
        lease->running = (enum rung_kind)running;
        for (size_t i = 0; i < sizeof(w->flags); i++)
                *flags[i] = w->flags[i] == '1';
        return 0;
}

/* What the machine never is; a line that says so is no line of ours. */
static bool is_possible(const struct lease *l)
{
        bool live =
            l->state == LEASE_OPEN || l->state == LEASE_DOUBTFUL || l->state == LEASE_DENIED;

        if ((l->suspended && !l->mapped) || (l->dead && !l->suspended))
                return false;
        if (live && (!l->mapped || l->suspended))
                return false;
        if (l->state == LEASE_PENDING && (l->mapped || !l->wanted))
                return false;
        if (l->state == LEASE_CLOSED && (l->wanted || l->rung != LEASE_NO_RUNG))
                return false;
        if (l->state != LEASE_REVOKED && (l->by_outage || l->unproven))
                return false;
        return l->work == LEASE_RUNG_RUNS || l->running == RUNG_ALERT;
}

/* sscanf(3) is generous; that the line is ours is seen by writing it again. */
int lease_load(const char *text, struct lease *ret)
{
        struct lease l = {.state = LEASE_CLOSED};
        struct words w;
        char again[LEASE_TEXT_MAX];
        char *f = w.flags;

        if (strlen(text) >= sizeof(again) ||
            sscanf(text,
                   "lease1 %11s %11s since=%" SCNu64 " trouble=%" SCNu64
                   " rung=%11s running=%11s denials=%" SCNu32 " first=%" SCNu64 " failures=%" SCNu32
                   " retry=%" SCNu64
                   " outage=%c unproven=%c mapped=%c suspended=%c dead=%c wanted=%c erased=%c"
                   " succeeded=%c alerted=%c refused=%c",
                   w.state, w.work, &l.since_ms, &l.trouble_ms, w.rung, w.running, &l.denials,
                   &l.first_denial_ms, &l.failures, &l.retry_ms, f, f + 1, f + 2, f + 3, f + 4,
                   f + 5, f + 6, f + 7, f + 8, f + 9) != 20)
                return -EINVAL;
        if (take_words(&w, &l) != 0 || lease_save(&l, again, sizeof(again)) != 0 ||
            strcmp(text, again) != 0 || l.failures > LEASE_FAILURES_MAX || !is_possible(&l))
                return -EINVAL;
        *ret = l;
        return 0;
}
