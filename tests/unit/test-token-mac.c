/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* token/token.h: derivation and the header MAC: known answers, computed by another program from
 * the words of the format, and that no two headers share a MAC. */

#include "token-fixture.h"

#include "base/bytes.h"

struct setup {
        struct secret *key;
        struct token_binding binding;
        struct token token;
        uint8_t mac[MAC_SIZE];
};

static void setup_free(struct setup *s)
{
        secret_free(s->key);
}

#define CLEANUP_SETUP CLEANUP(setup_free)

/* The secret that is 00 01 02 .. 1f. */
static struct secret *counting_secret(void)
{
        struct secret *s = NULL;

        assert_int_equal(secret_new(TOKEN_SECRET_SIZE, &s), 0);
        for (size_t i = 0; i < TOKEN_SECRET_SIZE; i++)
                secret_data(s)[i] = (uint8_t)i;
        return s;
}

static void setup_init(struct setup *s)
{
        struct secret *secret CLEANUP_SECRET = counting_secret(), *passphrase CLEANUP_SECRET = NULL;

        fill_token(&s->token);
        fill_binding(&s->binding);
        assert_int_equal(token_derive(secret, UUID, &passphrase, &s->key), 0);
        assert_int_equal(token_mac(s->key, &s->binding, &s->token, s->mac), 0);
}

/* Is the MAC of what is in *s now another than at first? */
static int mac_differs(const struct setup *s)
{
        uint8_t mac[MAC_SIZE];

        assert_int_equal(token_mac(s->key, &s->binding, &s->token, mac), 0);
        return memcmp(mac, s->mac, sizeof(mac)) != 0;
}

static void assert_hex(const void *data, size_t len, const char *expected)
{
        char hex[2 * 64 + 1];

        hex_encode(data, len, hex);
        assert_string_equal(hex, expected);
}

static void test_known_answers(void **state)
{
        struct secret *secret CLEANUP_SECRET = counting_secret(), *passphrase CLEANUP_SECRET = NULL,
                              *key CLEANUP_SECRET = NULL;
        struct setup s CLEANUP_SETUP = {.key = NULL};

        (void)state;
        assert_int_equal(token_derive(secret, UUID, &passphrase, &key), 0);
        assert_int_equal(secret_size(passphrase), TOKEN_PASSPHRASE_SIZE);
        assert_int_equal(secret_size(key), MAC_SIZE);
        assert_hex(secret_bytes(passphrase), 32,
                   "341e27b2a978b53ce67a5a2e7e8e87b5f773ae5f24a18202412ccb9fefc47a35");
        assert_hex(secret_bytes(key), 32,
                   "0093b7bd10595d1b76314719c94534fb63ec87250d03e4438fdb4b31a6e1581d");
        setup_init(&s);
        assert_hex(s.mac, 32, "a2ba5e4f98999e1b1caf27df45a6e9cf579d5a6b3138144254cbe9edd846012f");
}

/* Neither another volume's secret nor the same secret on another volume opens or signs anything. */
static void test_derives_by_uuid_and_secret(void **state)
{
        struct secret *secrets[2] = {counting_secret(), counting_secret()};
        static const char *const uuids[] = {UUID, "0b0f4f5c-9b1c-4f0e-8d57-0f0e4b2b7a12"};
        struct secret *made[8] = {NULL};

        (void)state;
        secret_data(secrets[1])[31] ^= 1;
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(
                    token_derive(secrets[i / 2], uuids[i % 2], &made[2 * i], &made[2 * i + 1]), 0);
        for (size_t i = 0; i < LENGTH(made); i++)
                for (size_t j = 0; j < i; j++)
                        assert_false(secret_equal(made[i], made[j]));
        for (size_t i = 0; i < LENGTH(made); i++)
                secret_free(made[i]);
        secret_free(secrets[0]);
        secret_free(secrets[1]);
}

#define BINDING(field) #field, offsetof(struct setup, binding.field)
#define TOKEN(field)   #field, offsetof(struct setup, token.field)

