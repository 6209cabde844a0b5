/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agentd/varlink_message.h: what a call says, and what is none. */

#include "unit.h"

#include "agentd/varlink_message.h"

static int parse(const char *text, struct varlink_message *m, struct diag *diag)
{
        return varlink_message_parse(text, strlen(text), m, diag);
}

static void test_all_of_it(void **state)
{
        struct varlink_message m CLEANUP_MESSAGE = {.name = ""};

        (void)state;
        assert_int_equal(
            parse(" {\"method\":\"org.a-b.C1.Do\",\"parameters\":{\"x\":1},\"more\":true,"
                  "\"oneway\":false,\"upgrade\":true} ",
                  &m, NULL),
            0);
        assert_string_equal(m.name, "org.a-b.C1.Do");
        assert_string_equal(m.interface, "org.a-b.C1");
        assert_string_equal(m.method, "Do");
        assert_int_equal(json_count(m.parameters), 1);
        assert_true(m.more && !m.oneway && m.upgrade);
}

static void test_least(void **state)
{
        static const char *const rows[] = {"{\"method\":\"Do\"}",
                                           "{\"method\":\"Do\",\"parameters\":null}"};

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct varlink_message m CLEANUP_MESSAGE = {.name = ""};

                assert_int_equal(parse(rows[i], &m, NULL), 0);
                assert_string_equal(m.interface, "");
                assert_string_equal(m.method, "Do");
                assert_null(m.parameters);
                assert_true(!m.more && !m.oneway && !m.upgrade);
        }
}

static void test_none(void **state)
{
        static const struct {
                const char *text, *why;
        } rows[] = {
            {"[]", "object"},
            {"{}", "no method"},
            {"{\"method\":\"\"}", "no method"},
            {"{\"method\":7}", "no string"},
            {"{\"method\":\"a.B c\"}", "character"},
            {"{\"method\":\"a.B\",\"more\":\"yes\"}", "more is neither"},
            {"{\"method\":\"a.B\",\"oneway\":null}", "oneway is neither"},
            {"{\"method\":\"a.B\",\"parameters\":1}", "parameters"},
            {"{\"method\":\"a.B\",\"parameter\":{}}", "a member"},
            {"{\"method\":\"a.B\",\"a_member_with_a_long_name\":{}}", "a member"},
            {"{\"method\":\"a.B\"}x", "text after"},
            {"{\"method\":\"a.ABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJABCD\"}",
             "too long"},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct varlink_message m = {.name = ""};
                struct diag diag = DIAG_INIT;

                ROW_ASSERT(parse(rows[i].text, &m, &diag) == VARLINK_E_MESSAGE, rows[i].text);
                if (!strstr(diag.message, rows[i].why))
                        fail_msg("%s: %s", rows[i].text, diag.message);
                ROW_ASSERT(!m.doc && m.name[0] == '\0', rows[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_all_of_it),
            cmocka_unit_test(test_least),
            cmocka_unit_test(test_none),
        };

        return cmocka_run_group_tests_name("varlink-message", tests, NULL, NULL);
}
