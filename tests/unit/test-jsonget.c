/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/json.h: looking up and decoding what the parser accepted. */

#include "unit.h"

#include "base/json.h"

static struct json_doc *parse(const char *text)
{
        struct json_doc *doc = NULL;
        struct diag diag = DIAG_INIT;

        if (json_parse(text, strlen(text), &doc, &diag) != 0)
                fail_msg("%s: %s", text, diag.message);
        return doc;
}

static void test_walk(void **state)
{
        CLEANUP_JSON struct json_doc *doc =
            parse("{\"a\":[1,[2,3],{\"x\":4}],\"b\":{},\"c\":{\"d\":[],\"e\":null},\"f\":true}");
        const struct json_node *n = json_first(json_root(doc));
        char keys[8] = "", key[4];

        (void)state;
        assert_int_equal(json_count(json_root(doc)), 4);
        for (; n; n = json_next(n)) {
                assert_int_equal(json_key(n, key, sizeof(key)), 0);
                (void)strcat(keys, key);
        }
        assert_string_equal(keys, "abcf");

        n = json_get(json_root(doc), "a");
        assert_int_equal(json_count(n), 3);
        n = json_next(json_next(json_first(n)));
        assert_int_equal(json_type(n), JSON_OBJECT);
        assert_null(json_next(n));
        assert_int_equal(json_type(json_get(n, "x")), JSON_NUMBER);
        assert_int_equal(json_type(json_get(json_get(json_root(doc), "c"), "e")), JSON_NULL);
        assert_non_null(json_get(json_get(json_root(doc), "c"), "e"));
        assert_null(json_first(json_get(json_root(doc), "b")));
        assert_int_equal(json_type(json_get(json_root(doc), "f")), JSON_TRUE);
}

static void test_absent(void **state)
{
        CLEANUP_JSON struct json_doc *doc = parse("{\"a\":[1],\"b\":\"x\"}");
        const struct json_node *root = json_root(doc);
        char buf[8] = "kept";
        uint64_t v = 7;

        (void)state;
        assert_null(json_get(root, "c"));
        assert_null(json_get(root, ""));
        assert_null(json_get(root, "aa"));
        assert_null(json_get(NULL, "a"));
        assert_null(json_get(json_get(root, "a"), "a"));
        assert_null(json_get(json_get(json_get(root, "b"), "x"), "y"));
        assert_null(json_first(NULL));
        assert_null(json_next(NULL));
        assert_int_equal(json_count(NULL), 0);
        assert_int_equal(json_key(root, buf, sizeof(buf)), -EINVAL);
        assert_int_equal(json_key(json_first(json_get(root, "a")), buf, sizeof(buf)), -EINVAL);
        assert_int_equal(json_string(NULL, buf, sizeof(buf)), -EINVAL);
        assert_int_equal(json_string(root, buf, sizeof(buf)), -EINVAL);
        assert_int_equal(json_uint64(NULL, &v), -EINVAL);
        assert_int_equal(json_uint64(json_get(root, "b"), &v), -EINVAL);
        assert_false(json_string_is(NULL, ""));
        assert_false(json_string_is(root, ""));
        assert_string_equal(buf, "kept");
        assert_int_equal(v, 7);
}