/* One byte of each field; no field's lengths, numbers or blobs are left out. */
static const struct {
        const char *name;
        size_t offset;
} covered[] = {
    {BINDING(uuid)},
    {BINDING(segment_type)},
    {BINDING(segment_offset)},
    {BINDING(segment_size)},
    {BINDING(segment_iv_tweak)},
    {BINDING(segment_encryption)},
    {BINDING(segment_sector_size)},
    {BINDING(digest_type)},
    {BINDING(digest_hash)},
    {BINDING(digest_iterations)},
    {BINDING(digest_salt)},
    {BINDING(digest_value)},
    {TOKEN(role)},
    {TOKEN(key.text)},
    {TOKEN(key_version)},
    {TOKEN(wrapped.data)},
    {TOKEN(wrapped.data[199])},
    {TOKEN(wrapped.len)},
    {TOKEN(probe.data)},
    {TOKEN(probe.data[183])},
    {TOKEN(probe.len)},
    {TOKEN(generation)},
    {TOKEN(policy)},
    {TOKEN(created)},
};

static void test_covers_each_field(void **state)
{
        struct setup s CLEANUP_SETUP = {.key = NULL};

        (void)state;
        setup_init(&s);
        for (size_t i = 0; i < LENGTH(covered); i++) {
                uint8_t *byte = (uint8_t *)&s + covered[i].offset;

                assert_false(mac_differs(&s));
                *byte ^= 1;
                ROW_ASSERT(mac_differs(&s), covered[i].name);
                *byte ^= 1;
        }
}

static void test_depends_on_the_key(void **state)
{
        struct setup s CLEANUP_SETUP = {.key = NULL};

        (void)state;
        setup_init(&s);
        for (size_t i = 0; i < MAC_SIZE; i++) {
                secret_data(s.key)[i] ^= 0x80;
                assert_true(mac_differs(&s));
                secret_data(s.key)[i] ^= 0x80;
        }
}

/* A keyslot may be moved by cryptsetup; the MAC does not sign itself; what is derived from the URI
 * is not the header's. Nor does anything count that is behind a field's end. */
static void test_leaves_out(void **state)
{
        struct setup s CLEANUP_SETUP = {.key = NULL};

        (void)state;
        setup_init(&s);
        s.token.keyslot = 31;
        memset(s.token.mac, 0x11, sizeof(s.token.mac));
        memset(s.token.key.host, 'h', sizeof(s.token.key.host));
        s.token.wrapped.data[s.token.wrapped.len] = 'x';
        s.token.probe.data[s.token.probe.len] = 'x';
        s.token.role[sizeof(s.token.role) - 1] = 'x';
        s.token.key_version[sizeof(s.token.key_version) - 1] = 'x';
        s.binding.segment_encryption[sizeof(s.binding.segment_encryption) - 1] = 'x';
        assert_false(mac_differs(&s));
}

/* Two values of two neighbouring fields that read the same one after the other, with the names
 * between them: only lengths tell them apart. */
static const struct {
        size_t first, second;
        const char *name; /* of the second in the canonical form */
} neighbours[] = {
    {offsetof(struct setup, binding.uuid), offsetof(struct setup, binding.segment_type),
     "segment.type"},
    {offsetof(struct setup, binding.segment_size), offsetof(struct setup, binding.segment_iv_tweak),
     "segment.iv_tweak"},
    {offsetof(struct setup, binding.segment_encryption),
     offsetof(struct setup, binding.segment_sector_size), "segment.sector_size"},
    {offsetof(struct setup, binding.digest_salt), offsetof(struct setup, binding.digest_value),
     "digest.digest"},
    {offsetof(struct setup, token.role), offsetof(struct setup, token.key.text), "token.key"},
    {offsetof(struct setup, token.key.text), offsetof(struct setup, token.key_version),
     "token.key_version"},
};

