/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Never a false revocation: a day of a machine's life, for each way in which a key service can fail
 * without the key being revoked, with a clock of our own. Not one rung past alert. And the other
 * way round: what is a revocation does climb, in time. */

#include "lease-fixture.h"

#include "lease/keeper.h"

#define HOUR UINT64_C(3600000)
#define DAY  (24 * HOUR)

enum { VOLUMES = 8, KEYS = 3, INTERVAL = 60000 };

/* What the worker says to each: tests/contract/test-aws-faults.c and tests/unit/test-aws-errors.c
 * hold it to that. latency: until the verdict is there. */
static const struct fault {
        const char *name;
        int verdict;
        uint32_t retry_after_s, latency_ms;
} faults[] = {
    {"none", VERDICT_GRANTED, 0, 20},
    {"dns", VERDICT_UNAVAILABLE, 0, 5000},
    {"refused", VERDICT_UNAVAILABLE, 0, 2},
    {"tls stalls", VERDICT_UNAVAILABLE, 0, 10000},
    {"5xx", VERDICT_UNAVAILABLE, 0, 900},
    {"throttled", VERDICT_UNAVAILABLE, 0, 1500},
    {"throttled, retry after", VERDICT_UNAVAILABLE, 120, 30},
    {"credential expired", VERDICT_CREDENTIAL, 0, 40},
    {"credential revoked", VERDICT_CREDENTIAL, 0, 40},
    {"clock skewed", VERDICT_UNAVAILABLE, 0, 40},
    {"signature expired", VERDICT_CREDENTIAL, 0, 40},
    {"garbage", VERDICT_UNAVAILABLE, 0, 40},
    {"a proxy's html", VERDICT_UNAVAILABLE, 0, 40},
    {"wrong key", VERDICT_MISCONFIGURED, 0, 40},
    {"ciphertext does not verify", VERDICT_TAMPERED, 0, 40},
    {"no worker", VERDICT_UNAVAILABLE, 0, 13000},
};

struct day {
        struct keeper *keeper;
        uint64_t now, begin, next_probe[KEYS];
        uint64_t answer_at[KEYS]; /* 0: no probe on its way */
        struct fault answer[KEYS];
        unsigned int probes[KEYS], rungs[RUNG_KINDS_], restored, seed;
        uint64_t first_rung_ms; /* past alert */
        /* What key k answers to its next probe. */
        const struct fault *(*ask)(struct day *day, size_t key);
        const struct fault *fault;
};

static const char *const keys[KEYS] = {"k0", "k1", "k2"};

static void volume_name(size_t i, char name[KEEPER_NAME_MAX])
{
        (void)snprintf(name, KEEPER_NAME_MAX, "v%zu", i);
}

/* Three volumes on each of two keys, and two that have all three. */
static void day_begin(struct day *day, const struct lease_policy *policy)
{
        char name[KEEPER_NAME_MAX];

        *day = (struct day){.begin = 7 * DAY, .now = 7 * DAY, .seed = 1};
        day->keeper = keeper_new(4711);
        assert_non_null(day->keeper);
        for (size_t k = 0; k < KEYS; k++)
                assert_int_equal(keeper_set_key(day->keeper, keys[k], INTERVAL), 0);
        for (size_t i = 0; i < VOLUMES; i++) {
                volume_name(i, name);
                assert_int_equal(keeper_set_volume(day->keeper, name, policy), 0);
                assert_int_equal(
                    keeper_watch(day->keeper, name, i < 6 ? &keys[i % 2] : keys, i < 6 ? 1 : KEYS),
                    0);
                assert_int_equal(
                    keeper_event(day->keeper, name, EVENT(.kind = LEASE_EV_ADOPTED), day->now), 0);
        }
}

static size_t key_number(const char *name)
{
        return (size_t)(name[1] - '0');
}

/* Does what is ordered: everything succeeds at once. */
static void obey(struct day *day, const struct keeper_order *order)
{
        size_t k = key_number(order->key);

        if (order->kind == KEEPER_PROBE) {
                assert_true(day->now >= day->next_probe[k]); /* invariant 6 */
                assert_true(day->answer_at[k] == 0);
                day->next_probe[k] = day->now + INTERVAL;
                day->answer[k] = *day->ask(day, k);
                day->answer_at[k] = day->now + day->answer[k].latency_ms;
                day->probes[k]++;
        } else if (order->lease.kind == LEASE_DO_RUNG) {
                if (order->lease.rung > RUNG_ALERT && day->first_rung_ms == 0)
                        day->first_rung_ms = day->now;
                day->rungs[order->lease.rung]++;
                assert_int_equal(
                    keeper_event(day->keeper, order->volume, RUNG_EVENT(LEASE_DONE), day->now), 0);
        } else if (order->lease.kind == LEASE_DO_RESUME || order->lease.kind == LEASE_DO_OPEN) {
                assert_int_equal(keeper_event(day->keeper, order->volume,
                                              RESTORED_EVENT(LEASE_DONE, 0), day->now),
                                 0);
        } else if (order->lease.kind == LEASE_RESTORED) {
                day->restored++;
        }
}

