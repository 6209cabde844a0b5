/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/clock.h: what is left of a deadline, and a sleep that a signal does not cut short. */

#include "unit.h"

#include <limits.h>
#include <signal.h>
#include <sys/time.h>

#include "base/clock.h"

static void test_left(void **state)
{
        uint64_t now = clock_now_ms();

        (void)state;
        assert_int_equal(clock_left_ms(0), 0);
        assert_int_equal(clock_left_ms(now), 0);
        assert_in_range(clock_left_ms(now + 60000), 1, 60000);
        assert_int_equal(clock_left_ms(UINT64_MAX), INT_MAX);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal_number)
{
        (void)signal_number;
        alarms++;
}

static void test_sleep_through_signals(void **state)
{
        struct sigaction action = {.sa_handler = on_alarm};
        struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};
        uint64_t before;

        (void)state;
        assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
        assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
        before = clock_now_ms();
        clock_sleep_ms(100);
        assert_true(clock_now_ms() - before >= 99);
        assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
        assert_true(alarms > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_left),
            cmocka_unit_test(test_sleep_through_signals),
        };

        return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
