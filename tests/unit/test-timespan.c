/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/timespan.h: what is read, what is refused, and that what is written is read back. */

#include "unit.h"

#include <errno.h>

#include "base/timespan.h"

static const struct {
        const char *text;
        int result;
        uint64_t ms;
} rows[] = {
    {"0", 0, 0},
    {"1", 0, 1000},
    {" 90 ", 0, 90000},
    {"500ms", 0, 500},
    {"500 msec", 0, 500},
    {"10s", 0, 10000},
    {"10 sec", 0, 10000},
    {"1second 2seconds", 0, 3000},
    {"5min", 0, 300000},
    {"5m", 0, 300000},
    {"1minute 2 minutes", 0, 180000},
    {"1h 30min", 0, 5400000},
    {"1h30min", 0, 5400000},
    {"1hr\t1hour 2hours", 0, 14400000},
    {"24h", 0, 86400000},
    {"7d", 0, 604800000},
    {"1day 2days", 0, 259200000},
    {"1w 1week 2weeks", 0, 2419200000},
    {"1 2 3", 0, 6000},
    {"5s 90", 0, 95000},
    {"007", 0, 7000},
    {"18446744073709551615ms", 0, UINT64_MAX},
    {"18446744073709551616ms", -ERANGE, 0},
    {"18446744073709551615ms 1ms", -ERANGE, 0},
    {"18446744073709551s", 0, 18446744073709551000U},
    {"18446744073709552s", -ERANGE, 0},
    {"99999999999999999999999999", -ERANGE, 0},
    {"", -EINVAL, 0},
    {"  ", -EINVAL, 0},
    {"s", -EINVAL, 0},
    {"-1s", -EINVAL, 0},
    {"+1s", -EINVAL, 0},
    {"1.5h", -EINVAL, 0},
    {"1x", -EINVAL, 0},
    {"1 us", -EINVAL, 0},
    {"1H", -EINVAL, 0},
    {"1mi", -EINVAL, 0},
    {"1minutess", -EINVAL, 0},
    {"1h;", -EINVAL, 0},
    {"1h min", -EINVAL, 0},
    {"infinity", -EINVAL, 0},
    {"0x10", -EINVAL, 0},
    {"1\n", -EINVAL, 0},
};

static void test_parse(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                uint64_t ms = 4711;

                ROW_ASSERT(timespan_parse(rows[i].text, &ms) == rows[i].result, rows[i].text);
                ROW_ASSERT(ms == (rows[i].result == 0 ? rows[i].ms : 4711), rows[i].text);
        }
}

static void test_format(void **state)
{
        static const struct {
                uint64_t ms;
                const char *text;
        } forms[] = {
            {0, "0"},          {1, "1ms"},
            {1000, "1s"},      {1500, "1s 500ms"},
            {60000, "1min"},   {5400000, "1h 30min"},
            {86400000, "1d"},  {93784005, "1d 2h 3min 4s 5ms"},
            {604800000, "7d"}, {UINT64_MAX, "213503982334d 14h 25min 51s 615ms"},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(forms); i++) {
                char buf[TIMESPAN_TEXT_MAX];
                uint64_t ms = 4711;

                assert_int_equal(timespan_format(forms[i].ms, buf, sizeof(buf)), 0);
                assert_string_equal(buf, forms[i].text);
                assert_int_equal(timespan_parse(buf, &ms), 0);
                assert_true(ms == forms[i].ms);
        }
}

static void test_no_room(void **state)
{
        char buf[] = "12345678";

        (void)state;
        assert_int_equal(timespan_format(5400000, buf, 9), 0);
        assert_int_equal(timespan_format(5400000, buf, 8), -ENOBUFS);
        assert_string_equal(buf, "");
        assert_int_equal(timespan_format(0, buf, 0), -ENOBUFS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_parse),
            cmocka_unit_test(test_format),
            cmocka_unit_test(test_no_room),
        };

        return cmocka_run_group_tests_name("timespan", tests, NULL, NULL);
}
