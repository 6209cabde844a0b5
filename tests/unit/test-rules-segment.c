/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/rules.h: what is refused of segment, digest and config, which say where the data are and
 * what they are encrypted with. */

#include "rules-fixture.h"

#define CONFIG     "\"config\":{"
#define SEGMENTS   "\"segments\":{\"0\":{\"type\":"
#define ENCRYPTION "\"encryption\":\"aes-xts-plain64\",\"sector_size\""
#define DIGESTS    "\"digests\":{\"0\":{"
#define LONG_64    "0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
        const char *rule, *part, *by;
} refused[] = {
    {"requirements", CONFIG, CONFIG "\"requirements\":{\"mandatory\":[\"online-reencrypt\"]},"},
    {"requirements", CONFIG, CONFIG "\"requirements\":{\"mandatory\":[\"unheard-of\"]},"},
    {"requirements", CONFIG, CONFIG "\"requirements\":{\"mandatory\":\"online-reencrypt\"},"},
    {"requirements", CONFIG, CONFIG "\"requirements\":[\"offline-reencrypt\"],"},
    {"requirements", CONFIG, CONFIG "\"requirements\":null,"},
    {"one-segment", "\"segments\":{", "\"segments\":{\"1\":{},"},
    {"one-segment", SEGMENTS, "\"segments\":{\"1\":{\"type\":"},
    {"one-segment", SEGMENTS, "\"segments\":{},\"x\":{\"0\":{\"type\":"},
    {"one-segment", SEGMENTS, "\"x\":{\"0\":{\"type\":"},
    {"one-segment", SEGMENTS, "\"segments\":[0],\"x\":{\"0\":{\"type\":"},
    {"segment-type", "\"type\":\"crypt\"", "\"type\":\"linear\""},
    {"segment-type", "\"type\":\"crypt\"", "\"type\":\"crypt \""},
    {"segment-type", "\"type\":\"crypt\"", "\"type\":1"},
    {"segment-type", "\"type\":\"crypt\",", ""},
    {"cipher", ENCRYPTION, "\"encryption\":\"cipher_null-ecb\",\"sector_size\""},
    {"cipher", ENCRYPTION, "\"encryption\":\"aes-cbc-essiv:sha256\",\"sector_size\""},
    {"cipher", ENCRYPTION, "\"encryption\":\"aes-xts-plain\",\"sector_size\""},
    {"cipher", ENCRYPTION, "\"encryption\":\"capi:xts(aes)-plain64\",\"sector_size\""},
    {"cipher", ENCRYPTION, "\"encryption\":\"AES-xts-plain64\",\"sector_size\""},
    {"cipher", ENCRYPTION, "\"encryption\":\"" LONG_64 LONG_64 "\",\"sector_size\""},
    {"cipher", ENCRYPTION, "\"encryption\":0,\"sector_size\""},
    {"cipher", ENCRYPTION, "\"sector_size\""},
    {"cipher", ENCRYPTION, "\"integrity\":{\"type\":\"hmac(sha256)\"}," ENCRYPTION},
    {"sector-size", "\"sector_size\":4096", "\"sector_size\":1024"},
    {"sector-size", "\"sector_size\":4096", "\"sector_size\":0"},
    {"sector-size", "\"sector_size\":4096", "\"sector_size\":8192"},
    {"sector-size", "\"sector_size\":4096", "\"sector_size\":\"4096\""},
    {"sector-size", "\"sector_size\":4096", "\"sector_size\":4096.0"},
    {"sector-size", "\"sector_size\":4096", "\"sector_size\":4294967808"},
    {"sector-size", ",\"sector_size\":4096", ""},
    {"iv-tweak", "\"iv_tweak\":\"0\"", "\"iv_tweak\":\"1\""},
    {"iv-tweak", "\"iv_tweak\":\"0\"", "\"iv_tweak\":\"00\""},
    {"iv-tweak", "\"iv_tweak\":\"0\"", "\"iv_tweak\":0"},
    {"iv-tweak", "\"iv_tweak\":\"0\",", ""},
    {"segment-size", "\"size\":\"dynamic\"", "\"size\":\"1048576\""},
    {"segment-size", "\"size\":\"dynamic\"", "\"size\":0"},
    {"segment-size", "\"size\":\"dynamic\",", ""},
    {"data-offset", "\"offset\":\"16777216\"", "\"offset\":\"16777215\""},
    {"data-offset", "\"offset\":\"16777216\"", "\"offset\":\"16781312\""},
    {"data-offset", "\"offset\":\"16777216\"", "\"offset\":\"0\""},
    {"data-offset", "\"offset\":\"16777216\"", "\"offset\":\"016777216\""},
    {"data-offset", "\"offset\":\"16777216\"", "\"offset\":16777216"},
    {"data-offset", "\"offset\":\"16777216\"", "\"ofset\":\"16777216\""},
    {"segment-members", "\"offset\":\"16777216\",", ""},
    {"segment-members", SEGMENTS, "\"segments\":{\"0\":{\"flags\":[],\"type\":"},
    {"segment-members", SEGMENTS, "\"segments\":{\"0\":{\"x\":0,\"type\":"},
    {"data-offset", "\"json_size\":\"12288\"", "\"json_size\":\"28672\""},
    {"data-offset", "\"json_size\":\"12288\"", "\"json_size\":\"18446744073709547520\""},
    {"data-offset", "\"json_size\":\"12288\",", ""},
    {"data-offset", "\"keyslots_size\":\"16744448\"", "\"keyslots_size\":\"16740352\""},
    {"data-offset", "\"keyslots_size\":\"16744448\"", "\"keyslots_size\":\"0\""},
    {"data-offset", ",\"keyslots_size\":\"16744448\"", ""},
    {"digest", DIGESTS, "\"digests\":{\"1\":{},\"0\":{"},
    {"digest", DIGESTS, "\"digests\":{\"1\":{"},
    {"digest", DIGESTS, "\"digests\":{\"00\":{"},
    {"digest", DIGESTS, "\"digests\":{},\"x\":{\"0\":{"},
    {"digest", DIGESTS, "\"x\":{\"0\":{"},
    {"digest", "\"segments\":[\"0\"]", "\"segments\":[\"1\"]"},
    {"digest", "\"segments\":[\"0\"]", "\"segments\":[0]"},
    {"digest", "\"segments\":[\"0\"]", "\"segments\":[]"},
    {"digest", "\"segments\":[\"0\"]", "\"segments\":[\"0\",\"1\"]"},
    {"digest", "\"segments\":[\"0\"],", ""},
    {"digest", DIGESTS "\"type\":\"pbkdf2\"", DIGESTS "\"type\":\"argon2id\""},
    {"digest", DIGESTS "\"type\":\"pbkdf2\",", DIGESTS},
    {"digest", "\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"95d3",
     "\"hash\":\"sha1\",\"iterations\":1000,\"salt\":\"95d3"},
    {"digest", "\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"95d3",
     "\"iterations\":1000,\"salt\":\"95d3"},
    {"digest", "\"iterations\":1000,\"salt\":\"95d3", "\"iterations\":999,\"salt\":\"95d3"},
    {"digest", "\"iterations\":1000,\"salt\":\"95d3", "\"iterations\":10000001,\"salt\":\"95d3"},
    {"digest", "\"iterations\":1000,\"salt\":\"95d3", "\"iterations\":\"1000\",\"salt\":\"95d3"},
    {"digest", "\"iterations\":1000,\"salt\":\"95d3", "\"salt\":\"95d3"},
    {"digest", "\"salt\":\"95d3", "\"salt\":\"" LONG_64 LONG_64 LONG_64},
    {"digest", "\"salt\":\"95d3", "\"salt2\":\"95d3"},
    {"digest", "\"digest\":\"t3VP", "\"digest\":\"" LONG_64 LONG_64 LONG_64},
    {"digest", "\"digest\":\"t3VP", "\"digest2\":\"t3VP"},
};

