/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* token/token.h: what is exactly version 1 is read; all else is refused by the name of its field.
 */

#include "token-fixture.h"

#define BASE64_MAX (TOKEN_WRAPPED_MAX / 3 * 4)
#define ZERO_MAC   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static const char good[] =
    "{\"type\":\"luks-kms\",\"keyslots\":[\"1\"],\"version\":1,\"role\":\"persistence\","
    "\"key\":\"platform:file\",\"key_version\":\"v7\",\"wrapped\":\"AAEC\",\"probe\":\"AwQ=\","
    "\"generation\":3,\"policy\":1,\"created\":\"2026-01-02T03:04:05Z\",\"mac\":\"" ZERO_MAC "\"}";

static void test_fields(void **state)
{
        struct diag diag = DIAG_INIT;
        struct token t;

        (void)state;
        if (parse_token(good, &t, &diag) != 0)
                fail_msg("%s", diag.message);
        assert_int_equal(t.keyslot, 1);
        assert_string_equal(t.role, "persistence");
        assert_int_equal(t.key.kind, KEYURI_PLATFORM_FILE);
        assert_string_equal(t.key_version, "v7");
        assert_int_equal(t.wrapped.len, 3);
        assert_memory_equal(t.wrapped.data, "\0\1\2", 3);
        assert_int_equal(t.probe.len, 2);
        assert_memory_equal(t.probe.data, "\3\4", 2);
        assert_int_equal(t.generation, 3);
        assert_int_equal(t.policy, 1);
        assert_string_equal(t.created, "2026-01-02T03:04:05Z");
}

static const struct {
        const char *part, *by;
} accepted[] = {
    {"\"1\"", "\"0\""},
    {"\"1\"", "\"31\""},
    {"persistence", "os"},
    {"persistence", "backup"},
    {"persistence", "temp"},
    {"persistence", "persi\\u0073tence"},
    {"\"role\"", "\"\\u0072ole\""},
    {"platform:file", URI},
    {"v7", ""},
    {":3,", ":18446744073709551615,"},
    {"{\"type\"", " {\n \"type\""},
};

static void test_accepts(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(accepted); i++) {
                CLEANUP_FREE char *text = exchanged(good, accepted[i].part, accepted[i].by);
                struct diag diag = DIAG_INIT;
                struct token t;

                if (parse_token(text, &t, &diag) != 0)
                        fail_msg("%s: %s", text, diag.message);
        }
}

static const struct {
        const char *part, *by;
        const char *field; /* NULL: a field that is not known */
} refused[] = {
    {"\"type\":\"luks-kms\",", "", "type"},
    {"\"luks-kms\"", "\"luks-kms2\"", "type"},
    {"\"luks-kms\"", "\"clevis\"", "type"},
    {"\"luks-kms\"", "1", "type"},
    {"\"luks-kms\"", "[\"luks-kms\"]", "type"},
    {"\"version\":1,", "", "version"},
    {"\"version\":1", "\"version\":\"1\"", "version"},
    {"\"version\":1", "\"version\":0", "version"},
    {"\"version\":1", "\"version\":2", "version"},
    {"\"version\":1", "\"version\":1.0", "version"},
    {"\"version\":1", "\"version\":1e0", "version"},
    {"\"version\":1", "\"version\":-1", "version"},
    {"\"version\":1", "\"version\":true", "version"},
    {"\"version\":1", "\"version\":4294967297", "version"},
    {"\"keyslots\":[\"1\"],", "", "keyslots"},
    {"[\"1\"]", "\"1\"", "keyslots"},
    {"[\"1\"]", "{\"1\":\"1\"}", "keyslots"},
    {"[\"1\"]", "[]", "keyslots"},
    {"[\"1\"]", "[\"1\",\"2\"]", "keyslots"},
    {"[\"1\"]", "[1]", "keyslots"},
    {"[\"1\"]", "[\"32\"]", "keyslots"},
    {"[\"1\"]", "[\"-1\"]", "keyslots"},
    {"[\"1\"]", "[\"01\"]", "keyslots"},
    {"[\"1\"]", "[\"\"]", "keyslots"},
    {"[\"1\"]", "[\"4294967296\"]", "keyslots"},
    {"\"role\":\"persistence\",", "", "role"},
    {"\"persistence\"", "\"\"", "role"},
    {"\"persistence\"", "\"ephemeral\"", "role"},
    {"\"persistence\"", "\"Persistence\"", "role"},
    {"\"persistence\"", "\"persistence \"", "role"},
    {"\"persistence\"", "\"os\\u0000\"", "role"},
    {"\"persistence\"", "[]", "role"},
    {"\"persistence\"", "null", "role"},
    {"\"key\":\"platform:file\",", "", "key"},
    {"\"platform:file\"", "\"\"", "key"},
    {"\"platform:file\"", "\"aws-kms://alias/x\"", "key"},
    {"\"platform:file\"", "\"platform:file\\n\"", "key"},
    {"\"platform:file\"", "{}", "key"},
    {"\"key_version\":\"v7\",", "", "key_version"},
    {"\"v7\"", "7", "key_version"},
    {"\"v7\"", "null", "key_version"},
    {"\"wrapped\":\"AAEC\",", "", "wrapped"},
    {"\"AAEC\"", "\"\"", "wrapped"},
    {"\"AAEC\"", "\"AAE\"", "wrapped"},
    {"\"AAEC\"", "\"AA C\"", "wrapped"},
    {"\"AAEC\"", "\"AAEC\\n\"", "wrapped"},
    {"\"AAEC\"", "\"AA\\u0045C\"", "wrapped"},
    {"\"AAEC\"", "\"AA-_\"", "wrapped"},
    {"\"AAEC\"", "1", "wrapped"},
    {"\"probe\":\"AwQ=\",", "", "probe"},
    {"\"AwQ=\"", "\"\"", "probe"},
    {"\"AwQ=\"", "\"AwQ\"", "probe"},
    {"\"AwQ=\"", "\"AwR=\"", "probe"},
    {"\"AwQ=\"", "[3,4]", "probe"},
    {"\"generation\":3,", "", "generation"},
    {":3,", ":0,", "generation"},
    {":3,", ":-3,", "generation"},
    {":3,", ":3.5,", "generation"},
    {":3,", ":\"3\",", "generation"},
    {":3,", ":18446744073709551616,", "generation"},
    {"\"policy\":1,", "", "policy"},
    {"\"policy\":1", "\"policy\":0", "policy"},
    {"\"policy\":1", "\"policy\":2", "policy"},
    {"\"policy\":1", "\"policy\":\"1\"", "policy"},
    {",\"created\":\"2026-01-02T03:04:05Z\"", "", "created"},
    {"\"2026-01-02T03:04:05Z\"", "1767323045", "created"},
    {",\"mac\":\"" ZERO_MAC "\"", "", "mac"},
    {ZERO_MAC, "", "mac"},
    {ZERO_MAC, "AAAA" ZERO_MAC, "mac"},
    {ZERO_MAC, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", "mac"},
    {ZERO_MAC, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "mac"},
    {"\"" ZERO_MAC "\"", "null", "mac"},
    {"{\"type\"", "{\"x\":1,\"type\"", NULL},
    {"\"}", "\",\"Role\":\"os\"}", NULL},
    {"\"}", "\",\"\":\"os\"}", NULL},
    {"\"}", "\",\"role\\u0000\":\"os\"}", NULL},
    {"\"}", "\",\"endpoint\":\"https://evil.example\"}", NULL},
    {"\"}", "\",\"a-name-of-more-than-thirty-one-letters\":1}", NULL},
};

static void test_refuses(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(refused); i++) {
                CLEANUP_FREE char *text = exchanged(good, refused[i].part, refused[i].by);
                struct token t = {.key_version = "untouched"};
                struct diag diag = DIAG_INIT;
                char field[32];

                ROW_ASSERT(parse_token(text, &t, &diag) == TOKEN_E_FORMAT, text);
                ROW_ASSERT(strcmp(diag.rule, "token-format") == 0, text);
                ROW_ASSERT(strcmp(t.key_version, "untouched") == 0, text);
                (void)snprintf(field, sizeof(field), "\"%s\" is not",
                               refused[i].field ? refused[i].field : "");
                ROW_ASSERT(strstr(diag.message, refused[i].field ? field : "does not know"), text);
        }
}

