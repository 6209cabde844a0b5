/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/json.h, the reader: how deep, how many, and how long that may take. */

#include "unit.h"

#include <time.h>

#include "base/json.h"

static int parse_nested(int depth, const char *opening, const char *closing)
{
        CLEANUP_JSON struct json_doc *doc = NULL;
        char text[512] = "";

        for (int i = 0; i < depth; i++)
                (void)strcat(text, opening);
        (void)strcat(text, "1");
        for (int i = 0; i < depth; i++)
                (void)strcat(text, closing);
        return json_parse(text, strlen(text), &doc, NULL);
}

static void test_depth(void **state)
{
        (void)state;
        assert_int_equal(parse_nested(JSON_DEPTH_MAX, "[", "]"), 0);
        assert_int_equal(parse_nested(JSON_DEPTH_MAX, "{\"a\":", "}"), 0);
        assert_int_equal(parse_nested(JSON_DEPTH_MAX + 1, "[", "]"), JSON_E_SYNTAX);
        assert_int_equal(parse_nested(JSON_DEPTH_MAX + 1, "{\"a\":", "}"), JSON_E_SYNTAX);
}

/* An array of n members: n + 1 values. */
static int parse_many(size_t n)
{
        CLEANUP_JSON struct json_doc *doc = NULL;
        CLEANUP_FREE char *text = malloc(2 * n + 2);

        assert_non_null(text);
        text[0] = '[';
        for (size_t i = 0; i < n; i++)
                memcpy(text + 1 + 2 * i, "0,", 2);
        text[2 * n] = ']';
        return json_parse(text, 2 * n + 1, &doc, NULL);
}

static void test_number_of_values(void **state)
{
        (void)state;
        assert_int_equal(parse_many(JSON_NODES_MAX - 1), 0);
        assert_int_equal(parse_many(JSON_NODES_MAX), JSON_E_SYNTAX);
}

/* Keys that differ only at their ends: comparing each with each would take minutes. */
static void test_many_similar_keys(void **state)
{
        enum { KEYS = JSON_NODES_MAX - 1, WIDTH = 1000 };
        CLEANUP_JSON struct json_doc *doc = NULL;
        CLEANUP_FREE char *text = malloc((size_t)KEYS * (WIDTH + 16));
        size_t len = 0;
        char sought[WIDTH + 1];
        clock_t begin = clock();

        (void)state;
        assert_non_null(text);
        for (int i = 0; i < KEYS; i++)
                len += (size_t)sprintf(text + len, "%c\"%0*d\":%d", i ? ',' : '{', WIDTH, i, i);
        text[len++] = '}';
        assert_int_equal(json_parse(text, len, &doc, NULL), 0);
        (void)snprintf(sought, sizeof(sought), "%0*d", WIDTH, KEYS - 1);
        {
                uint64_t v = 0;

                assert_int_equal(json_uint64(json_get(json_root(doc), sought), &v), 0);
                assert_int_equal(v, KEYS - 1);
        }
        assert_true(clock() - begin < 60 * CLOCKS_PER_SEC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_depth),
            cmocka_unit_test(test_number_of_values),
            cmocka_unit_test(test_many_similar_keys),
        };

        return cmocka_run_group_tests_name("json-limits", tests, NULL, NULL);
}