static void test_refuses(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(refused); i++)
                assert_refused(refused[i].rule, refused[i].part, refused[i].by);
}

/* The data must begin on the device, and may begin at its last byte as far as these rules go. */
static void test_device_size(void **state)
{
        struct header *h CLEANUP_HEADER = new_header();
        struct diag diag = DIAG_INIT;

        (void)state;
        h->device_size = 16777216;
        assert_int_equal(check(good, h, &diag), VOLUME_E_RULE);
        assert_string_equal(diag.rule, "data-offset");
        h->device_size = 16777217;
        assert_int_equal(check(good, h, &diag), 0);
}

/* Numbers that fit each other are refused where the keyslot area would be larger than any. */
static void test_keyslots_size(void **state)
{
        static const struct {
                const char *keyslots_size, *offset;
                int result;
        } rows[] = {
            {"134217728", "134250496", 0},
            {"134221824", "134254592", VOLUME_E_RULE},
            {"18446744073709518848", "0", VOLUME_E_RULE},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_FREE char *sized =
                    exchanged(good, "\"keyslots_size\":\"16744448\"", "\"keyslots_size\":\"@\"");
                CLEANUP_FREE char *moved = exchanged(sized, "\"16777216\"", "\"#\"");
                CLEANUP_FREE char *half = exchanged(moved, "@", rows[i].keyslots_size);
                CLEANUP_FREE char *text = exchanged(half, "#", rows[i].offset);
                struct header *h CLEANUP_HEADER = new_header();

                ROW_ASSERT(check(text, h, NULL) == rows[i].result, rows[i].keyslots_size);
        }
}

/* The size of the header area is the binary header's, and the JSON must say the same. */
static void test_area_size(void **state)
{
        struct header *h CLEANUP_HEADER = new_header();
        struct diag diag = DIAG_INIT;

        (void)state;
        h->area_size = 32768;
        assert_int_equal(check(good, h, &diag), VOLUME_E_RULE);
        assert_string_equal(diag.rule, "data-offset");
}

static void test_no_object(void **state)
{
        static const char *const texts[] = {
            "null", "[]", "{}", "1", "\"\"", "{\"segments\":{\"0\":[]},\"digests\":1}"};

        (void)state;
        for (size_t i = 0; i < LENGTH(texts); i++) {
                struct header *h CLEANUP_HEADER = new_header();

                ROW_ASSERT(check(texts[i], h, NULL) == VOLUME_E_RULE, texts[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_refuses),       cmocka_unit_test(test_device_size),
            cmocka_unit_test(test_keyslots_size), cmocka_unit_test(test_area_size),
            cmocka_unit_test(test_no_object),
        };

        return cmocka_run_group_tests_name("rules-segment", tests, NULL, NULL);
}
