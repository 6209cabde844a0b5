/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/rules.h: one good header, as enrolment wrote it, and one change at a time: which rule
 * refuses it, and which other headers are as good. */

#include "rules-fixture.h"

static void test_good(void **state)
{
        struct header *h CLEANUP_HEADER = new_header();
        const struct token_binding *b = &h->binding;
        struct diag diag = DIAG_INIT;

        (void)state;
        if (check(good, h, &diag) != 0)
                fail_msg("%s: %s", diag.rule, diag.message);
        assert_string_equal(b->segment_type, "crypt");
        assert_string_equal(b->segment_offset, "16777216");
        assert_string_equal(b->segment_size, "dynamic");
        assert_string_equal(b->segment_iv_tweak, "0");
        assert_string_equal(b->segment_encryption, "aes-xts-plain64");
        assert_string_equal(b->segment_sector_size, "4096");
        assert_string_equal(b->digest_type, "pbkdf2");
        assert_string_equal(b->digest_hash, "sha256");
        assert_string_equal(b->digest_iterations, "1000");
        assert_string_equal(b->digest_salt, "95d3fKnoy6B6T8GWZNfYrjA8nd8Qs5ooGYDf9GK59+o=");
        assert_string_equal(b->digest_value, "t3VPz9LQttLLyGe6nDL/8WoQui+Hps4CMCZ6CX4YH1Y=");
        assert_int_equal(h->data_offset, 16777216);
        assert_int_equal(h->sector_size, 4096);
        assert_int_equal(h->key_size, 64);
        assert_true(h->keyslots[0].used);
        assert_int_equal(h->keyslots[0].offset, 32768);
        assert_int_equal(h->keyslots[0].size, 258048);
        assert_int_equal(h->keyslots[0].key_size, 64);
        assert_non_null(h->tokens[0]);
        assert_string_equal(h->tokens[0]->role, "persistence");
        for (size_t i = 1; i < HEADER_KEYSLOTS_MAX; i++)
                assert_true(!h->keyslots[i].used && !h->tokens[i]);
}

/* A second keyslot and a second token, in front of the first. */
#define SLOT(name, kdf)                                                                            \
        "\"keyslots\":{\"" name "\":{\"type\":\"luks2\",\"key_size\":64,\"af\":{\"type\":"         \
        "\"luks1\",\"stripes\":4000,\"hash\":\"sha256\"},\"area\":{\"type\":\"raw\","              \
        "\"offset\":\"290816\",\"size\":\"258048\",\"encryption\":\"aes-xts-plain64\","            \
        "\"key_size\":64},\"kdf\":{" kdf "}},\"0\":"
#define ARGON(type, time, memory, cpus)                                                            \
        "\"type\":\"" type "\",\"time\":" time ",\"memory\":" memory ",\"cpus\":" cpus             \
        ",\"salt\":\"AAEC\""
#define PBKDF2(hash, iterations)                                                                   \
        "\"type\":\"pbkdf2\",\"hash\":\"" hash "\",\"iterations\":" iterations ",\"salt\":"        \
        "\"AAEC\""
#define FIRST_SLOT "\"keyslots\":{\"0\":"
#define TOKEN(name, slot, key)                                                                     \
        "\"tokens\":{\"" name "\":{\"type\":\"luks-kms\",\"keyslots\":[\"" slot "\"],"             \
        "\"version\":1,\"role\":\"os\",\"key\":\"" key "\",\"key_version\":\"\","                  \
        "\"wrapped\":\"AAEC\",\"probe\":\"AwQ=\",\"generation\":1,\"policy\":1,"                   \
        "\"created\":\"\",\"mac\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"},\"0\":"
#define FIRST_TOKEN "\"tokens\":{\"0\":"
#define CONFIG      "\"config\":{"

