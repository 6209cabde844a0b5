/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* token/token.h: what is written is read back, whole, or there is no room for it; roles and the KMS
 * context. */

#include "token-fixture.h"

static void assert_same(const struct token *a, const struct token *b)
{
        assert_int_equal(a->keyslot, b->keyslot);
        assert_string_equal(a->role, b->role);
        assert_int_equal(a->key.kind, b->key.kind);
        assert_string_equal(a->key.text, b->key.text);
        assert_string_equal(a->key.arn, b->key.arn);
        assert_string_equal(a->key.host, b->key.host);
        assert_string_equal(a->key_version, b->key_version);
        assert_int_equal(a->wrapped.len, b->wrapped.len);
        assert_memory_equal(a->wrapped.data, b->wrapped.data, a->wrapped.len);
        assert_int_equal(a->probe.len, b->probe.len);
        assert_memory_equal(a->probe.data, b->probe.data, a->probe.len);
        assert_true(a->generation == b->generation);
        assert_true(a->policy == b->policy);
        assert_string_equal(a->created, b->created);
        assert_memory_equal(a->mac, b->mac, sizeof(a->mac));
}

static void round_trip(const struct token *token)
{
        static char text[TOKEN_JSON_MAX];
        struct token again;

        assert_int_equal(token_write(token, text, sizeof(text)), 0);
        assert_int_equal(parse_token(text, &again, NULL), 0);
        assert_same(token, &again);
}

static void test_round_trip(void **state)
{
        struct token token;

        (void)state;
        fill_token(&token);
        round_trip(&token);
        token.keyslot = 0;
        token.key_version[0] = '\0';
        token.created[0] = '\0';
        token.wrapped.len = token.probe.len = 1;
        token.generation = 1;
        round_trip(&token);
        (void)snprintf(token.key_version, sizeof(token.key_version), "\"\\ \x01 \xc3\xa9 /");
        round_trip(&token);
}

/* The largest token of all has room in TOKEN_JSON_MAX. */
static void test_largest(void **state)
{
        struct token token;

        (void)state;
        fill_token(&token);
        token.keyslot = 31;
        memset(token.key_version, 'v', sizeof(token.key_version) - 1);
        memset(token.created, 'c', sizeof(token.created) - 1);
        token.wrapped.len = token.probe.len = TOKEN_WRAPPED_MAX;
        memset(token.wrapped.data, 0xff, TOKEN_WRAPPED_MAX);
        memset(token.probe.data, 0xfb, TOKEN_WRAPPED_MAX);
        token.generation = UINT64_MAX;
        round_trip(&token);
}

/* Each buffer that is too small is told so, and nothing is written behind its end. */
static void test_no_room(void **state)
{
        static char text[TOKEN_JSON_MAX];
        struct token token;
        size_t len;

        (void)state;
        fill_token(&token);
        assert_int_equal(token_write(&token, text, sizeof(text)), 0);
        len = strlen(text);
        for (size_t size = 1; size <= len; size++) {
                CLEANUP_FREE char *buf = malloc(size);

                assert_non_null(buf);
                assert_int_equal(token_write(&token, buf, size), -ENOBUFS);
        }
        assert_int_equal(token_write(&token, text, len + 1), 0);
}

static void test_roles(void **state)
{
        static const char *const bad[] = {"", "o", "oss", "OS", "ephemeral", "tempo", "back"};

        (void)state;
        assert_true(token_role_valid("os") && token_role_valid("persistence") &&
                    token_role_valid("backup") && token_role_valid("temp"));
        for (size_t i = 0; i < LENGTH(bad); i++)
                ROW_ASSERT(!token_role_valid(bad[i]), bad[i]);
}

static void test_context(void **state)
{
        struct token_binding binding;
        struct kms_context context;

        (void)state;
        fill_binding(&binding);
        token_context(&binding, "persistence", "keyslot", &context);
        assert_string_equal(context.uuid, UUID);
        assert_string_equal(context.role, "persistence");
        assert_string_equal(context.use, "keyslot");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_round_trip), cmocka_unit_test(test_largest),
            cmocka_unit_test(test_no_room),    cmocka_unit_test(test_roles),
            cmocka_unit_test(test_context),
        };

        return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