static void test_no_object(void **state)
{
        static const char *const texts[] = {"[]", "null", "\"luks-kms\"", "1"};
        struct token t;

        (void)state;
        assert_int_equal(token_parse(NULL, &t, NULL), TOKEN_E_FORMAT);
        for (size_t i = 0; i < LENGTH(texts); i++)
                ROW_ASSERT(parse_token(texts[i], &t, NULL) == TOKEN_E_FORMAT, texts[i]);
}

/* A field twice is the JSON parser's to refuse, in whatever way its name is written. */
static void test_refuses_a_field_twice(void **state)
{
        static const char *const fields[] = {
            "\"type\"",      "\"keyslots\"",   "\"version\"",     "\"role\"",    "\"key\"",
            "\"wrapped\"",   "\"probe\"",      "\"policy\"",      "\"created\"", "\"mac\"",
            "\"\\u006dac\"", "\"generation\"", "\"key_version\"",
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(fields); i++) {
                CLEANUP_JSON struct json_doc *doc = NULL;
                char by[64];

                (void)snprintf(by, sizeof(by), "\",%s:1}", fields[i]);
                CLEANUP_FREE char *text = exchanged(good, "\"}", by);

                ROW_ASSERT(json_parse(text, strlen(text), &doc, NULL) == JSON_E_SYNTAX, text);
        }
}

/* The longest text that each field takes, in characters of its JSON string. */
static const struct {
        const char *part, *field;
        size_t longest, shortest_refused;
} lengths[] = {
    {"v7", "key_version", 127, 128},
    {"2026-01-02T03:04:05Z", "created", 31, 32},
    {"AAEC", "wrapped", BASE64_MAX, BASE64_MAX + 4},
    {"AwQ=", "probe", BASE64_MAX, BASE64_MAX + 4},
};

static void test_lengths(void **state)
{
        static char value[BASE64_MAX + 8];

        (void)state;
        for (size_t i = 0; i < LENGTH(lengths); i++) {
                struct diag diag = DIAG_INIT;
                struct token t;

                memset(value, 'A', sizeof(value));
                value[lengths[i].longest] = '\0';
                CLEANUP_FREE char *fits = exchanged(good, lengths[i].part, value);
                ROW_ASSERT(parse_token(fits, &t, &diag) == 0, lengths[i].field);

                value[lengths[i].longest] = 'A';
                value[lengths[i].shortest_refused] = '\0';
                CLEANUP_FREE char *too_long = exchanged(good, lengths[i].part, value);
                ROW_ASSERT(parse_token(too_long, &t, &diag) == TOKEN_E_FORMAT, lengths[i].field);
                ROW_ASSERT(strstr(diag.message, lengths[i].field), lengths[i].field);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_fields),
            cmocka_unit_test(test_accepts),
            cmocka_unit_test(test_refuses),
            cmocka_unit_test(test_no_object),
            cmocka_unit_test(test_refuses_a_field_twice),
            cmocka_unit_test(test_lengths),
        };

        return cmocka_run_group_tests_name("token-parse", tests, NULL, NULL);
}
