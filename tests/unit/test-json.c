/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/json.h, the reader: what is JSON, what is not, and what is found in it. */

#include "unit.h"

#include "base/json.h"

/* A literal with its length, so that NUL bytes can stand in it. */
#define T(literal)                                                                                 \
        {                                                                                          \
                literal, sizeof(literal) - 1                                                       \
        }
struct text {
        const char *p;
        size_t len;
};

static int parse(const char *p, size_t len, struct json_doc **ret, struct diag *diag)
{
        /* An exact copy on the heap: valgrind and the sanitizers see a read beyond the end. */
        char *copy = malloc(len + (len == 0));
        int r;

        assert_non_null(copy);
        memcpy(copy, p, len);
        r = json_parse(copy, len, ret, diag);
        if (r == 0) {
                json_free(*ret);
                r = json_parse(p, len, ret, diag);
        }
        free(copy);
        return r;
}

static void test_accepts(void **state)
{
        static const struct text good[] = {
            T("null"),
            T("true"),
            T("false"),
            T("0"),
            T("-0"),
            T("-1"),
            T("12.50"),
            T("1e5"),
            T("1E+5"),
            T("1.0e-17"),
            T("123456789012345678901234567890"),
            T("\"\""),
            T("[]"),
            T("{}"),
            T(" \t\r\n[ ] \t\r\n"),
            T("[[],[[]],{}]"),
            T("{\"\":0}"),
            T("{\"a\":{\"a\":{\"a\":1}}}"),
            T("{\"a\":1,\"b\":1,\"A\":1,\"aa\":1,\"\":1}"),
            T("[1,1,1]"),
            T("{\"a\":[{\"b\":1},{\"b\":2}]}"),
            T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFFF\""),
            T("\"\\ud83d\\ude00\""),
            T("\"\x7f\""),
            T("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""),
            T("\"\xf4\x8f\xbf\xbf\""),
            T("\"\xed\x9f\xbf\""),
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(good); i++) {
                CLEANUP_JSON struct json_doc *doc = NULL;
                struct diag diag = DIAG_INIT;

                if (parse(good[i].p, good[i].len, &doc, &diag) != 0)
                        fail_msg("%s: %s", good[i].p, diag.message);
        }
}

static void test_refuses(void **state)
{
        static const struct text bad[] = {
            T(""),
            T(" "),
            T("nul"),
            T("nulll"),
            T("True"),
            T("NaN"),
            T("Infinity"),
            T("undefined"),
            T("01"),
            T("-01"),
            T("00"),
            T("+1"),
            T("-"),
            T("1."),
            T(".5"),
            T("1e"),
            T("1e+"),
            T("0x10"),
            T("1 2"),
            T("null null"),
            T("{} x"),
            T("[]]"),
            T("{}}"),
            T("[] \0"),
            T("[]\0"),
            T("\0[]"),
            T("[\0]"),
            T("\xef\xbb\xbf{}"),
            T("\v[]"),
            T("[]\f"),
            T("[]//x"),
            T("/**/[]"),
            T("[1 #\n]"),
            T("["),
            T("[1"),
            T("[1,"),
            T("[1,]"),
            T("[,1]"),
            T("[1,,2]"),
            T("[1 2]"),
            T("[1}"),
            T("{"),
            T("{\"a\""),
            T("{\"a\":"),
            T("{\"a\":1"),
            T("{\"a\":1,"),
            T("{\"a\":1,}"),
            T("{\"a\" 1}"),
            T("{\"a\"}"),
            T("{a:1}"),
            T("{'a':1}"),
            T("{1:1}"),
            T("{null:1}"),
            T("{\"a\":1]"),
            T("{\"a\":1 \"b\":2}"),
            T("{:1}"),
            T("{,}"),
            T("'a'"),
            T("\""),
            T("\"a"),
            T("\"\\\""),
            T("\"\\"),
            T("\"\\x41\""),
            T("\"\\'\""),
            T("\"\\0\""),
            T("\"\\u\""),
            T("\"\\u12\""),
            T("\"\\u123\""),
            T("\"\\u123g\""),
            T("\"\\u 123\""),
            T("\"\\U0041\""),
            T("\"\\u+123\""),
            T("\"\\u12"),
            T("\"a\nb\""),
            T("\"a\tb\""),
            T("\"a\0b\""),
            T("\"\x1f\""),
            T("\"\\ud800\""),
            T("\"\\udc00\""),
            T("\"\\udc00\\udc00\""),
            T("\"\\ud800\\ud800\""),
            T("\"\\ud800x\""),
            T("\"\\ud800\\n\""),
            T("\"\\udc00\\ud800\""),
            T("\"\\ud83d\\u0041\""),
            T("\"\\ud83d\\ude0\""),
            T("\"\x80\""),
            T("\"\xc0\x80\""),
            T("\"\xc1\xbf\""),
            T("\"\xc3\""),
            T("\"\xe0\x80\x80\""),
            T("\"\xe2\x82\""),
            T("\"\xed\xa0\x80\""),
            T("\"\xed\xbf\xbf\""),
            T("\"\xf0\x80\x80\x80\""),
            T("\"\xf4\x90\x80\x80\""),
            T("\"\xf8\x88\x80\x80\x80\""),
            T("\"\xff\""),
            T("\"\xc3\xc3\""),
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(bad); i++) {
                struct json_doc *doc = NULL;
                struct diag diag = DIAG_INIT;

                ROW_ASSERT(parse(bad[i].p, bad[i].len, &doc, &diag) == JSON_E_SYNTAX, bad[i].p);
                ROW_ASSERT(doc == NULL, bad[i].p);
                ROW_ASSERT(strcmp(diag.rule, "json") == 0, bad[i].p);
                ROW_ASSERT(strncmp(diag.message, "byte ", 5) == 0, bad[i].p);
        }
}

