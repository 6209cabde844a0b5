/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* policy/ladder.h: which ladders are read, how they are written, and what is refused. */

#include "unit.h"

#include <errno.h>

#include "policy/ladder.h"

enum { LADDER_TEXT_MAX = 256 };

static const struct {
        const char *text, *written; /* NULL: the same */
        size_t count;
} good[] = {
    {"keep", NULL, 0},
    {"  keep\t", "keep", 0},
    {"alert", NULL, 1},
    {"alert; suspend", NULL, 2},
    {"alert;suspend", "alert; suspend", 2},
    {"\talert 0 ;  suspend\t5min;close 24h ", "alert; suspend 5min; close 1d", 3},
    {"suspend 5min; close 5min", NULL, 2},
    {"kill 90", "kill 1min 30s", 1},
    {"alert; suspend 1h 30min; erase 7d", NULL, 3},
    {"alert; suspend 1ms; close 2ms; kill 3ms; erase 4ms; poweroff 5ms", NULL, 6},
    {"poweroff 3660d", NULL, 1},
};

static void test_good(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(good); i++) {
                struct ladder ladder = {.count = 99}, again = {.count = 99};
                struct diag diag = DIAG_INIT;
                char text[LADDER_TEXT_MAX];

                ROW_ASSERT(ladder_parse(good[i].text, &ladder, &diag) == 0, good[i].text);
                ROW_ASSERT(ladder.count == good[i].count, good[i].text);
                assert_int_equal(ladder_write(&ladder, text, sizeof(text)), 0);
                assert_string_equal(text, good[i].written ? good[i].written : good[i].text);
                assert_int_equal(ladder_parse(text, &again, &diag), 0);
                assert_int_equal(again.count, ladder.count);
                for (size_t k = 0; k < ladder.count; k++) {
                        assert_int_equal(again.rungs[k].kind, ladder.rungs[k].kind);
                        assert_true(again.rungs[k].after_ms == ladder.rungs[k].after_ms);
                }
        }
}

static void test_values(void **state)
{
        struct ladder ladder;
        struct diag diag = DIAG_INIT;

        (void)state;
        assert_int_equal(ladder_parse("alert; suspend 5min; close 24h", &ladder, &diag), 0);
        assert_int_equal(ladder.rungs[0].kind, RUNG_ALERT);
        assert_true(ladder.rungs[0].after_ms == 0);
        assert_int_equal(ladder.rungs[1].kind, RUNG_SUSPEND);
        assert_true(ladder.rungs[1].after_ms == 300000);
        assert_int_equal(ladder.rungs[2].kind, RUNG_CLOSE);
        assert_true(ladder.rungs[2].after_ms == 86400000);
}

static const struct {
        const char *text, *word; /* in the message */
} bad[] = {
    {"", "missing"},
    {" ", "missing"},
    {";", "missing"},
    {"alert;", "missing"},
    {";alert", "missing"},
    {"alert;;suspend", "missing"},
    {"none", "expected alert"},
    {"Alert", "expected alert"},
    {"alerts", "expected alert"},
    {"aler", "expected alert"},
    {"alert, suspend", "expected alert"},
    {"5min suspend", "expected alert"},
    {"keep; alert", "expected alert"},
    {"alert; keep", "expected alert"},
    {"keep 5min", "expected alert"},
    {"alert suspend", "time span"},
    {"suspend 5x", "time span"},
    {"suspend -5", "time span"},
    {"close 3661d", "time span"},
    {"close 99999999999999999999", "time span"},
    {"suspend; alert", "stronger"},
    {"suspend; suspend 5min", "stronger"},
    {"poweroff; erase 1d", "stronger"},
    {"suspend 5min; close", "before"},
    {"suspend 5min; close 4min", "before"},
    {"alert; erase", "delay"},
    {"alert; erase 0", "delay"},
    {"alert aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "missing"},
};

static void test_bad(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(bad); i++) {
                struct ladder ladder = {.count = 99};
                struct diag diag = DIAG_INIT;

                ROW_ASSERT(ladder_parse(bad[i].text, &ladder, &diag) == LADDER_E_INVALID,
                           bad[i].text);
                ROW_ASSERT(ladder.count == 99, bad[i].text);
                ROW_ASSERT(strstr(diag.message, bad[i].word), bad[i].text);
                ROW_ASSERT(diag.advice[0], bad[i].text);
                ROW_ASSERT(ladder_parse(bad[i].text, &ladder, NULL) == LADDER_E_INVALID,
                           bad[i].text);
        }
}

static void test_no_room(void **state)
{
        struct ladder ladder;
        char buf[16] = "before";

        (void)state;
        assert_int_equal(ladder_parse("alert; suspend", &ladder, NULL), 0);
        assert_int_equal(ladder_write(&ladder, buf, 14), -ENOBUFS);
        assert_string_equal(buf, "before");
        assert_int_equal(ladder_write(&ladder, buf, 15), 0);
        assert_string_equal(buf, "alert; suspend");
}

static void test_names(void **state)
{
        (void)state;
        for (int i = 0; i < RUNG_KINDS_; i++)
                assert_true(rung_name((enum rung_kind)i)[0] != '\0');
        assert_string_equal(rung_name(RUNG_POWEROFF), "poweroff");
        assert_string_equal(rung_name((enum rung_kind)RUNG_KINDS_), "none");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_good),  cmocka_unit_test(test_values),
            cmocka_unit_test(test_bad),   cmocka_unit_test(test_no_room),
            cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests_name("ladder", tests, NULL, NULL);
}
