/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/diag.h and base/verdict.h: words for people, whatever the disk or the network put into them.
 */

#include "unit.h"

#include "base/diag.h"
#include "base/verdict.h"

static void test_refuse(void **state)
{
        struct diag diag = DIAG_INIT;

        (void)state;
        assert_int_equal(diag_refuse(&diag, 7, "cipher", "segment %d uses %s", 0, "null"), 7);
        assert_string_equal(diag.rule, "cipher");
        assert_string_equal(diag.message, "segment 0 uses null");
        assert_string_equal(diag.advice, "");
        diag_advise(&diag, "type %s", "this");
        assert_string_equal(diag.advice, "type this");
        assert_string_equal(diag.message, "segment 0 uses null");
        assert_int_equal(diag_refuse(&diag, 8, "other", "again"), 8);
        assert_string_equal(diag.advice, "");
}

static void test_null(void **state)
{
        (void)state;
        assert_int_equal(diag_refuse(NULL, 3, "r", "%s", "x"), 3);
        assert_int_equal(diag_fail(NULL, -EIO, "%s", "x"), -EIO);
        diag_advise(NULL, "%s", "x");
}

static void test_fail(void **state)
{
        struct diag diag = DIAG_INIT;

        (void)state;
        (void)diag_refuse(&diag, 1, "rule", "m");
        assert_int_equal(diag_fail(&diag, -ENOENT, "cannot open %s", "/x"), -ENOENT);
        assert_string_equal(diag.rule, "");
        assert_string_equal(diag.message, "cannot open /x: No such file or directory");
        (void)diag_fail(&diag, -EIO, "reading: %s", strerror(EIO));
        assert_string_equal(diag.message, "reading: Input/output error");
        (void)diag_fail(&diag, 5, "an outcome");
        assert_string_equal(diag.message, "an outcome");
        (void)diag_fail(&diag, -99999, "strange");
        assert_string_equal(diag.message, "strange");
}

static void test_hostile_text(void **state)
{
        struct diag diag = DIAG_INIT;
        char small[6];

        (void)state;
        (void)diag_refuse(&diag, 1, "ru\nle", "a %s b",
                          "x\x1b[31m\r\n\x7f\xc2\x9b"
                          "31m\t%s%n");
        assert_string_equal(diag.rule, "ru?le");
        assert_string_equal(diag.message, "a x?[31m?????31m?%s%n b");
        diag_advise(&diag, "%s", "\a!");
        assert_string_equal(diag.advice, "?!");
        diag_text(small, sizeof(small), "ab\ncdefgh");
        assert_string_equal(small, "ab?cd");
        diag_text(small, sizeof(small), NULL);
        assert_string_equal(small, "");
        small[0] = 'k';
        diag_text(small, 0, "x");
        assert_int_equal(small[0], 'k');
}

static void test_long_text(void **state)
{
        struct diag diag = DIAG_INIT;
        char text[1000];

        (void)state;
        memset(text, 'a', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        (void)diag_refuse(&diag, 1, text, "%s", text);
        assert_int_equal(strlen(diag.rule), sizeof(diag.rule) - 1);
        assert_int_equal(strlen(diag.message), sizeof(diag.message) - 1);
        assert_string_equal(diag.advice, "");
        diag_advise(&diag, "%s", text);
        assert_int_equal(strlen(diag.advice), sizeof(diag.advice) - 1);
        assert_string_equal(diag.code, "");
        (void)diag_fail(&diag, -EIO, "%s", text);
        assert_int_equal(strlen(diag.message), sizeof(diag.message) - 1);
        assert_int_equal(diag.advice[0], '\0');
}

static void test_verdict_names(void **state)
{
        static const char *const names[] = {"granted",    "key-state",   "access-denied",
                                            "credential", "unavailable", "misconfigured",
                                            "tampered"};

        (void)state;
        assert_int_equal(LENGTH(names), VERDICT_MAX_ + 1);
        for (int v = 0; v <= VERDICT_MAX_; v++)
                assert_string_equal(verdict_name(v), names[v]);
        assert_string_equal(verdict_name(-1), "unknown");
        assert_string_equal(verdict_name(VERDICT_MAX_ + 1), "unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_refuse),    cmocka_unit_test(test_null),
            cmocka_unit_test(test_fail),      cmocka_unit_test(test_hostile_text),
            cmocka_unit_test(test_long_text), cmocka_unit_test(test_verdict_names),
        };

        return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