static void day_until(struct day *day, uint64_t end)
{
        while (day->now < end) {
                uint64_t wake = 0;
                struct keeper_order order = keeper_next(day->keeper, day->now, &wake);

                if (order.kind != KEEPER_NOTHING) {
                        obey(day, &order);
                        continue;
                }
                assert_true(wake > day->now);
                for (size_t k = 0; k < KEYS; k++)
                        if (day->answer_at[k] != 0 && day->answer_at[k] < wake)
                                wake = day->answer_at[k];
                day->now = wake < end ? wake : end;
                for (size_t k = 0; k < KEYS; k++)
                        if (day->answer_at[k] != 0 && day->answer_at[k] <= day->now) {
                                day->answer_at[k] = 0;
                                assert_int_equal(
                                    keeper_verdict(day->keeper, keys[k], day->answer[k].verdict,
                                                   day->answer[k].retry_after_s, day->now),
                                    0);
                        }
        }
}

static unsigned int past_alert(const struct day *day)
{
        unsigned int n = 0;

        for (int kind = RUNG_ALERT + 1; kind < RUNG_KINDS_; kind++)
                n += day->rungs[kind];
        return n;
}

static void expect_states(const struct day *day, enum lease_state state, const char *name)
{
        char volume[KEEPER_NAME_MAX];

        for (size_t i = 0; i < VOLUMES; i++) {
                volume_name(i, volume);
                ROW_ASSERT(keeper_lease(day->keeper, volume)->state == state, name);
        }
}

static const struct fault *ask_constant(struct day *day, size_t key)
{
        (void)key;
        return day->now < day->begin + HOUR ? &faults[0] : day->fault;
}

/* One hour that is granted, a day of the fault, and an hour that is granted again. */
static void a_day_of(const struct fault *fault, const char *on_outage, bool over_limit)
{
        struct lease_policy policy = policy_of("alert; suspend", on_outage);
        struct day day;
        bool granted = fault->verdict == VERDICT_GRANTED;

        policy.max_outage_ms = over_limit ? HOUR : 3 * DAY;
        day_begin(&day, &policy);
        day.ask = ask_constant;
        day.fault = fault;
        day_until(&day, day.begin + HOUR + DAY);
        ROW_ASSERT(past_alert(&day) == 0, fault->name);
        expect_states(&day, granted ? LEASE_OPEN : LEASE_DOUBTFUL, fault->name);
        ROW_ASSERT(day.rungs[RUNG_ALERT] == (over_limit && !granted ? VOLUMES : 0), fault->name);
        for (size_t k = 0; k < KEYS; k++) {
                ROW_ASSERT(day.probes[k] <= 25 * 60 + 1, fault->name);
                ROW_ASSERT(day.probes[k] > (fault->retry_after_s ? 700 : 1450), fault->name);
        }
        day.fault = &faults[0];
        day_until(&day, day.now + HOUR);
        expect_states(&day, LEASE_OPEN, fault->name);
        ROW_ASSERT(past_alert(&day) == 0, fault->name);
        ROW_ASSERT(day.restored == day.rungs[RUNG_ALERT], fault->name);
        keeper_free(day.keeper);
}

static void test_each_fault(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(faults); i++) {
                a_day_of(&faults[i], "keep", true);
                a_day_of(&faults[i], "suspend", false);
        }
}

static unsigned int any(struct day *day, unsigned int limit)
{
        day->seed = day->seed * 1103515245 + 12345;
        return (day->seed >> 16) % limit;
}

static const struct fault *ask_random(struct day *day, size_t key)
{
        (void)key;
        return &faults[any(day, LENGTH(faults))];
}

static void test_random_days(void **state)
{
        struct lease_policy policy = policy_of("alert; suspend; kill 1h", "suspend");

        (void)state;
        for (unsigned int seed = 1; seed <= 20; seed++) {
                struct day day;

                day_begin(&day, &policy);
                day.ask = ask_random;
                day.seed = seed;
                day_until(&day, day.begin + DAY);
                assert_int_equal(past_alert(&day), 0);
                keeper_free(day.keeper);
        }
}

/* Denied twice, which is below three; then an outage, and a grant. Or thrice, but in less than the
 * span, which never happens with probes a minute apart, so the span is longer here. */
