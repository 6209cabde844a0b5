/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* lease/keeper.h: which key is probed when, and what several keys' answers mean for a volume. */

#include "lease-fixture.h"

#include <errno.h>

#include "lease/keeper.h"

enum { INTERVAL = 60000 };

static const uint64_t start = UINT64_C(1000000000);

static struct keeper *keeper;
static uint64_t now;

static const char *const one[] = {"k1"}, *const both[] = {"k1", "k2"};

static int setup(void **state)
{
        struct lease_policy policy = policy_of("alert; suspend", "keep");

        (void)state;
        now = start;
        keeper = keeper_new(42);
        assert_non_null(keeper);
        assert_int_equal(keeper_set_key(keeper, "k1", INTERVAL), 0);
        assert_int_equal(keeper_set_key(keeper, "k2", INTERVAL), 0);
        assert_int_equal(keeper_set_volume(keeper, "v1", &policy), 0);
        assert_int_equal(keeper_set_volume(keeper, "v2", &policy), 0);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        keeper_free(keeper);
        return 0;
}

static void adopt(const char *volume, const char *const *keys, size_t count)
{
        assert_int_equal(keeper_watch(keeper, volume, keys, count), 0);
        assert_int_equal(keeper_event(keeper, volume, EVENT(.kind = LEASE_EV_ADOPTED), now), 0);
}

static enum lease_state state_of(const char *volume)
{
        return keeper_lease(keeper, volume)->state;
}

/* Nothing more by now; where the next wake-up is. */
static uint64_t expect_nothing(void)
{
        uint64_t wake = 0;

        assert_int_equal(keeper_next(keeper, now, &wake).kind, KEEPER_NOTHING);
        assert_true(wake > now);
        return wake;
}

static void expect_probe(const char *key)
{
        uint64_t wake = 0;
        struct keeper_order order = keeper_next(keeper, now, &wake);

        assert_int_equal(order.kind, KEEPER_PROBE);
        assert_string_equal(order.key, key);
        assert_true(wake <= now);
}

static void expect_rung(const char *volume, enum rung_kind kind)
{
        uint64_t wake = 0;
        struct keeper_order order = keeper_next(keeper, now, &wake);

        assert_int_equal(order.kind, KEEPER_LEASE);
        assert_string_equal(order.volume, volume);
        assert_int_equal(order.lease.kind, LEASE_DO_RUNG);
        assert_int_equal(order.lease.rung, kind);
}

static void say(const char *key, int verdict)
{
        assert_int_equal(keeper_verdict(keeper, key, verdict, 0, now), 0);
}

static void test_one_probe_per_key(void **state)
{
        uint64_t begin;

        (void)state;
        assert_true(expect_nothing() == UINT64_MAX); /* nobody watches */
        adopt("v1", one, 1);
        adopt("v2", one, 1);
        now = expect_nothing();
        assert_true(now <= start + INTERVAL);
        for (int i = 0; i < 100; i++) {
                expect_probe("k1");
                begin = now;
                assert_true(expect_nothing() == UINT64_MAX); /* on its way */
                now += 300;
                say("k1", VERDICT_GRANTED);
                now = expect_nothing();
                assert_true(now >= begin + INTERVAL && now <= begin + INTERVAL + 500);
        }
        assert_int_equal(keeper_event(keeper, "v1", EVENT(.kind = LEASE_EV_GONE), now), 0);
        assert_int_equal(keeper_event(keeper, "v2", EVENT(.kind = LEASE_EV_GONE), now), 0);
        assert_true(expect_nothing() == UINT64_MAX);
}

static void test_hurry_and_retry_after(void **state)
{
        struct keeper_probe probe;
        uint64_t begin;

        (void)state;
        adopt("v1", one, 1);
        (void)expect_nothing();
        assert_int_equal(keeper_hurry(keeper, "k1", now), 0);
        expect_probe("k1");
        begin = now;
        say("k1", VERDICT_GRANTED);
        assert_int_equal(keeper_hurry(keeper, "k1", now), 0);
        assert_true(expect_nothing() == begin + INTERVAL); /* invariant 6 */
        now = begin + INTERVAL;
        expect_probe("k1");
        assert_int_equal(keeper_verdict(keeper, "k1", VERDICT_UNAVAILABLE, 300, now), 0);
        assert_int_equal(keeper_hurry(keeper, "k1", now), 0);
        assert_true(expect_nothing() == now + 300000);
        assert_int_equal(keeper_probe(keeper, "k1", &probe), 0);
        assert_true(probe.next_ms == now + 300000 && !probe.in_flight);
        assert_int_equal(probe.verdict, VERDICT_UNAVAILABLE);
        now += 300000;
        expect_probe("k1");
        assert_int_equal(keeper_verdict(keeper, "k1", VERDICT_UNAVAILABLE, UINT32_MAX, now), 0);
        assert_true(expect_nothing() == now + 3600000); /* not for ever */
        assert_int_equal(keeper_probe(keeper, "none", &probe), -ENOENT);
}

