/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every state that a lease can come to, under several policies: from each, every event at once and
 * after a while, with a monitor (lease-monitor.h) that judges what is ordered. */

#include "lease-monitor.h"

enum { STATES_MAX = 1 << 18, ORDERS_MAX = 4, COOPERATE_MAX = 40 };

struct node {
        struct lease lease;
        struct monitor monitor;
        uint32_t parent;
        uint16_t event; /* index of it, and whether time passed before */
};

/* The environment: what happened, and what was lost with an agent that was killed. */
enum fate { FATE_NONE, FATE_KILLED_BEFORE, FATE_KILLED_AFTER };

static const struct {
        const char *name;
        struct lease_event event;
        enum fate fate;
} events[] = {
    {"time", {.kind = LEASE_EV_TIME}, FATE_NONE},
    {"wanted", {.kind = LEASE_EV_WANTED}, FATE_NONE},
    {"adopted live", {.kind = LEASE_EV_ADOPTED}, FATE_NONE},
    {"adopted suspended", {.kind = LEASE_EV_ADOPTED, .suspended = true}, FATE_NONE},
    {"gone", {.kind = LEASE_EV_GONE}, FATE_NONE},
    {"granted", {.kind = LEASE_EV_VERDICT, .verdict = VERDICT_GRANTED}, FATE_NONE},
    {"key-state", {.kind = LEASE_EV_VERDICT, .verdict = VERDICT_KEY_STATE}, FATE_NONE},
    {"access-denied", {.kind = LEASE_EV_VERDICT, .verdict = VERDICT_ACCESS_DENIED}, FATE_NONE},
    {"unavailable", {.kind = LEASE_EV_VERDICT, .verdict = VERDICT_UNAVAILABLE}, FATE_NONE},
    {"rung done", {.kind = LEASE_EV_RUNG, .result = LEASE_DONE}, FATE_NONE},
    {"rung failed", {.kind = LEASE_EV_RUNG, .result = LEASE_FAILED}, FATE_NONE},
    {"rung hung", {.kind = LEASE_EV_RUNG, .result = LEASE_HUNG}, FATE_NONE},
    {"restored", {.kind = LEASE_EV_RESTORED, .result = LEASE_DONE}, FATE_NONE},
    {"not restored: granted", {.kind = LEASE_EV_RESTORED, .result = LEASE_FAILED}, FATE_NONE},
    {"not restored: key-state",
     {.kind = LEASE_EV_RESTORED, .result = LEASE_FAILED, .restore_verdict = VERDICT_KEY_STATE},
     FATE_NONE},
    {"not restored: access-denied",
     {.kind = LEASE_EV_RESTORED, .result = LEASE_FAILED, .restore_verdict = VERDICT_ACCESS_DENIED},
     FATE_NONE},
    {"not restored: unavailable",
     {.kind = LEASE_EV_RESTORED, .result = LEASE_FAILED, .restore_verdict = VERDICT_UNAVAILABLE},
     FATE_NONE},
    {"restore hung", {.kind = LEASE_EV_RESTORED, .result = LEASE_HUNG}, FATE_NONE},
    {"changed", {.kind = LEASE_EV_CHANGED}, FATE_NONE},
    {"agent killed, work undone", {.kind = LEASE_EV_TIME}, FATE_KILLED_BEFORE},
    {"agent killed, work done", {.kind = LEASE_EV_TIME}, FATE_KILLED_AFTER},
};

static struct {
        const struct lease_policy *policy;
        const char *name;
        struct node *nodes;
        uint32_t count;
        uint32_t *slots; /* hash table of node numbers + 1 */
        unsigned int seen_states, seen_rungs;
        uint64_t longest, steps; /* longest: of the policy's times, in steps of time */
} explore;

/* ---- the same state, as bytes ---- */

static uint64_t ago(uint64_t ms)
{
        uint64_t n = NOW >= ms ? (NOW - ms) / QUANTUM : 0;

        return n < explore.longest ? n : explore.longest;
}

/* What has no influence on what follows is made equal; monitor_event() and the machine compare
 * nothing beyond these limits. */
