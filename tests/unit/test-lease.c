/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* lease/lease.h, by example: what a person expects of a volume. Each test tells a story with its
 * own clock; test-lease-explore.c has all the others. */

#include "lease-fixture.h"

#include <errno.h>

#define MINUTE UINT64_C(60000)
#define HOUR   (60 * MINUTE)

static struct lease lease;
static struct lease_policy policy;
static uint64_t now, wake;

static struct lease_order tell(const struct lease_event *event)
{
        return lease_step(&policy, &lease, event, now, &wake);
}

static void expect_rung(const struct lease_event *event, enum rung_kind kind)
{
        struct lease_order order = tell(event);

        assert_int_equal(order.kind, LEASE_DO_RUNG);
        assert_int_equal(order.rung, kind);
}

static void expect(const struct lease_event *event, enum lease_order_kind kind,
                   enum lease_state state)
{
        assert_int_equal(tell(event).kind, kind);
        assert_int_equal(lease.state, state);
}

/* An open volume under this policy, once granted. */
static void begin(const char *on_revoke, const char *on_outage)
{
        policy = policy_of(on_revoke, on_outage);
        now = 1000 * HOUR;
        lease_init(&lease);
        expect(EVENT(.kind = LEASE_EV_ADOPTED), LEASE_NOTHING, LEASE_OPEN);
        expect(VERDICT_EVENT(VERDICT_GRANTED), LEASE_NOTHING, LEASE_OPEN);
        assert_true(wake == UINT64_MAX);
}

static void test_revoked_and_back(void **state)
{
        enum rung_kind next;
        uint64_t at;

        (void)state;
        begin("alert; suspend; close 24h", "keep");
        expect_rung(VERDICT_EVENT(VERDICT_KEY_STATE), RUNG_ALERT);
        expect_rung(RUNG_EVENT(LEASE_DONE), RUNG_SUSPEND);
        expect(RUNG_EVENT(LEASE_DONE), LEASE_NOTHING, LEASE_REVOKED);
        assert_true(wake == now + 24 * HOUR);
        assert_true(lease_next_rung(&policy, &lease, &next, &at));
        assert_int_equal(next, RUNG_CLOSE);
        assert_true(at == now + 24 * HOUR);
        now += HOUR;
        expect(VERDICT_EVENT(VERDICT_UNAVAILABLE), LEASE_NOTHING, LEASE_REVOKED);
        assert_true(wake == now + 23 * HOUR);
        expect(VERDICT_EVENT(VERDICT_GRANTED), LEASE_DO_RESUME, LEASE_RESTORING);
        expect(RESTORED_EVENT(LEASE_DONE, 0), LEASE_RESTORED, LEASE_OPEN);
        expect(TIME_EVENT, LEASE_NOTHING, LEASE_OPEN);
        assert_true(wake == UINT64_MAX);
}

static void test_denials_confirm(void **state)
{
        (void)state;
        begin("suspend", "keep");
        for (int i = 0; i < 2; i++, now += MINUTE / 2)
                expect(VERDICT_EVENT(VERDICT_ACCESS_DENIED), LEASE_NOTHING, LEASE_DENIED);
        expect(VERDICT_EVENT(VERDICT_ACCESS_DENIED), LEASE_NOTHING, LEASE_DENIED); /* too soon */
        now += MINUTE / 2;
        expect(VERDICT_EVENT(VERDICT_CREDENTIAL), LEASE_NOTHING, LEASE_DOUBTFUL);
        now += MINUTE / 2;
        expect_rung(VERDICT_EVENT(VERDICT_ACCESS_DENIED), RUNG_ALERT);
}

static void test_denial_needs_success(void **state)
{
        (void)state;
        begin("suspend", "keep");
        expect(EVENT(.kind = LEASE_EV_CHANGED), LEASE_NOTHING, LEASE_OPEN);
        for (int i = 0; i < 100; i++, now += MINUTE)
                expect(VERDICT_EVENT(VERDICT_ACCESS_DENIED), LEASE_NOTHING, LEASE_DOUBTFUL);
        expect(VERDICT_EVENT(VERDICT_GRANTED), LEASE_NOTHING, LEASE_OPEN);
        expect(VERDICT_EVENT(VERDICT_ACCESS_DENIED), LEASE_NOTHING, LEASE_DENIED);
}