/* Who watches again is not probed sooner than the interval allows. */
static void test_interval_without_watchers(void **state)
{
        (void)state;
        adopt("v1", one, 1);
        (void)expect_nothing();
        assert_int_equal(keeper_hurry(keeper, "k1", now), 0);
        expect_probe("k1");
        say("k1", VERDICT_GRANTED);
        assert_int_equal(keeper_event(keeper, "v1", EVENT(.kind = LEASE_EV_GONE), now), 0);
        (void)expect_nothing();
        now += 1000;
        adopt("v1", one, 1);
        assert_true(expect_nothing() >= start + INTERVAL);
}

static void test_fleet_is_spread(void **state)
{
        uint64_t first[16], least = UINT64_MAX, most = 0;
        struct lease_policy policy = policy_of("suspend", "keep");

        (void)state;
        for (size_t i = 0; i < LENGTH(first); i++) {
                struct keeper *other = keeper_new(i);

                assert_non_null(other);
                assert_int_equal(keeper_set_key(other, "k1", INTERVAL), 0);
                assert_int_equal(keeper_set_volume(other, "v1", &policy), 0);
                assert_int_equal(keeper_watch(other, "v1", one, 1), 0);
                assert_int_equal(keeper_event(other, "v1", EVENT(.kind = LEASE_EV_ADOPTED), start),
                                 0);
                assert_int_equal(keeper_next(other, start, &first[i]).kind, KEEPER_NOTHING);
                least = first[i] < least ? first[i] : least;
                most = first[i] > most ? first[i] : most;
                keeper_free(other);
        }
        assert_true(least < start + INTERVAL / 4 && most > start + INTERVAL / 4 * 3);
        assert_true(most <= start + INTERVAL);
}

static void test_several_keys(void **state)
{
        static const struct {
                int first, second;
                enum lease_state state;
        } rows[] = {
            {VERDICT_GRANTED, VERDICT_KEY_STATE, LEASE_OPEN},
            {VERDICT_KEY_STATE, VERDICT_GRANTED, LEASE_OPEN},
            {VERDICT_UNAVAILABLE, VERDICT_KEY_STATE, LEASE_DOUBTFUL},
            {VERDICT_KEY_STATE, VERDICT_CREDENTIAL, LEASE_DOUBTFUL},
            {VERDICT_KEY_STATE, VERDICT_ACCESS_DENIED, LEASE_DENIED},
            {VERDICT_ACCESS_DENIED, VERDICT_KEY_STATE, LEASE_DENIED},
            {VERDICT_KEY_STATE, VERDICT_KEY_STATE, LEASE_REVOKED},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                (void)teardown(NULL);
                (void)setup(NULL);
                adopt("v1", both, 2);
                say("k1", VERDICT_GRANTED);
                say("k2", VERDICT_GRANTED);
                now += INTERVAL;
                say("k1", rows[i].first);
                assert_int_equal(state_of("v1"), LEASE_OPEN);
                say("k2", rows[i].second);
                if (state_of("v1") != rows[i].state)
                        fail_msg("%s, %s: %s", verdict_name(rows[i].first),
                                 verdict_name(rows[i].second), lease_state_name(state_of("v1")));
        }
}

/* Two keys that deny access are one denial a round, and unwraps in between are none. */
static void test_denials_count_once(void **state)
{
        (void)state;
        adopt("v1", both, 2);
        say("k1", VERDICT_GRANTED);
        for (uint32_t round = 1; round <= 2; round++) {
                now += INTERVAL;
                for (int i = 0; i < 5; i++) {
                        say("k1", VERDICT_ACCESS_DENIED);
                        say("k2", VERDICT_ACCESS_DENIED);
                        now += 100;
                }
                assert_int_equal(keeper_lease(keeper, "v1")->denials, round);
        }
        assert_int_equal(state_of("v1"), LEASE_DENIED);
        now += INTERVAL;
        say("k1", VERDICT_ACCESS_DENIED);
        say("k2", VERDICT_ACCESS_DENIED);
        assert_int_equal(state_of("v1"), LEASE_REVOKED);
}