static void canonicalise(struct node *node)
{
        struct lease *l = &node->lease;
        struct monitor *m = &node->monitor;

        l->since_ms = 0;
        l->trouble_ms = l->trouble_ms ? NOW - ago(l->trouble_ms) * QUANTUM : 0;
        l->first_denial_ms = l->denials ? NOW - ago(l->first_denial_ms) * QUANTUM : 0;
        l->retry_ms = l->retry_ms > NOW ? NOW + 1 : 0;
        l->failures = l->failures > 0;
        if (l->denials > explore.policy->confirm_count)
                l->denials = explore.policy->confirm_count;
        if (m->denials > explore.policy->confirm_count)
                m->denials = explore.policy->confirm_count;
        m->first_ms = m->denials ? NOW - ago(m->first_ms) * QUANTUM : 0;
        m->doubt_ms = m->doubtful ? NOW - ago(m->doubt_ms) * QUANTUM : 0;
        m->cause_ms = m->denied || m->outlast ? NOW - ago(m->cause_ms) * QUANTUM : 0;
}

static void pass_time(struct node *node)
{
        struct lease *l = &node->lease;
        struct monitor *m = &node->monitor;

        l->trouble_ms = l->trouble_ms ? l->trouble_ms - QUANTUM : 0;
        l->first_denial_ms = l->denials ? l->first_denial_ms - QUANTUM : 0;
        l->retry_ms = l->retry_ms > QUANTUM ? l->retry_ms - QUANTUM : 0;
        m->first_ms = m->denials ? m->first_ms - QUANTUM : 0;
        m->doubt_ms = m->doubtful ? m->doubt_ms - QUANTUM : 0;
        m->cause_ms = m->denied || m->outlast ? m->cause_ms - QUANTUM : 0;
}

static uint64_t pack_bits(const struct node *n)
{
        const struct lease *l = &n->lease;
        const struct monitor *m = &n->monitor;
        const bool bits[] = {l->by_outage, l->unproven, l->mapped,         l->suspended,
                             l->dead,      l->wanted,   l->erased,         l->succeeded,
                             l->alerted,   l->refused,  m->table,          m->key,
                             m->denied,    m->outlast,  m->over_limit,     m->doubtful,
                             m->succeeded, m->told,     m->alarmed,        m->left,
                             m->erased,    m->off,      l->retry_ms > NOW, l->failures > 0};
        uint64_t packed = 0;

        for (size_t i = 0; i < LENGTH(bits); i++)
                packed = packed << 1 | bits[i];
        packed = packed << 3 | (uint64_t)l->state;
        packed = packed << 2 | (uint64_t)l->work;
        packed = packed << 3 | (uint64_t)(l->rung + 1);
        packed = packed << 3 | (uint64_t)l->running;
        return packed;
}

static uint64_t pack_times(const struct node *n)
{
        const struct lease *l = &n->lease;
        const struct monitor *m = &n->monitor;
        uint64_t packed = l->trouble_ms ? ago(l->trouble_ms) : 15;

        packed = packed << 4 | (l->denials ? ago(l->first_denial_ms) : 15);
        packed = packed << 4 | (m->denials ? ago(m->first_ms) : 15);
        packed = packed << 4 | (m->doubtful ? ago(m->doubt_ms) : 15);
        packed = packed << 4 | (m->denied || m->outlast ? ago(m->cause_ms) : 15);
        packed = packed << 4 | l->denials;
        return packed << 4 | m->denials;
}

static bool same(const struct node *a, const struct node *b)
{
        return pack_bits(a) == pack_bits(b) && pack_times(a) == pack_times(b);
}

/* True if it was not there yet. */
static bool insert(const struct node *node)
{
        uint64_t h = (pack_bits(node) * UINT64_C(0x9e3779b97f4a7c15) ^ pack_times(node)) *
                     UINT64_C(0xbf58476d1ce4e5b9);
        size_t at = (size_t)(h >> 40) % (2 * STATES_MAX);

        for (; explore.slots[at]; at = (at + 1) % (2 * STATES_MAX))
                if (same(&explore.nodes[explore.slots[at] - 1], node))
                        return false;
        assert_true(explore.count < STATES_MAX);
        explore.nodes[explore.count++] = *node;
        explore.slots[at] = explore.count;
        explore.seen_states |= 1U << node->lease.state;
        return true;
}

/* ---- what is wrong, and how it came to it ---- */

static void tell_way(uint32_t number)
{
        const struct node *node = &explore.nodes[number];
        char text[LEASE_TEXT_MAX];

        if (number > 0)
                tell_way(node->parent);
        (void)lease_save(&node->lease, text, sizeof(text));
        print_error("  %s%s -> %s\n", node->event & 1 ? "later " : "",
                    number > 0 ? events[node->event >> 1].name : "begin", text);
}