static void test_no_ambiguity(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(neighbours); i++) {
                struct setup s CLEANUP_SETUP = {.key = NULL};
                char *first = (char *)&s + neighbours[i].first;
                char *second = (char *)&s + neighbours[i].second;

                setup_init(&s);
                (void)sprintf(first, "A");
                (void)sprintf(second, "B%sC", neighbours[i].name);
                assert_int_equal(token_mac(s.key, &s.binding, &s.token, s.mac), 0);
                assert_false(mac_differs(&s));
                (void)sprintf(first, "A%sB", neighbours[i].name);
                (void)sprintf(second, "C");
                ROW_ASSERT(mac_differs(&s), neighbours[i].name);

                /* and the last character of one moved to the front of the next */
                (void)sprintf(first, "AB");
                (void)sprintf(second, "C");
                assert_int_equal(token_mac(s.key, &s.binding, &s.token, s.mac), 0);
                (void)sprintf(first, "A");
                (void)sprintf(second, "BC");
                ROW_ASSERT(mac_differs(&s), neighbours[i].name);
        }
}

static void test_no_ambiguity_of_blobs(void **state)
{
        struct setup s CLEANUP_SETUP = {.key = NULL};

        (void)state;
        setup_init(&s);
        memset(s.token.probe.data, 0xb7, s.token.probe.len);
        assert_int_equal(token_mac(s.key, &s.binding, &s.token, s.mac), 0);
        s.token.wrapped.len--;
        s.token.probe.data[s.token.probe.len++] = 0xb7;
        assert_true(mac_differs(&s));
}

/* The largest header of all has room in the canonical form. */
static void test_largest(void **state)
{
        struct setup s CLEANUP_SETUP = {.key = NULL};
        struct token_binding *b = &s.binding;

        (void)state;
        setup_init(&s);
        memset(s.token.role, 'r', sizeof(s.token.role) - 1);
        memset(s.token.key.text, 'k', sizeof(s.token.key.text) - 1);
        memset(s.token.key_version, 'v', sizeof(s.token.key_version) - 1);
        memset(s.token.created, 'c', sizeof(s.token.created) - 1);
        s.token.wrapped.len = s.token.probe.len = TOKEN_WRAPPED_MAX;
        s.token.generation = UINT64_MAX;
        memset(b->segment_encryption, 'e', sizeof(b->segment_encryption) - 1);
        memset(b->digest_salt, 's', sizeof(b->digest_salt) - 1);
        memset(b->digest_value, 'd', sizeof(b->digest_value) - 1);
        assert_true(mac_differs(&s));
}

static void test_verify(void **state)
{
        struct setup s CLEANUP_SETUP = {.key = NULL};
        struct diag diag = DIAG_INIT;

        (void)state;
        setup_init(&s);
        memcpy(s.token.mac, s.mac, MAC_SIZE);
        assert_int_equal(token_mac_verify(s.key, &s.binding, &s.token, &diag), 0);
        assert_string_equal(diag.rule, "");
        for (size_t bit = 0; bit < 8 * MAC_SIZE; bit++) {
                diag = DIAG_INIT;
                s.token.mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_int_equal(token_mac_verify(s.key, &s.binding, &s.token, &diag), TOKEN_E_MAC);
                assert_string_equal(diag.rule, "header-mac");
                assert_true(diag.message[0] && diag.advice[0]);
                s.token.mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        s.binding.segment_iv_tweak[0] = '1';
        assert_int_equal(token_mac_verify(s.key, &s.binding, &s.token, NULL), TOKEN_E_MAC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_known_answers),
            cmocka_unit_test(test_derives_by_uuid_and_secret),
            cmocka_unit_test(test_covers_each_field),
            cmocka_unit_test(test_depends_on_the_key),
            cmocka_unit_test(test_leaves_out),
            cmocka_unit_test(test_no_ambiguity),
            cmocka_unit_test(test_no_ambiguity_of_blobs),
            cmocka_unit_test(test_largest),
            cmocka_unit_test(test_verify),
        };

        return cmocka_run_group_tests_name("token-mac", tests, NULL, NULL);
}
