/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/json.h, the writer: exact output, no byte beyond the buffer, misuse found out. */

#include "unit.h"

#include "base/json.h"

static const char expected[] =
    "{\"s\":\"x\",\"n\":18446744073709551615,\"b\":true,\"a\":[\"p\",0,false,{},[]],"
    "\"o\":{\"k\":\"v\"},\"bin\":\"AP8=\"}";

static int write_all(struct jsonw *w, size_t *ret_len)
{
        jsonw_object(w, NULL);
        jsonw_string(w, "s", "x");
        jsonw_uint64(w, "n", UINT64_MAX);
        jsonw_bool(w, "b", true);
        jsonw_array(w, "a");
        jsonw_string(w, NULL, "p");
        jsonw_uint64(w, NULL, 0);
        jsonw_bool(w, NULL, false);
        jsonw_object(w, NULL);
        jsonw_object_end(w);
        jsonw_array(w, NULL);
        jsonw_array_end(w);
        jsonw_array_end(w);
        jsonw_object(w, "o");
        jsonw_string(w, "k", "v");
        jsonw_object_end(w);
        jsonw_base64(w, "bin", "\x00\xff", 2);
        jsonw_object_end(w);
        return jsonw_end(w, ret_len);
}

/* Each size that is too small, on the heap, so that one byte too many is seen. */
static void test_every_size(void **state)
{
        (void)state;
        for (size_t size = 0; size <= sizeof(expected) + 1; size++) {
                CLEANUP_FREE char *buf = malloc(size + 1);
                size_t len = 12345;
                struct jsonw w;
                int r;

                assert_non_null(buf);
                memset(buf, '#', size + 1);
                jsonw_init(&w, buf, size);
                r = write_all(&w, &len);
                assert_int_equal(buf[size], '#');
                if (size < sizeof(expected)) {
                        assert_int_equal(r, -ENOBUFS);
                        assert_int_equal(len, 12345);
                        for (size_t i = 0; i < size; i++)
                                assert_int_equal(buf[i], 0);
                } else {
                        assert_int_equal(r, 0);
                        assert_int_equal(len, sizeof(expected) - 1);
                        assert_string_equal(buf, expected);
                }
        }
}

static void test_escapes(void **state)
{
        static const struct {
                const char *in, *out;
        } rows[] = {
            {"", "\"\""},
            {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
            {"\n\t\x01\x1f\x7f", "\"\\u000a\\u0009\\u0001\\u001f\\u007f\""},
            {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
            {"a\xffz\xc3", "\"a?z?\""},
            {"\xed\xa0\x80", "\"???\""},
            {"\xc0\x80", "\"??\""},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_JSON struct json_doc *doc = NULL;
                char buf[128];
                struct jsonw w;
                size_t len;

                jsonw_init(&w, buf, sizeof(buf));
                jsonw_string(&w, NULL, rows[i].in);
                assert_int_equal(jsonw_end(&w, &len), 0);
                assert_string_equal(buf, rows[i].out);
                assert_int_equal(json_parse(buf, len, &doc, NULL), 0);
        }
}

static void test_keys_are_escaped(void **state)
{
        char buf[64];
        struct jsonw w;
        size_t len;

        (void)state;
        jsonw_init(&w, buf, sizeof(buf));
        jsonw_object(&w, NULL);
        jsonw_bool(&w, "a\"b", true);
        jsonw_object_end(&w);
        assert_int_equal(jsonw_end(&w, &len), 0);
        assert_string_equal(buf, "{\"a\\\"b\":true}");
}

static void nothing(struct jsonw *w)
{
        (void)w;
}

static void not_closed(struct jsonw *w)
{
        jsonw_object(w, NULL);
}

static void closed_as_array(struct jsonw *w)
{
        jsonw_object(w, NULL);
        jsonw_array_end(w);
}

static void closed_twice(struct jsonw *w)
{
        jsonw_array(w, NULL);
        jsonw_array_end(w);
        jsonw_array_end(w);
}

static void member_without_key(struct jsonw *w)
{
        jsonw_object(w, NULL);
        jsonw_uint64(w, NULL, 1);
        jsonw_object_end(w);
}

static void element_with_key(struct jsonw *w)
{
        jsonw_array(w, NULL);
        jsonw_string(w, "key", "v");
        jsonw_array_end(w);
}

static void root_with_key(struct jsonw *w)
{
        jsonw_bool(w, "key", true);
}

static void two_roots(struct jsonw *w)
{
        jsonw_array(w, NULL);
        jsonw_array_end(w);
        jsonw_array(w, NULL);
        jsonw_array_end(w);
}

static void too_deep(struct jsonw *w)
{
        for (int i = 0; i <= JSON_DEPTH_MAX; i++)
                jsonw_array(w, NULL);
        for (int i = 0; i <= JSON_DEPTH_MAX; i++)
                jsonw_array_end(w);
}

static void test_misuse(void **state)
{
        static const struct {
                const char *name;
                void (*fn)(struct jsonw *w);
        } rows[] = {
            {"nothing", nothing},
            {"not_closed", not_closed},
            {"closed_as_array", closed_as_array},
            {"closed_twice", closed_twice},
            {"member_without_key", member_without_key},
            {"element_with_key", element_with_key},
            {"root_with_key", root_with_key},
            {"two_roots", two_roots},
            {"too_deep", too_deep},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                char buf[256] = "#";
                struct jsonw w;
                size_t len = 99;

                jsonw_init(&w, buf, sizeof(buf));
                rows[i].fn(&w);
                ROW_ASSERT(jsonw_end(&w, &len) == -EINVAL, rows[i].name);
                ROW_ASSERT(len == 99, rows[i].name);
                ROW_ASSERT(buf[0] == '\0', rows[i].name);
        }
}

static void test_deepest(void **state)
{
        char buf[256];
        struct jsonw w;
        size_t len;

        (void)state;
        jsonw_init(&w, buf, sizeof(buf));
        for (int i = 0; i < JSON_DEPTH_MAX; i++)
                jsonw_object(&w, i ? "k" : NULL);
        for (int i = 0; i < JSON_DEPTH_MAX; i++)
                jsonw_object_end(&w);
        assert_int_equal(jsonw_end(&w, &len), 0);
        {
                CLEANUP_JSON struct json_doc *doc = NULL;

                assert_int_equal(json_parse(buf, len, &doc, NULL), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_every_size),       cmocka_unit_test(test_escapes),
            cmocka_unit_test(test_keys_are_escaped), cmocka_unit_test(test_misuse),
            cmocka_unit_test(test_deepest),
        };

        return cmocka_run_group_tests_name("jsonw", tests, NULL, NULL);
}
