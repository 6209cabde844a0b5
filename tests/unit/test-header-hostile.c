/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/header.h: what is no LUKS2 header, and headers whose checksums are right and whose words
 * are not: the checksum has no key, so that everybody can make it right. */

#include "volume-fixture.h"

#include <sys/mman.h>

static void refused(const char *what, int result, const char *rule, struct diag *diag)
{
        struct header *h = NULL;

        *diag = DIAG_INIT;
        ROW_ASSERT(header_read(volume, &h, diag) == result, what);
        ROW_ASSERT(strcmp(diag->rule, rule) == 0, what);
        ROW_ASSERT(!h, what);
}

static void test_no_luks(void **state)
{
        static const off_t sizes[] = {0, 1, 4095, 4096, 16384, 32767, VOLUME_SIZE};
        struct diag diag;

        (void)state;
        for (size_t i = 0; i < LENGTH(sizes); i++) {
                volume_blank(sizes[i]);
                refused("a blank file", VOLUME_E_NO_LUKS2, "luks2", &diag);
                assert_non_null(strstr(diag.advice, "blkid -p"));
        }
        volume_fill(0xff, 1 << 20, 0);
        refused("a file of ones", VOLUME_E_NO_LUKS2, "luks2", &diag);
}

static void test_cut_short(void **state)
{
        static const off_t sizes[] = {4096, AREA, 2 * AREA - 1};
        struct diag diag;

        (void)state;
        for (size_t i = 0; i < LENGTH(sizes); i++) {
                struct header *h = NULL;
                CLEANUP_FD int fd = -1;

                volume_make(4096);
                fd = volume_open();
                assert_int_equal(ftruncate(fd, sizes[i]), 0);
                diag = DIAG_INIT;
                assert_int_equal(header_read(volume, &h, &diag), -ENODATA);
                assert_true(diag.message[0] != '\0');
        }
        volume_make(4096);
        assert_int_equal(truncate(volume, DATA_AT), 0);
        refused("no data behind the header", VOLUME_E_RULE, "data-offset", &diag);
}

static void test_luks1(void **state)
{
        struct diag diag;

        (void)state;
        volume_blank(VOLUME_SIZE);
        volume_put("LUKS\xba\xbe\0\1aes", 11, 0);
        refused("LUKS1", VOLUME_E_NO_LUKS2, "luks2", &diag);
        assert_non_null(strstr(diag.message, "LUKS1"));
        assert_non_null(strstr(diag.advice, "cryptsetup convert --type luks2"));
        volume_put("LUKS\xba\xbe\0\3aes", 11, 0);
        refused("LUKS3", VOLUME_E_NO_LUKS2, "luks2", &diag);
}

static void test_no_file(void **state)
{
        struct diag diag = DIAG_INIT;
        struct header *h = NULL;

        (void)state;
        (void)unlink(volume);
        assert_int_equal(header_read(volume, &h, &diag), -ENOENT);
        assert_non_null(strstr(diag.message, volume));
        assert_int_equal(header_read(folder, &h, &diag), VOLUME_E_NO_LUKS2);
        assert_int_equal(header_read("/dev/null", &h, &diag), VOLUME_E_NO_LUKS2);
        assert_int_equal(mkfifo(volume, 0600), 0);
        (void)alarm(30);
        assert_int_equal(header_read(volume, &h, &diag), VOLUME_E_NO_LUKS2);
        (void)alarm(0);
        assert_null(h);
}

static char *json_of(uint8_t area[AREA])
{
        return (char *)area + JSON_AT;
}

static void exchange(uint8_t area[AREA], const char *part, const char *by)
{
        CLEANUP_FREE char *text = exchanged(json_of(area), part, by);

        assert_true(strlen(text) < AREA - JSON_AT);
        memset(json_of(area), 0, AREA - JSON_AT);
        memcpy(json_of(area), text, strlen(text));
}

static void no_change(uint8_t area[AREA])
{
        (void)area;
}

static void trailing_byte(uint8_t area[AREA])
{
        area[AREA - 1] = 'x';
}

static void trailing_json(uint8_t area[AREA])
{
        strcpy(json_of(area) + strlen(json_of(area)) + 1, "{}");
}

static void key_twice(uint8_t area[AREA])
{
        exchange(area, "\"iv_tweak\":\"0\"", "\"iv_tweak\":\"0\",\"iv_tweak\":\"8\"");
}