static void check(const char *wrong, uint32_t from, size_t event, bool later)
{
        if (!wrong)
                return;
        tell_way(from);
        fail_msg("policy %s: %s%s: %s", explore.name, later ? "later " : "", events[event].name,
                 wrong);
}

/* ---- steps ---- */

static struct lease_order step(struct node *node, const struct lease_event *event, uint64_t *wake)
{
        struct lease_order order;

        explore.steps++;
        monitor_event(&node->monitor, explore.policy, &node->lease, event);
        order = lease_step(explore.policy, &node->lease, event, NOW, wake);
        monitor_after(&node->monitor, &node->lease);
        return order;
}

/* One event and all orders that follow at once. NULL, or what is wrong. */
static const char *step_and_settle(struct node *node, const struct lease_event *event)
{
        uint64_t wake = 0;
        struct lease_order order = step(node, event, &wake);
        int orders = 0;

        while (order.kind != LEASE_NOTHING) {
                const char *wrong =
                    monitor_order(&node->monitor, explore.policy, &node->lease, order);

                if (wrong)
                        return wrong;
                if (order.kind == LEASE_DO_RUNG)
                        explore.seen_rungs |= 1U << order.rung;
                if (++orders > ORDERS_MAX)
                        return "orders without end";
                order = step(node, TIME_EVENT, &wake);
        }
        return monitor_settled(&node->monitor, explore.policy, &node->lease, wake);
}

/* An agent that was killed: what it ran was done or not; the next one tells what it finds. */
static const char *restart(struct node *node, bool done)
{
        struct lease *l = &node->lease;
        struct monitor *m = &node->monitor;
        struct lease_event found = {.kind = LEASE_EV_ADOPTED};
        bool left = m->left; /* what nobody saw proves nothing */
        bool ours = l->state == LEASE_REVOKED && l->work == LEASE_RUNG_RUNS &&
                    l->running == RUNG_CLOSE && l->mapped;
        const char *wrong;

        if (done && l->work == LEASE_RUNG_RUNS)
                monitor_event(m, explore.policy, l, RUNG_EVENT(LEASE_DONE));
        else if (done && l->work == LEASE_RESTORE_RUNS)
                m->table = m->key = true;
        m->left = left;
        lease_interrupted(l);
        monitor_after(m, l);
        if (m->erased && !l->erased)
                m->erased = false; /* it is done again, as nobody saw it */
        if (m->off)
                m->off = l->rung == RUNG_POWEROFF;
        found.suspended = !m->key;
        if (!m->table)
                found.kind = l->mapped ? LEASE_EV_GONE : LEASE_EV_WANTED;
        wrong = step_and_settle(node, &found);
        return !wrong && ours && l->state == LEASE_CLOSED ? "a volume that we closed is forgotten"
                                                          : wrong;
}

static bool makes_sense(const struct node *node, size_t i)
{
        if (events[i].event.kind == LEASE_EV_RUNG)
                return node->lease.work == LEASE_RUNG_RUNS;
        if (events[i].event.kind == LEASE_EV_RESTORED)
                return node->lease.work == LEASE_RESTORE_RUNS;
        return events[i].event.kind != LEASE_EV_WANTED || !node->monitor.table;
}

/* A late end of what does not run changes nothing. */
static const char *check_ignored(const struct node *node, size_t i)
{
        struct node late = *node, calm = *node;
        uint64_t wake_late = 0, wake_calm = 0;
        struct lease_order a, b;

        a = lease_step(explore.policy, &late.lease, &events[i].event, NOW, &wake_late);
        b = lease_step(explore.policy, &calm.lease, TIME_EVENT, NOW, &wake_calm);
        return a.kind == b.kind && wake_late == wake_calm && same(&late, &calm)
                   ? NULL
                   : "changes something";
}

/* Invariant 5. What goes on is the machine's alone, so that equal leases do as equal ones did. */
static const char *check_saved(const struct node *node)
{
        struct node original = *node, loaded = *node;
        char text[LEASE_TEXT_MAX];
        uint64_t wake_a = 0, wake_b = 0;
        struct lease_order a, b;

        if (lease_save(&node->lease, text, sizeof(text)) != 0 ||
            lease_load(text, &loaded.lease) != 0)
                return "invariant 5: it cannot be saved and loaded";
        if (!same(&original, &loaded))
                return "invariant 5: it is another once loaded";
        a = lease_step(explore.policy, &original.lease, TIME_EVENT, NOW, &wake_a);
        b = lease_step(explore.policy, &loaded.lease, TIME_EVENT, NOW, &wake_b);
        return a.kind == b.kind && a.rung == b.rung && wake_a == wake_b && same(&original, &loaded)
                   ? NULL
                   : "invariant 5: it goes on differently once loaded";
}