static void test_a_silent_key_is_waited_for(void **state)
{
        (void)state;
        adopt("v1", both, 2);
        say("k1", VERDICT_KEY_STATE);
        assert_int_equal(state_of("v1"), LEASE_OPEN);
        say("k2", VERDICT_KEY_STATE);
        assert_int_equal(state_of("v1"), LEASE_REVOKED);
}

static void test_leases_come_first(void **state)
{
        (void)state;
        adopt("v1", one, 1);
        now = expect_nothing();
        assert_int_equal(keeper_verdict(keeper, "k1", VERDICT_KEY_STATE, 0, now), 0);
        expect_rung("v1", RUNG_ALERT);
        expect_probe("k1");
        assert_int_equal(keeper_event(keeper, "v1", RUNG_EVENT(LEASE_DONE), now), 0);
        expect_rung("v1", RUNG_SUSPEND);
        (void)expect_nothing();
}

static void test_reload(void **state)
{
        struct lease_policy policy = policy_of("kill", "keep");

        (void)state;
        adopt("v1", both, 2);
        adopt("v2", one, 1);
        keeper_mark(keeper);
        assert_int_equal(keeper_set_key(keeper, "k1", 2 * INTERVAL), 0);
        assert_int_equal(keeper_set_volume(keeper, "v1", &policy), 0);
        keeper_sweep(keeper);
        assert_null(keeper_lease(keeper, "v2"));
        assert_int_equal(keeper_event(keeper, "v2", TIME_EVENT, now), -ENOENT);
        assert_int_equal(keeper_verdict(keeper, "k2", VERDICT_GRANTED, 0, now), -ENOENT);
        assert_int_equal(keeper_policy(keeper, "v1")->on_revoke.rungs[0].kind, RUNG_KILL);
        assert_int_equal(state_of("v1"), LEASE_OPEN);
        say("k1", VERDICT_KEY_STATE); /* k2 counts no more */
        expect_rung("v1", RUNG_ALERT);
}

static void test_restart(void **state)
{
        struct lease saved;

        (void)state;
        adopt("v1", one, 1);
        say("k1", VERDICT_KEY_STATE);
        expect_rung("v1", RUNG_ALERT);
        assert_int_equal(keeper_event(keeper, "v1", RUNG_EVENT(LEASE_DONE), now), 0);
        expect_rung("v1", RUNG_SUSPEND);
        saved = *keeper_lease(keeper, "v1");
        (void)teardown(NULL);
        (void)setup(NULL);
        assert_int_equal(keeper_restore(keeper, "v1", &saved), 0);
        adopt("v1", one, 1);
        expect_rung("v1", RUNG_SUSPEND); /* again: nobody saw its end */
        assert_int_equal(keeper_restore(keeper, "none", &saved), -ENOENT);
}

static void test_names(void **state)
{
        static const char *const many[KEEPER_KEYS_MAX + 1] = {"k1", "k1", "k1", "k1", "k1",
                                                              "k1", "k1", "k1", "k1"};
        static const char *const unknown[] = {"k3"};

        (void)state;
        assert_int_equal(keeper_watch(keeper, "none", one, 1), -ENOENT);
        assert_int_equal(keeper_watch(keeper, "v1", unknown, 1), -ENOENT);
        assert_int_equal(keeper_watch(keeper, "v1", many, LENGTH(many)), -E2BIG);
        assert_int_equal(keeper_hurry(keeper, "none", now), -ENOENT);
        assert_null(keeper_policy(keeper, "none"));
        keeper_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(test_one_probe_per_key),
            TEST(test_hurry_and_retry_after),
            TEST(test_interval_without_watchers),
            TEST(test_fleet_is_spread),
            TEST(test_several_keys),
            TEST(test_denials_count_once),
            TEST(test_a_silent_key_is_waited_for),
            TEST(test_leases_come_first),
            TEST(test_reload),
            TEST(test_restart),
            TEST(test_names),
        };

        return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