static void test_reasons(void **state)
{
        static const struct {
                const char *text, *message;
        } rows[] = {
            {"", "byte 0: expected a value"},
            {" [1, 01]", "byte 6: a number has a leading zero"},
            {"[1] x", "byte 4: text after the value"},
            {"{\"a\":1,}", "byte 7: expected a key in quotes"},
            {"[\"\\ud800\"]", "byte 2: half of a surrogate pair"},
            {"[\"a\nb\"]", "byte 3: a control character in a string"},
            {"[\"abc", "byte 5: the string does not end"},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct json_doc *doc = NULL;
                struct diag diag = DIAG_INIT;

                ROW_ASSERT(parse(rows[i].text, strlen(rows[i].text), &doc, &diag) != 0,
                           rows[i].text);
                assert_string_equal(diag.message, rows[i].message);
        }
}

static void test_refuses_duplicates(void **state)
{
        static const struct {
                const char *text, *message;
        } bad[] = {
            {"{\"a\":1,\"a\":1}", "byte 8: the same key twice in one object"},
            {"{\"a\":1,\"b\":2,\"c\":3,\"a\":4}", "byte 20: the same key twice in one object"},
            {"{\"a\":1,\"\\u0061\":2}", "byte 8: the same key twice in one object"},
            {"{\"\\u0061\":1,\"a\":2}", "byte 13: the same key twice in one object"},
            {"{\"\\/\":1,\"/\":2}", "byte 9: the same key twice in one object"},
            {"{\"\xc3\xa9\":1,\"\\u00E9\":2}", "byte 9: the same key twice in one object"},
            {"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}",
             "byte 19: the same key twice in one object"},
            {"{\"\":1,\"\":2}", "byte 7: the same key twice in one object"},
            {"{\"a\\u0000b\":1,\"a\\u0000b\":2}", "byte 15: the same key twice in one object"},
            {"[{\"x\":{\"y\":1,\"z\":[{\"k\":1,\"k\":1}]}}]",
             "byte 26: the same key twice in one object"},
            {"{\"a\":{\"b\":[1,2,{\"c\":1}]},\"d\":[[]],\"a\":0}",
             "byte 35: the same key twice in one object"},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(bad); i++) {
                struct json_doc *doc = NULL;
                struct diag diag = DIAG_INIT;

                ROW_ASSERT(parse(bad[i].text, strlen(bad[i].text), &doc, &diag) == JSON_E_SYNTAX,
                           bad[i].text);
                assert_string_equal(diag.message, bad[i].message);
        }
        {
                CLEANUP_JSON struct json_doc *doc = NULL;
                static const char near[] = "{\"a\\u0000b\":1,\"a\\u0000c\":2,\"a\":3}";

                assert_int_equal(parse(near, strlen(near), &doc, NULL), 0);
                assert_int_equal(json_count(json_root(doc)), 3);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_accepts),
            cmocka_unit_test(test_refuses),
            cmocka_unit_test(test_reasons),
            cmocka_unit_test(test_refuses_duplicates),
        };

        return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