static void comment(uint8_t area[AREA])
{
        exchange(area, "\"iv_tweak\":\"0\"", "/* */\"iv_tweak\":\"0\"");
}

static void null_cipher(uint8_t area[AREA])
{
        exchange(area, "\"encryption\":\"aes-xts-plain64\",\"sector_size\"",
                 "\"encryption\":\"cipher_null-ecb\",\"sector_size\"");
}

static void moved_data(uint8_t area[AREA])
{
        exchange(area, "\"offset\":\"16777216\"", "\"offset\":\"16781312\"");
}

static void upper_case_uuid(uint8_t area[AREA])
{
        area[UUID_AT + 1] = 'B';
}

static void uuid_is_a_word(uint8_t area[AREA])
{
        strcpy((char *)area + UUID_AT, "hello");
}

static void uuid_is_longer(uint8_t area[AREA])
{
        strcpy((char *)area + UUID_AT, UUID "0");
}

static void other_checksum(uint8_t area[AREA])
{
        strcpy((char *)area + CSUM_ALG_AT, "sha512");
}

/* In the first copy, in the second, and in both. */
static const struct {
        const char *rule;
        void (*change)(uint8_t area[AREA]);
        int either; /* one copy is enough for a refusal */
} changes[] = {
    {"header-json", trailing_byte, 1},
    {"header-json", trailing_json, 1},
    {"header-json", key_twice, 1},
    {"header-json", comment, 1},
    {"header-checksum", other_checksum, 1},
    {"cipher", null_cipher, 0},
    {"data-offset", moved_data, 0},
    {"uuid", upper_case_uuid, 0},
    {"uuid", uuid_is_a_word, 0},
    {"uuid", uuid_is_longer, 0},
};

static void test_hostile(void **state)
{
        struct diag diag;

        (void)state;
        volume_make(4096);
        volume_edit(0, no_change);
        volume_edit(1, no_change);
        header_free(volume_read());
        for (size_t i = 0; i < LENGTH(changes); i++) {
                volume_make(4096);
                volume_edit(0, changes[i].change);
                if (changes[i].either)
                        refused("in the first copy", VOLUME_E_RULE, changes[i].rule, &diag);
                volume_edit(1, changes[i].change);
                refused("in both copies", VOLUME_E_RULE, changes[i].rule, &diag);
                if (!changes[i].either)
                        continue;
                volume_make(4096);
                volume_edit(1, changes[i].change);
                refused("in the second copy", VOLUME_E_RULE, changes[i].rule, &diag);
        }
}

static void newer(uint8_t area[AREA])
{
        area[SEQID_AT]++;
}

static void newer_and_null(uint8_t area[AREA])
{
        newer(area);
        null_cipher(area);
}

/* The newer copy counts: it is the one that is judged. */
static void test_newer_copy(void **state)
{
        struct diag diag;

        (void)state;
        for (int copy = 0; copy < 2; copy++) {
                volume_make(4096);
                volume_edit(copy, newer);
                volume_edit(!copy, null_cipher);
                header_free(volume_read());
                volume_make(4096);
                volume_edit(copy, newer_and_null);
                refused("the newer copy", VOLUME_E_RULE, "cipher", &diag);
        }
}

/* The memory goes over to header_from_memory() whatever comes of it. */
static void test_from_bad_memory(void **state)
{
        struct header *h = NULL;
        uint8_t byte;
        int fd;

        (void)state;
        volume_blank(VOLUME_SIZE);
        fd = memfd_create("bad", MFD_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(header_from_memory(fd, volume, &h, NULL), VOLUME_E_NO_LUKS2);
        assert_int_equal(pread_full(fd, &byte, 1, 0), -EBADF);
        fd = memfd_create("bad", MFD_CLOEXEC);
        assert_int_equal(ftruncate(fd, 2 * (off_t)AREA), 0);
        assert_int_equal(header_from_memory(fd, volume, &h, NULL), VOLUME_E_NO_LUKS2);
        assert_int_equal(pread_full(fd, &byte, 1, 0), -EBADF);
        assert_null(h);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_no_luks),         cmocka_unit_test(test_cut_short),
            cmocka_unit_test(test_luks1),           cmocka_unit_test(test_no_file),
            cmocka_unit_test(test_hostile),         cmocka_unit_test(test_newer_copy),
            cmocka_unit_test(test_from_bad_memory),
        };

        return cmocka_run_group_tests_name("header-hostile", tests, folder_make, folder_remove);
}