static void test_strings(void **state)
{
        static const struct {
                const char *json, *decoded;
        } rows[] = {
            {"\"\"", ""},
            {"\"plain\"", "plain"},
            {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
            {"\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac"},
            {"\"\\ud83d\\ude00\\udbff\\udfff\"", "\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"},
            {"\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
             "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
            {"\"\xc3\xa9\xf0\x9f\x98\x80\"", "\xc3\xa9\xf0\x9f\x98\x80"},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_JSON struct json_doc *doc = parse(rows[i].json);
                size_t len = strlen(rows[i].decoded);
                char buf[64];

                ROW_ASSERT(json_string(json_root(doc), buf, len + 1) == 0, rows[i].json);
                assert_string_equal(buf, rows[i].decoded);
                ROW_ASSERT(json_string(json_root(doc), buf, len) == -ENAMETOOLONG, rows[i].json);
                ROW_ASSERT(json_string_is(json_root(doc), rows[i].decoded), rows[i].json);
                ROW_ASSERT(!json_string_is(json_root(doc), "other"), rows[i].json);
        }
}

static void test_string_is_whole(void **state)
{
        CLEANUP_JSON struct json_doc *doc = parse("[\"abc\",\"ab\\u0000c\",\"\\u0000\"]");
        const struct json_node *abc = json_first(json_root(doc));
        const struct json_node *with_nul = json_next(abc);
        char buf[8];

        (void)state;
        assert_true(json_string_is(abc, "abc"));
        assert_false(json_string_is(abc, "ab"));
        assert_false(json_string_is(abc, "abcd"));
        assert_false(json_string_is(abc, ""));
        assert_false(json_string_is(with_nul, "ab"));
        assert_false(json_string_is(json_next(with_nul), ""));
        assert_int_equal(json_string(with_nul, buf, sizeof(buf)), -EINVAL);
}

static void test_raw(void **state)
{
        static const char text[] = "[\"Zm9v\",\"Zm\\u0039v\",\"\",1]";
        CLEANUP_JSON struct json_doc *doc = parse(text);
        const struct json_node *n = json_first(json_root(doc));
        const char *p = NULL;
        size_t len = 0;

        (void)state;
        assert_int_equal(json_raw_string(n, &p, &len), 0);
        assert_ptr_equal(p, text + 2);
        assert_int_equal(len, 4);
        n = json_next(n);
        assert_int_equal(json_raw_string(n, &p, &len), -EINVAL);
        assert_int_equal(len, 4);
        n = json_next(n);
        assert_int_equal(json_raw_string(n, &p, &len), 0);
        assert_int_equal(len, 0);
        assert_int_equal(json_raw_string(json_next(n), &p, &len), -EINVAL);
        assert_int_equal(json_raw_string(NULL, &p, &len), -EINVAL);
}

static void test_integers(void **state)
{
        static const struct {
                const char *text;
                int number, string; /* results as 12 and as "12" */
                uint64_t value;
        } rows[] = {
            {"0", 0, 0, 0},
            {"4096", 0, 0, 4096},
            {"18446744073709551615", 0, 0, UINT64_MAX},
            {"18446744073709551616", -ERANGE, -ERANGE, 0},
            {"99999999999999999999999", -ERANGE, -ERANGE, 0},
            {"-1", -EINVAL, -EINVAL, 0},
            {"-0", -EINVAL, -EINVAL, 0},
            {"1.0", -EINVAL, -EINVAL, 0},
            {"1e3", -EINVAL, -EINVAL, 0},
        };
        static const char *const bad_strings[] = {"",   "00",  "01", " 1",      "1 ",
                                                  "+1", "0x1", "1k", "\\u0031", "dynamic"};

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                char text[64];
                uint64_t number = 77, string = 77;

                (void)snprintf(text, sizeof(text), "[%s,\"%s\"]", rows[i].text, rows[i].text);
                {
                        CLEANUP_JSON struct json_doc *doc = parse(text);
                        const struct json_node *n = json_first(json_root(doc));

                        ROW_ASSERT(json_uint64(n, &number) == rows[i].number, text);
                        ROW_ASSERT(json_string_uint64(json_next(n), &string) == rows[i].string,
                                   text);
                        ROW_ASSERT(json_string_uint64(n, &string) == -EINVAL, text);
                }
                ROW_ASSERT(number == (rows[i].number == 0 ? rows[i].value : 77), text);
                ROW_ASSERT(string == (rows[i].string == 0 ? rows[i].value : 77), text);
        }
        for (size_t i = 0; i < LENGTH(bad_strings); i++) {
                char text[64];
                uint64_t v = 0;

                (void)snprintf(text, sizeof(text), "\"%s\"", bad_strings[i]);
                {
                        CLEANUP_JSON struct json_doc *doc = parse(text);

                        ROW_ASSERT(json_string_uint64(json_root(doc), &v) == -EINVAL, text);
                }
        }
}

static void test_keys(void **state)
{
        CLEANUP_JSON struct json_doc *doc = parse("{\"luks\\u002dkms:uuid\":1,\"a\\u0000\":2}");
        const struct json_node *n = json_first(json_root(doc));
        char buf[14];

        (void)state;
        assert_non_null(json_get(json_root(doc), "luks-kms:uuid"));
        assert_int_equal(json_key(n, buf, sizeof(buf)), 0);
        assert_string_equal(buf, "luks-kms:uuid");
        assert_int_equal(json_key(n, buf, sizeof(buf) - 1), -ENAMETOOLONG);
        assert_int_equal(json_key(json_next(n), buf, sizeof(buf)), -EINVAL);
        assert_null(json_get(json_root(doc), "a"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_walk),    cmocka_unit_test(test_absent),
            cmocka_unit_test(test_strings), cmocka_unit_test(test_string_is_whole),
            cmocka_unit_test(test_raw),     cmocka_unit_test(test_integers),
            cmocka_unit_test(test_keys),
        };

        return cmocka_run_group_tests_name("jsonget", tests, NULL, NULL);
}
