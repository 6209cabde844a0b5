/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How long is waited between attempts, and when no more are made. */

#include "base/clock.h"
#include "kms/retry.h"
#include "unit.h"

static void test_full_jitter(void **state)
{
        (void)state;
        /* [0, min(20 s, 100 ms * 2^attempt)] */
        for (unsigned int attempt = 0; attempt < 40; attempt++) {
                uint64_t ceiling = attempt < 8 ? (uint64_t)100 << attempt : 20000;

                assert_int_equal(retry_wait_ms(attempt, 0, 0), 0);
                assert_int_equal(retry_wait_ms(attempt, 0, ceiling), ceiling);
                assert_int_equal(retry_wait_ms(attempt, 0, ceiling + 1), 0);
                assert_in_range(retry_wait_ms(attempt, 0, UINT64_MAX), 0, ceiling);
        }
}

static void test_retry_after_is_the_least(void **state)
{
        (void)state;
        assert_int_equal(retry_wait_ms(0, 7, 50), 7000);
        assert_int_equal(retry_wait_ms(9, 7, 20000), 20000);
        assert_int_equal(retry_wait_ms(9, 60, 20000), 60000);
}

static void test_three_attempts(void **state)
{
        struct retry retry;

        (void)state;
        retry_init(&retry, clock_now_ms() + 60000);
        assert_int_equal(retry_again(&retry, 0), 1);
        assert_int_equal(retry_again(&retry, 0), 1);
        assert_int_equal(retry_again(&retry, 0), 0);
        assert_int_equal(retry_again(&retry, 0), 0);
}

static void test_a_wait_beyond_the_deadline_is_not_begun(void **state)
{
        uint64_t begun = clock_now_ms();
        struct retry retry;

        (void)state;
        retry_init(&retry, begun + 900);
        assert_int_equal(retry_again(&retry, 1), 0);
        retry_init(&retry, begun);
        assert_int_equal(retry_again(&retry, 0), 0);
        assert_in_range(clock_now_ms() - begun, 0, 800);
}

static void test_retry_after_is_waited_for(void **state)
{
        uint64_t begun = clock_now_ms();
        struct retry retry;

        (void)state;
        retry_init(&retry, begun + 60000);
        assert_int_equal(retry_again(&retry, 1), 1);
        assert_in_range(clock_now_ms() - begun, 1000, 5000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_full_jitter),
            cmocka_unit_test(test_retry_after_is_the_least),
            cmocka_unit_test(test_three_attempts),
            cmocka_unit_test(test_a_wait_beyond_the_deadline_is_not_begun),
            cmocka_unit_test(test_retry_after_is_waited_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