static const struct {
        const char *part, *by;
} accepted[] = {
    {"\"sector_size\":4096", "\"sector_size\":512"},
    {"\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"95d3",
     "\"hash\":\"sha512\",\"iterations\":10000000,\"salt\":\"95d3"},
    {"\"iterations\":1000,\"salt\":\"0p66", "\"iterations\":100000,\"salt\":\"0p66"},
    {FIRST_SLOT, SLOT("1", ARGON("argon2id", "64", "1048576", "4"))},
    {FIRST_SLOT, SLOT("31", ARGON("argon2i", "4", "65536", "1"))},
    {FIRST_SLOT, SLOT("1", PBKDF2("sha1", "10000000"))},
    {"\"encryption\":\"aes-xts-plain64\",\"key_size\":64",
     "\"encryption\":\"aes-xts-plain64\",\"key_size\":32"},
    {"\"size\":\"258048\"", "\"size\":\"256000\""},
    {"\"size\":\"258048\"", "\"size\":\"16744448\""},
    {FIRST_TOKEN, "\"tokens\":{\"1\":{\"type\":\"systemd-tpm2\",\"keyslots\":[]},\"0\":"},
    {FIRST_TOKEN, "\"tokens\":{\"5\":{\"type\":\"clevis\",\"keyslots\":[\"9\"],\"x\":{}},\"0\":"},
    {CONFIG, CONFIG "\"requirements\":{},"},
    {CONFIG, CONFIG "\"requirements\":{\"mandatory\":[]},"},
    {CONFIG, CONFIG "\"flags\":[\"allow-discards\"],"},
};

static void test_accepts(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(accepted); i++) {
                CLEANUP_FREE char *text = exchanged(good, accepted[i].part, accepted[i].by);
                struct header *h CLEANUP_HEADER = new_header();
                struct diag diag = DIAG_INIT;

                if (check(text, h, &diag) != 0)
                        fail_msg("%s: %s: %s", accepted[i].by, diag.rule, diag.message);
        }
}

/* A header with a second keyslot, of this KDF, and a second token. */
static char *with_second(const char *slot, const char *token)
{
        CLEANUP_FREE char *slots = exchanged(good, FIRST_SLOT, slot);

        return exchanged(slots, FIRST_TOKEN, token);
}

static void test_second_recipient(void **state)
{
        CLEANUP_FREE char *text =
            with_second(SLOT("7", PBKDF2("sha512", "100000")), TOKEN("31", "7", "platform:file"));
        struct header *h CLEANUP_HEADER = new_header();

        (void)state;
        assert_int_equal(check(text, h, NULL), 0);
        assert_true(h->keyslots[0].used && h->keyslots[7].used && !h->keyslots[1].used);
        assert_int_equal(h->keyslots[7].offset, 290816);
        assert_true(h->tokens[0] && h->tokens[31] && !h->tokens[1]);
        assert_int_equal(h->tokens[31]->keyslot, 7);
}

/* No two tokens share a key or a keyslot, and none has a keyslot that is dear to open. */
static const struct {
        const char *rule, *slot, *token;
} seconds[] = {
    {"token", SLOT("1", PBKDF2("sha256", "1000")), TOKEN("1", "0", "platform:file")},
    {"token", SLOT("1", PBKDF2("sha256", "1000")), TOKEN("1", "1", URI)},
    {"token", SLOT("1", PBKDF2("sha256", "1000")), TOKEN("1", "2", "platform:file")},
    {"token-kdf", SLOT("1", PBKDF2("sha256", "100001")), TOKEN("1", "1", "platform:file")},
    {"token-kdf", SLOT("1", PBKDF2("sha1", "1000")), TOKEN("1", "1", "platform:file")},
    {"token-kdf", SLOT("1", ARGON("argon2id", "1", "32", "1")), TOKEN("1", "1", "platform:file")},
};