static void test_long_outage(void **state)
{
        enum rung_kind next;
        uint64_t at;

        (void)state;
        begin("suspend; close 1h", "alert; suspend 10min");
        expect(VERDICT_EVENT(VERDICT_UNAVAILABLE), LEASE_NOTHING, LEASE_DOUBTFUL);
        assert_true(lease_next_rung(&policy, &lease, &next, &at));
        assert_int_equal(next, RUNG_ALERT);
        assert_true(at == now + policy.max_outage_ms);
        now += policy.max_outage_ms + MINUTE;
        expect(TIME_EVENT, LEASE_NOTHING, LEASE_DOUBTFUL); /* nobody has asked again */
        expect_rung(VERDICT_EVENT(VERDICT_UNAVAILABLE), RUNG_ALERT);
        expect(RUNG_EVENT(LEASE_DONE), LEASE_NOTHING, LEASE_REVOKED);
        assert_true(wake == now + 9 * MINUTE);
        now += 9 * MINUTE;
        expect_rung(TIME_EVENT, RUNG_SUSPEND);
        expect(RUNG_EVENT(LEASE_DONE), LEASE_NOTHING, LEASE_REVOKED);
        assert_true(lease.by_outage && wake == UINT64_MAX);
        expect_rung(VERDICT_EVENT(VERDICT_KEY_STATE), RUNG_ALERT);
        expect(RUNG_EVENT(LEASE_DONE), LEASE_NOTHING, LEASE_REVOKED);
        assert_true(!lease.by_outage && wake == now + HOUR);
}

static void test_long_outage_kept(void **state)
{
        (void)state;
        begin("suspend", "keep");
        expect(VERDICT_EVENT(VERDICT_UNAVAILABLE), LEASE_NOTHING, LEASE_DOUBTFUL);
        now += policy.max_outage_ms;
        expect_rung(VERDICT_EVENT(VERDICT_UNAVAILABLE), RUNG_ALERT);
        expect(RUNG_EVENT(LEASE_DONE), LEASE_NOTHING, LEASE_DOUBTFUL);
        now += 100 * policy.max_outage_ms;
        expect(VERDICT_EVENT(VERDICT_UNAVAILABLE), LEASE_NOTHING, LEASE_DOUBTFUL);
        expect(VERDICT_EVENT(VERDICT_GRANTED), LEASE_RESTORED, LEASE_OPEN);
}

static void test_climbs_where_unproven(void **state)
{
        (void)state;
        begin("alert; suspend; close 1h; kill 2h; erase 3h; poweroff 4h", "keep");
        expect_rung(VERDICT_EVENT(VERDICT_KEY_STATE), RUNG_ALERT);
        expect_rung(RUNG_EVENT(LEASE_DONE), RUNG_SUSPEND);
        expect_rung(RUNG_EVENT(LEASE_HUNG), RUNG_CLOSE);
        expect_rung(RUNG_EVENT(LEASE_FAILED), RUNG_KILL);
        expect_rung(RUNG_EVENT(LEASE_HUNG), RUNG_POWEROFF);
        expect(RUNG_EVENT(LEASE_FAILED), LEASE_NOTHING, LEASE_REVOKED);
        now += 1000 * HOUR;
        expect(TIME_EVENT, LEASE_NOTHING, LEASE_REVOKED);
        assert_true(wake == UINT64_MAX);
}