/* Whatever says nothing about the grant is an outage, one like the other. */
static const char *check_doubts(const struct node *node)
{
        static const int verdicts[] = {VERDICT_CREDENTIAL, VERDICT_MISCONFIGURED, VERDICT_TAMPERED,
                                       VERDICT_MAX_ + 1, -1};
        struct node outage = *node;
        uint64_t wake_a = 0, wake_b = 0;
        struct lease_order a, b;

        a = lease_step(explore.policy, &outage.lease, VERDICT_EVENT(VERDICT_UNAVAILABLE), NOW,
                       &wake_a);
        for (size_t i = 0; i < LENGTH(verdicts); i++) {
                struct node other = *node;

                b = lease_step(explore.policy, &other.lease, VERDICT_EVENT(verdicts[i]), NOW,
                               &wake_b);
                if (a.kind != b.kind || a.rung != b.rung || wake_a != wake_b ||
                    !same(&outage, &other))
                        return "a verdict that says nothing is taken for something";
        }
        return NULL;
}

/* Invariant 2: a grant, and work that succeeds (rungs: or not), lead back to an open volume. */
static const char *check_restored(const struct node *from, bool rungs_succeed)
{
        struct node node = *from;
        const struct lease *l = &node.lease;
        bool was_pending = l->state == LEASE_PENDING;
        const char *wrong;

        if (l->state == LEASE_CLOSED || node.monitor.off)
                return NULL;
        wrong = step_and_settle(&node, VERDICT_EVENT(VERDICT_GRANTED));
        for (int i = 0; i < COOPERATE_MAX && !wrong; i++) {
                if (l->work == LEASE_RUNG_RUNS) {
                        wrong = step_and_settle(
                            &node, RUNG_EVENT(rungs_succeed ? LEASE_DONE : LEASE_FAILED));
                } else if (l->work == LEASE_RESTORE_RUNS) {
                        wrong = step_and_settle(&node, RESTORED_EVENT(LEASE_DONE, 0));
                } else if (l->state == LEASE_OPEN || l->state == LEASE_CLOSED) {
                        break;
                } else {
                        pass_time(&node);
                        wrong = step_and_settle(&node, TIME_EVENT);
                }
        }
        if (wrong)
                return wrong;
        if (l->state == LEASE_CLOSED && (l->erased || was_pending))
                return NULL;
        return l->state == LEASE_OPEN && node.monitor.table && !node.monitor.alarmed &&
                       (node.monitor.key || l->erased || !l->succeeded || !from->monitor.key)
                   ? NULL
                   : "invariant 2: a grant does not lead back";
}

static void expand(uint32_t number, size_t i, bool later)
{
        struct node node = explore.nodes[number];
        const char *wrong;

        if (later)
                pass_time(&node);
        if (!makes_sense(&node, i)) {
                if (events[i].event.kind != LEASE_EV_WANTED)
                        check(check_ignored(&node, i), number, i, later);
                return;
        }
        if (events[i].fate == FATE_NONE) {
                wrong = step_and_settle(&node, &events[i].event);
        } else {
                wrong = restart(&node, events[i].fate == FATE_KILLED_AFTER);
        }
        check(wrong, number, i, later);
        canonicalise(&node);
        node.parent = number;
        node.event = (uint16_t)(i << 1 | later);
        (void)insert(&node);
}

static uint64_t longest_time(const struct lease_policy *policy)
{
        uint64_t times[] = {policy->max_outage_ms, policy->confirm_span_ms,
                            policy->pending_timeout_ms, 0, 0};
        uint64_t longest = 0;

        if (policy->on_revoke.count > 0)
                times[3] = policy->on_revoke.rungs[policy->on_revoke.count - 1].after_ms;
        if (policy->on_outage.count > 0)
                times[4] = policy->on_outage.rungs[policy->on_outage.count - 1].after_ms;
        for (size_t i = 0; i < LENGTH(times); i++)
                longest = times[i] > longest ? times[i] : longest;
        return longest / QUANTUM;
}