static void test_bad_second_recipient(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(seconds); i++) {
                CLEANUP_FREE char *text = with_second(seconds[i].slot, seconds[i].token);
                struct header *h CLEANUP_HEADER = new_header();
                struct diag diag = DIAG_INIT;

                ROW_ASSERT(check(text, h, &diag) == VOLUME_E_RULE, text);
                if (strcmp(diag.rule, seconds[i].rule) != 0)
                        fail_msg("row %zu: %s: %s", i, diag.rule, diag.message);
        }
}

static const struct {
        const char *rule, *part, *by;
} refused[] = {
    {"keyslot", "\"type\":\"luks2\"", "\"type\":\"reencrypt\""},
    {"keyslot", "\"type\":\"luks2\",", ""},
    {"keyslot", "\"key_size\":64,\"af\"", "\"key_size\":32,\"af\""},
    {"keyslot", "\"key_size\":64,\"af\"", "\"key_size\":128,\"af\""},
    {"keyslot", "\"key_size\":64,\"af\"", "\"af\""},
    {"keyslot", "\"type\":\"luks1\"", "\"type\":\"none\""},
    {"keyslot", "\"stripes\":4000", "\"stripes\":1"},
    {"keyslot", "\"stripes\":4000,", ""},
    {"keyslot", "\"type\":\"raw\"", "\"type\":\"journal\""},
    {"keyslot", "\"encryption\":\"aes-xts-plain64\",\"key_size\"",
     "\"encryption\":\"cipher_null-ecb\",\"key_size\""},
    {"keyslot", "\"encryption\":\"aes-xts-plain64\",\"key_size\":64",
     "\"encryption\":\"aes-xts-plain64\",\"key_size\":16"},
    {"keyslot", "\"offset\":\"32768\"", "\"offset\":\"0\""},
    {"keyslot", "\"offset\":\"32768\"", "\"offset\":\"28672\""},
    {"keyslot", "\"offset\":\"32768\"", "\"offset\":\"16777216\""},
    {"keyslot", "\"offset\":\"32768\"", "\"offset\":\"16523264\""},
    {"keyslot", "\"offset\":\"32768\"", "\"offset\":\"18446744073709547520\""},
    {"keyslot", "\"offset\":\"32768\"", "\"offset\":32768"},
    {"keyslot", "\"size\":\"258048\"", "\"size\":\"255999\""},
    {"keyslot", "\"size\":\"258048\"", "\"size\":\"16744449\""},
    {"keyslot", "\"size\":\"258048\"", "\"size\":\"18446744073709551615\""},
    {"keyslot", FIRST_SLOT, "\"keyslots\":{\"x\":"},
    {"keyslot", FIRST_SLOT, "\"keyslots\":{\"\":"},
    {"keyslot", FIRST_SLOT, "\"keyslots\":{\"00\":"},
    {"keyslot", FIRST_SLOT, "\"keyslots\":{\"-0\":"},
    {"keyslot", FIRST_SLOT, "\"keyslots\":{\"32\":"},
    {"keyslot", FIRST_SLOT, "\"keyslots\":{\"4294967296\":"},
    {"keyslot", FIRST_SLOT, SLOT("00", ARGON("argon2id", "4", "65536", "1"))},
    {"kdf-cost", "\"iterations\":1000,\"salt\":\"0p66", "\"iterations\":10000001,\"salt\":\"0p66"},
    {"kdf-cost", "\"iterations\":1000,\"salt\":\"0p66", "\"salt\":\"0p66"},
    {"kdf-cost", "\"iterations\":1000,\"salt\":\"0p66", "\"iterations\":\"9\",\"salt\":\"0p66"},
    {"kdf-cost", "\"kdf\":{\"type\":\"pbkdf2\"", "\"kdf\":{\"type\":\"scrypt\""},
    {"kdf-cost", "\"kdf\":{\"type\":\"pbkdf2\",", "\"kdf\":{"},
    {"kdf-cost", FIRST_SLOT, SLOT("1", ARGON("argon2id", "65", "65536", "1"))},
    {"kdf-cost", FIRST_SLOT, SLOT("1", ARGON("argon2id", "4", "1048577", "1"))},
    {"kdf-cost", FIRST_SLOT, SLOT("1", ARGON("argon2id", "4", "65536", "5"))},
    {"kdf-cost", FIRST_SLOT, SLOT("1", ARGON("argon2id", "-4", "65536", "1"))},
    {"kdf-cost", FIRST_SLOT, SLOT("1", ARGON("argon2i", "4", "1048577", "1"))},
    {"kdf-cost", FIRST_SLOT, SLOT("1", ARGON("argon2d", "4", "65536", "1"))},
    {"token", FIRST_TOKEN, TOKEN("1", "1", "platform:file")},
    {"token", FIRST_TOKEN, TOKEN("32", "0", "platform:file")},
    {"token", FIRST_TOKEN, TOKEN("x", "0", "platform:file")},
    {"token", FIRST_TOKEN, TOKEN("00", "0", "platform:file")},
    {"token", FIRST_TOKEN, TOKEN("-1", "0", "platform:file")},
    {"token-kdf", "\"iterations\":1000,\"salt\":\"0p66", "\"iterations\":100001,\"salt\":\"0p66"},
    {"token-kdf", "\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"0p66",
     "\"hash\":\"sha1\",\"iterations\":1000,\"salt\":\"0p66"},
    {"token-format", "\"version\":1", "\"version\":2"},
    {"token-format", "\"generation\":3", "\"generation\":3,\"endpoint\":\"x\""},
};