static void test_kill_is_implied_and_retried(void **state)
{
        (void)state;
        begin("suspend; erase 1h", "keep");
        policy.may_erase = true;
        expect_rung(VERDICT_EVENT(VERDICT_KEY_STATE), RUNG_ALERT);
        expect_rung(RUNG_EVENT(LEASE_DONE), RUNG_SUSPEND);
        expect_rung(RUNG_EVENT(LEASE_FAILED), RUNG_KILL);
        expect(RUNG_EVENT(LEASE_FAILED), LEASE_NOTHING, LEASE_REVOKED);
        for (uint64_t span = 1000; now < 1000 * HOUR + 50 * MINUTE; span *= 2) {
                assert_true(wake == now + (span < 5 * MINUTE ? span : 5 * MINUTE));
                now = wake;
                expect_rung(TIME_EVENT, RUNG_KILL);
                expect(RUNG_EVENT(LEASE_FAILED), LEASE_NOTHING, LEASE_REVOKED);
        }
        now = 1000 * HOUR + HOUR;
        expect_rung(TIME_EVENT, RUNG_KILL);
        expect_rung(RUNG_EVENT(LEASE_DONE), RUNG_ERASE);
        expect(RUNG_EVENT(LEASE_DONE), LEASE_NOTHING, LEASE_REVOKED);
        assert_true(lease.erased);
        expect(VERDICT_EVENT(VERDICT_GRANTED), LEASE_NOTHING, LEASE_CLOSED);
        expect(EVENT(.kind = LEASE_EV_WANTED), LEASE_NOTHING, LEASE_CLOSED);
}

static void test_grant_waits_for_the_rung(void **state)
{
        (void)state;
        begin("close; erase 1h", "keep");
        policy.may_erase = true;
        expect_rung(VERDICT_EVENT(VERDICT_KEY_STATE), RUNG_ALERT);
        expect_rung(RUNG_EVENT(LEASE_DONE), RUNG_CLOSE);
        expect(VERDICT_EVENT(VERDICT_GRANTED), LEASE_NOTHING, LEASE_RESTORING);
        expect(EVENT(.kind = LEASE_EV_GONE), LEASE_NOTHING, LEASE_RESTORING);
        now += 2 * HOUR;
        expect(TIME_EVENT, LEASE_NOTHING, LEASE_RESTORING); /* no erase */
        expect(RUNG_EVENT(LEASE_DONE), LEASE_DO_OPEN, LEASE_RESTORING);
        expect(RESTORED_EVENT(LEASE_FAILED, VERDICT_UNAVAILABLE), LEASE_NOTHING, LEASE_RESTORING);
        assert_true(wake == now + 1000);
        expect(VERDICT_EVENT(VERDICT_GRANTED), LEASE_DO_OPEN, LEASE_RESTORING);
        expect(RESTORED_EVENT(LEASE_FAILED, VERDICT_GRANTED), LEASE_NOTHING, LEASE_RESTORING);
        expect(VERDICT_EVENT(VERDICT_GRANTED), LEASE_NOTHING, LEASE_RESTORING); /* no haste */
        assert_true(wake == now + 2000);
        now = wake;
        expect(TIME_EVENT, LEASE_DO_OPEN, LEASE_RESTORING);
        expect(RESTORED_EVENT(LEASE_DONE, 0), LEASE_RESTORED, LEASE_OPEN);
}

static void test_pending(void **state)
{
        uint64_t end;

        (void)state;
        policy = policy_of("suspend", "keep");
        now = HOUR;
        lease_init(&lease);
        end = now + policy.pending_timeout_ms;
        expect(EVENT(.kind = LEASE_EV_WANTED), LEASE_DO_OPEN, LEASE_PENDING);
        while (now < end) {
                expect(RESTORED_EVENT(LEASE_FAILED, VERDICT_ACCESS_DENIED), LEASE_NOTHING,
                       LEASE_PENDING);
                assert_true(wake > now && wake <= end);
                now = wake;
                if (now < end)
                        expect(TIME_EVENT, LEASE_DO_OPEN, LEASE_PENDING);
        }
        expect(TIME_EVENT, LEASE_GIVE_UP, LEASE_CLOSED);
        expect(VERDICT_EVENT(VERDICT_GRANTED), LEASE_NOTHING, LEASE_CLOSED);
        expect(EVENT(.kind = LEASE_EV_WANTED), LEASE_DO_OPEN, LEASE_PENDING);
        expect(RESTORED_EVENT(LEASE_DONE, 0), LEASE_NOTHING, LEASE_OPEN);
        assert_true(lease.succeeded);
}