static void explore_policy(const char *name, const struct lease_policy *policy, uint32_t floor,
                           unsigned int rungs)
{
        struct node first = {.event = 0};

        explore.policy = policy;
        explore.name = name;
        explore.count = 0;
        explore.seen_states = explore.seen_rungs = 0;
        explore.steps = 0;
        explore.longest = longest_time(policy);
        explore.nodes = malloc(sizeof(*explore.nodes) * STATES_MAX);
        explore.slots = calloc(2 * (size_t)STATES_MAX, sizeof(*explore.slots));
        assert_non_null(explore.nodes);
        assert_non_null(explore.slots);
        lease_init(&first.lease);
        (void)insert(&first);
        for (uint32_t number = 0; number < explore.count; number++) {
                check(check_saved(&explore.nodes[number]), number, 0, false);
                check(check_doubts(&explore.nodes[number]), number, 0, false);
                check(check_restored(&explore.nodes[number], true), number, 5, false);
                check(check_restored(&explore.nodes[number], false), number, 5, false);
                for (size_t i = 0; i < LENGTH(events); i++) {
                        expand(number, i, false);
                        expand(number, i, true);
                }
        }
        print_message("# %s: %u states, %llu steps\n", name, explore.count,
                      (unsigned long long)explore.steps);
        free(explore.nodes);
        free(explore.slots);
        assert_int_equal(explore.seen_states, (1U << LEASE_STATES_) - 1);
        assert_int_equal(explore.seen_rungs, rungs);
        assert_true(explore.count >= floor);
}

/* ---- policies ---- */

#define RUNGS(...) rungs_of((const int[]){__VA_ARGS__, -1})

static unsigned int rungs_of(const int *kinds)
{
        unsigned int set = 0;

        for (; *kinds >= 0; kinds++)
                set |= 1U << *kinds;
        return set;
}

/* Times in steps: "suspend 1; close 2" would be 5 and 10 minutes. */
static struct lease_policy small(const char *on_revoke, const char *on_outage)
{
        struct lease_policy policy = policy_of(on_revoke, on_outage);

        policy.max_outage_ms = 2 * QUANTUM;
        policy.confirm_count = 2;
        policy.confirm_span_ms = QUANTUM;
        policy.pending_timeout_ms = 2 * QUANTUM;
        return policy;
}

static void test_default(void **state)
{
        struct lease_policy policy = small("alert; suspend", "keep");

        (void)state;
        policy.confirm_count = 3;
        policy.confirm_span_ms = 2 * QUANTUM;
        explore_policy("default", &policy, 5000, RUNGS(RUNG_ALERT, RUNG_SUSPEND, RUNG_KILL));
}

static void test_full(void **state)
{
        struct lease_policy policy = small("alert; suspend 5min; close 10min; kill 15min; "
                                           "erase 20min; poweroff 25min",
                                           "keep");

        (void)state;
        policy.may_erase = true;
        explore_policy("full", &policy, 30000, (1U << RUNG_KINDS_) - 1);
        policy.may_erase = false;
        explore_policy("full, no erase", &policy, 15000,
                       ((1U << RUNG_KINDS_) - 1) & ~(1U << RUNG_ERASE));
}

static void test_erase(void **state)
{
        struct lease_policy policy = small("suspend; erase 10min", "keep");

        (void)state;
        policy.may_erase = true;
        explore_policy("erase", &policy, 8000,
                       RUNGS(RUNG_ALERT, RUNG_SUSPEND, RUNG_KILL, RUNG_ERASE));
}

static void test_outage(void **state)
{
        struct lease_policy policy =
            small("alert; suspend 5min; close 10min", "alert; kill 5min; poweroff 10min");

        (void)state;
        explore_policy("outage", &policy, 6000,
                       RUNGS(RUNG_ALERT, RUNG_SUSPEND, RUNG_CLOSE, RUNG_KILL, RUNG_POWEROFF));
        policy = small("close; erase 15min", "suspend; close 10min");
        policy.may_erase = true;
        explore_policy("outage, other", &policy, 20000,
                       RUNGS(RUNG_ALERT, RUNG_SUSPEND, RUNG_CLOSE, RUNG_KILL, RUNG_ERASE));
}

static void test_keep(void **state)
{
        struct lease_policy policy = small("keep", "keep");

        (void)state;
        explore_policy("keep", &policy, 800, RUNGS(RUNG_ALERT));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_default), cmocka_unit_test(test_full),
            cmocka_unit_test(test_erase),   cmocka_unit_test(test_outage),
            cmocka_unit_test(test_keep),
        };

        return cmocka_run_group_tests_name("lease-explore", tests, NULL, NULL);
}