static void test_refuses(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(refused); i++)
                assert_refused(refused[i].rule, refused[i].part, refused[i].by);
}

static void test_no_keyslots_or_tokens(void **state)
{
        struct header *h CLEANUP_HEADER = new_header();
        CLEANUP_FREE char *text = exchanged(good, "\"tokens\":", "\"x\":");
        CLEANUP_FREE char *neither = exchanged(text, FIRST_SLOT, "\"y\":{\"0\":");

        (void)state;
        assert_int_equal(check(neither, h, NULL), 0);
        assert_false(h->keyslots[0].used);
        assert_null(h->tokens[0]);
}

static int text_result(const char *area, size_t len, const char *rule)
{
        struct diag diag = DIAG_INIT;
        int r = rules_check_text(area, len, &diag);

        assert_string_equal(diag.rule, r == 0 ? "" : rule);
        return r;
}

static void test_text(void **state)
{
        static const struct {
                const char *area;
                size_t len;
                int result;
        } rows[] = {
            {"{}\0\0\0", 5, 0},
            {"{}", 2, 0},
            {"{} \n\0", 5, 0},
            {"{}\0\0x", 5, VOLUME_E_RULE},
            {"{}\0{}", 5, VOLUME_E_RULE},
            {"{}x\0\0", 5, VOLUME_E_RULE},
            {"{}{}\0", 5, VOLUME_E_RULE},
            {"\0{}\0\0", 5, VOLUME_E_RULE},
            {"\0\0\0\0", 4, VOLUME_E_RULE},
            {"{\"a\":1,\"a\":2}\0", 14, VOLUME_E_RULE},
            {"{\"a\":{\"b\":1,\"\\u0062\":2}}\0", 24, VOLUME_E_RULE},
            {"{\"a\":1,}\0", 9, VOLUME_E_RULE},
            {"{\"a\":\"\xff\"}\0", 10, VOLUME_E_RULE},
            {"{/**/}\0", 7, VOLUME_E_RULE},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++)
                ROW_ASSERT(text_result(rows[i].area, rows[i].len, "header-json") == rows[i].result,
                           rows[i].area);
        assert_int_equal(rules_check_text(good, sizeof(good), NULL), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_good),
            cmocka_unit_test(test_accepts),
            cmocka_unit_test(test_refuses),
            cmocka_unit_test(test_second_recipient),
            cmocka_unit_test(test_bad_second_recipient),
            cmocka_unit_test(test_text),
            cmocka_unit_test(test_no_keyslots_or_tokens),
        };

        return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