static void test_closed_by_somebody(void **state)
{
        (void)state;
        begin("close", "keep");
        expect(EVENT(.kind = LEASE_EV_GONE), LEASE_NOTHING, LEASE_CLOSED);
        assert_false(lease.wanted);
        expect(VERDICT_EVENT(VERDICT_KEY_STATE), LEASE_NOTHING, LEASE_CLOSED);
}

static void test_killed_agent(void **state)
{
        (void)state;
        begin("alert; suspend", "keep");
        expect_rung(VERDICT_EVENT(VERDICT_KEY_STATE), RUNG_ALERT);
        expect_rung(RUNG_EVENT(LEASE_DONE), RUNG_SUSPEND);
        lease_interrupted(&lease);
        expect_rung(EVENT(.kind = LEASE_EV_ADOPTED, .suspended = true), RUNG_SUSPEND);
        expect(RUNG_EVENT(LEASE_DONE), LEASE_NOTHING, LEASE_REVOKED);
        expect(VERDICT_EVENT(VERDICT_GRANTED), LEASE_DO_RESUME, LEASE_RESTORING);
        lease_interrupted(&lease);
        expect(EVENT(.kind = LEASE_EV_ADOPTED, .suspended = false), LEASE_RESTORED, LEASE_OPEN);
}

static void test_text(void **state)
{
        static const char *const bad[] = {"", "lease1", "lease2 closed idle", "x"};
        char text[LEASE_TEXT_MAX], broken[LEASE_TEXT_MAX + 8];
        struct lease loaded;

        (void)state;
        begin("suspend", "keep");
        (void)tell(VERDICT_EVENT(VERDICT_KEY_STATE));
        assert_int_equal(lease_save(&lease, text, sizeof(text)), 0);
        assert_int_equal(lease_load(text, &loaded), 0);
        assert_int_equal(lease_save(&lease, text, strlen(text)), -ENOBUFS);
        assert_int_equal(lease_save(&lease, text, sizeof(text)), 0);
        for (size_t i = 0; i < LENGTH(bad); i++)
                assert_int_equal(lease_load(bad[i], &loaded), -EINVAL);
        for (size_t i = 0; i < strlen(text); i++) { /* no character can be missing or other */
                (void)snprintf(broken, sizeof(broken), "%.*s%s", (int)i, text, text + i + 1);
                ROW_ASSERT(lease_load(broken, &loaded) == -EINVAL || text[i] == '0' ||
                               (text[i] >= '1' && text[i] <= '9'),
                           broken);
                (void)snprintf(broken, sizeof(broken), "%s", text);
                broken[i] = '~';
                ROW_ASSERT(lease_load(broken, &loaded) == -EINVAL, broken);
        }
        (void)snprintf(broken, sizeof(broken), "%s ", text);
        assert_int_equal(lease_load(broken, &loaded), -EINVAL);
        (void)snprintf(broken, sizeof(broken), "%s\n", text);
        assert_int_equal(lease_load(broken, &loaded), -EINVAL);
        for (int i = 0; i < LEASE_STATES_; i++)
                assert_string_not_equal(lease_state_name((enum lease_state)i), "unknown");
        assert_string_equal(lease_state_name(LEASE_STATES_), "unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_revoked_and_back),
            cmocka_unit_test(test_denials_confirm),
            cmocka_unit_test(test_denial_needs_success),
            cmocka_unit_test(test_long_outage),
            cmocka_unit_test(test_long_outage_kept),
            cmocka_unit_test(test_climbs_where_unproven),
            cmocka_unit_test(test_kill_is_implied_and_retried),
            cmocka_unit_test(test_grant_waits_for_the_rung),
            cmocka_unit_test(test_pending),
            cmocka_unit_test(test_closed_by_somebody),
            cmocka_unit_test(test_killed_agent),
            cmocka_unit_test(test_text),
        };

        return cmocka_run_group_tests_name("lease", tests, NULL, NULL);
}