static const struct fault denied = {"access-denied", VERDICT_ACCESS_DENIED, 0, 30};
static const struct fault disabled = {"key-state", VERDICT_KEY_STATE, 0, 30};

static const struct fault *ask_flapping(struct day *day, size_t key)
{
        unsigned int n = day->probes[key] % 5;

        if (n == 1 || n == 3)
                return &denied;
        return n == 2 ? &faults[1 + any(day, LENGTH(faults) - 1)] : &faults[0];
}

static const struct fault *ask_flapping_fast(struct day *day, size_t key)
{
        return day->probes[key] % 5 == 0 ? &faults[0] : &denied;
}

static void test_flapping_denial(void **state)
{
        struct lease_policy policy = policy_of("alert; suspend", "keep");
        struct day day;

        (void)state;
        day_begin(&day, &policy);
        day.ask = ask_flapping;
        day_until(&day, day.begin + DAY);
        assert_int_equal(past_alert(&day), 0);
        assert_int_equal(day.rungs[RUNG_ALERT], 0);
        keeper_free(day.keeper);

        policy.confirm_span_ms = 10 * INTERVAL;
        day_begin(&day, &policy);
        day.ask = ask_flapping_fast;
        day_until(&day, day.begin + DAY);
        assert_int_equal(past_alert(&day), 0);
        assert_int_equal(day.rungs[RUNG_ALERT], 0);
        keeper_free(day.keeper);
}

/* An IAM policy that never allowed anything is a mistake, not a revocation. */
static void test_denied_from_the_beginning(void **state)
{
        struct lease_policy policy = policy_of("alert; suspend", "keep");
        struct day day;

        (void)state;
        policy.max_outage_ms = 3 * DAY;
        day_begin(&day, &policy);
        day.ask = ask_constant;
        day.begin = 0; /* no hour of grace */
        day.fault = &denied;
        day_until(&day, day.now + DAY);
        assert_int_equal(past_alert(&day), 0);
        expect_states(&day, LEASE_DOUBTFUL, "denied");
        keeper_free(day.keeper);
}

/* The counter-check: the same machine does climb. */
static void a_revocation(const struct fault *fault, uint64_t within_ms)
{
        struct lease_policy policy = policy_of("alert; suspend", "keep");
        struct day day;

        day_begin(&day, &policy);
        day.ask = ask_constant;
        day.fault = fault;
        day_until(&day, day.begin + HOUR + within_ms);
        ROW_ASSERT(day.rungs[RUNG_ALERT] == VOLUMES, fault->name);
        ROW_ASSERT(day.rungs[RUNG_SUSPEND] == VOLUMES, fault->name);
        ROW_ASSERT(day.first_rung_ms > day.begin + HOUR, fault->name);
        expect_states(&day, LEASE_REVOKED, fault->name);
        day.fault = &faults[1]; /* an outage undoes nothing */
        day_until(&day, day.now + HOUR);
        expect_states(&day, LEASE_REVOKED, fault->name);
        day.fault = &faults[0];
        day_until(&day, day.now + INTERVAL + 1000);
        expect_states(&day, LEASE_OPEN, fault->name);
        assert_int_equal(day.restored, VOLUMES);
        ROW_ASSERT(day.rungs[RUNG_SUSPEND] == VOLUMES, fault->name);
        keeper_free(day.keeper);
}

static void test_real_revocations(void **state)
{
        (void)state;
        a_revocation(&disabled, INTERVAL + 1000);
        /* three answers, the last two minutes after the first */
        a_revocation(&denied, 4 * INTERVAL);
}

/* Outages that are too long climb where that is asked for. */
static void test_long_outage_climbs(void **state)
{
        struct lease_policy policy = policy_of("alert; suspend", "suspend");
        struct day day;

        (void)state;
        policy.max_outage_ms = 2 * HOUR;
        day_begin(&day, &policy);
        day.ask = ask_constant;
        day.fault = &faults[1];
        day_until(&day, day.begin + 3 * HOUR - INTERVAL);
        assert_int_equal(past_alert(&day), 0);
        day_until(&day, day.begin + 3 * HOUR + 3 * INTERVAL);
        assert_int_equal(day.rungs[RUNG_SUSPEND], VOLUMES);
        keeper_free(day.keeper);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_each_fault),
            cmocka_unit_test(test_random_days),
            cmocka_unit_test(test_flapping_denial),
            cmocka_unit_test(test_denied_from_the_beginning),
            cmocka_unit_test(test_real_revocations),
            cmocka_unit_test(test_long_outage_climbs),
        };

        return cmocka_run_group_tests_name("keeper-day", tests, NULL, NULL);
}
