/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/table.h: what is told of a crypt target's parameters, which a key in hex may be among; and
 * whose a mapping is, by its DM UUID. */

#include "unit.h"

#include "volume/table.h"

#define LUKS_UUID   "0b0f4f5c-9b1c-4f0e-8d57-0f0e4b2b7a11"
#define LUKS_DM     "CRYPT-LUKS2-0b0f4f5c9b1c4f0e8d570f0e4b2b7a11-"
#define DESCRIPTION ":64:logon:cryptsetup:" LUKS_UUID "-d0"
#define HEX         "00112233445566778899aabbccddeeff"
#define HEX_512     HEX HEX HEX HEX
#define ZERO        "00000000000000000000000000000000"
#define ZERO_512    ZERO ZERO ZERO ZERO
#define PARAMS(key) "aes-xts-plain64 " key " 0 253:7 32768"

/* Parses a copy of text of exactly its size, for valgrind to see any step over its end; all of it
 * must be wiped then. */
static void parse(const char *text, struct table *t)
{
        const size_t len = strlen(text);
        CLEANUP_FREE char *params = strdup(text);

        assert_non_null(params);
        *t = (struct table){.exists = 1};
        table_parse_crypt(params, t);
        for (size_t i = 0; i < len; i++)
                ROW_ASSERT(params[i] == '\0', text);
}

static void test_plain(void **state)
{
        struct table t;

        (void)state;
        parse(PARAMS(DESCRIPTION), &t);
        assert_string_equal(t.cipher, "aes-xts-plain64");
        assert_int_equal(t.key, TABLE_KEY_KEYRING);
        assert_string_equal(t.key_description, DESCRIPTION);
        assert_int_equal(t.iv_offset, 0);
        assert_int_equal(t.data_major, 253);
        assert_int_equal(t.data_minor, 7);
        assert_int_equal(t.data_offset, 32768);
        assert_int_equal(t.sector_size, 512);
        assert_false(t.discards || t.no_read_workqueue || t.no_write_workqueue || t.other_options);
}

static void test_numbers_are_large(void **state)
{
        struct table t;

        (void)state;
        parse("aes-xts-plain64 - 18446744073709551615 4095:1048575 18446744073709551614", &t);
        assert_true(t.iv_offset == UINT64_MAX);
        assert_true(t.data_offset == UINT64_MAX - 1);
        assert_int_equal(t.data_major, 4095);
        assert_int_equal(t.data_minor, 1048575);
}

static const struct {
        const char *word;
        enum table_key key;
} keys[] = {
    {DESCRIPTION, TABLE_KEY_KEYRING},
    {":32:user:x", TABLE_KEY_KEYRING},
    {ZERO_512, TABLE_KEY_WIPED},
    {"-", TABLE_KEY_WIPED},
    {HEX_512, TABLE_KEY_OTHER},
    {ZERO ZERO ZERO "00000000000000000000000000000001", TABLE_KEY_OTHER},
    {"1" ZERO, TABLE_KEY_OTHER},
    {"--", TABLE_KEY_OTHER},
    {"0x", TABLE_KEY_OTHER},
};

/* A key in hex is told as such and is nowhere in the struct. */
static void test_keys(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(keys); i++) {
                char params[512];
                struct table t;

                (void)snprintf(params, sizeof(params), "aes-xts-plain64 %s 0 253:7 32768",
                               keys[i].word);
                parse(params, &t);
                ROW_ASSERT(t.key == keys[i].key, keys[i].word);
                ROW_ASSERT(t.data_offset == 32768, keys[i].word);
                if (keys[i].key == TABLE_KEY_KEYRING)
                        ROW_ASSERT(strcmp(t.key_description, keys[i].word) == 0, keys[i].word);
                else
                        ROW_ASSERT(t.key_description[0] == '\0', keys[i].word);
                ROW_ASSERT(!memmem(&t, sizeof(t), "0011223344", 10), keys[i].word);
        }
}

static const struct {
        const char *options;
        int discards, read, write, other;
        uint32_t sector_size;
} options[] = {
    {"", 0, 0, 0, 0, 512},
    {" 0", 0, 0, 0, 0, 512},
    {" 1 allow_discards", 1, 0, 0, 0, 512},
    {" 1 no_read_workqueue", 0, 1, 0, 0, 512},
    {" 1 no_write_workqueue", 0, 0, 1, 0, 512},
    {" 1 sector_size:4096", 0, 0, 0, 0, 4096},
    {" 4 allow_discards no_read_workqueue no_write_workqueue sector_size:4096", 1, 1, 1, 0, 4096},
    {" 4 sector_size:4096 no_write_workqueue no_read_workqueue allow_discards", 1, 1, 1, 0, 4096},
    {" 1 iv_large_sectors", 0, 0, 0, 1, 512},
    {" 2 same_cpu_crypt submit_from_crypt_cpus", 0, 0, 0, 2, 512},
    {" 1 integrity:28:aead", 0, 0, 0, 1, 512},
    {" 1 sector_size:x", 0, 0, 0, 1, 512},
    {" 1 allow_discards2", 0, 0, 0, 1, 512},
};

static void test_options(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(options); i++) {
                char params[512];
                struct table t;

                (void)snprintf(params, sizeof(params), PARAMS(DESCRIPTION) "%s",
                               options[i].options);
                parse(params, &t);
                ROW_ASSERT(t.discards == options[i].discards, options[i].options);
                ROW_ASSERT(t.no_read_workqueue == options[i].read, options[i].options);
                ROW_ASSERT(t.no_write_workqueue == options[i].write, options[i].options);
                ROW_ASSERT(t.other_options == options[i].other, options[i].options);
                ROW_ASSERT(t.sector_size == options[i].sector_size, options[i].options);
        }
}

/* What no kernel says today must not be taken for a volume of ours either. */
static void test_odd_texts(void **state)
{
        char cipher[300];
        struct table t;

        (void)state;
        parse("", &t);
        assert_string_equal(t.cipher, "");
        assert_int_equal(t.key, TABLE_KEY_OTHER);
        parse("aes-xts-plain64", &t);
        assert_int_equal(t.key, TABLE_KEY_OTHER);
        memset(cipher, 'c', sizeof(cipher) - 1);
        cipher[sizeof(cipher) - 1] = '\0';
        parse(cipher, &t);
        assert_int_equal(strlen(t.cipher), sizeof(t.cipher) - 1);
        cipher[0] = 'x';
        cipher[1] = ' ';
        cipher[2] = ':';
        parse(cipher, &t);
        assert_int_equal(strlen(t.key_description), sizeof(t.key_description) - 1);
}

static const struct {
        const char *dm_uuid, *uuid, *name;
        int ours;
} uuids[] = {
    {LUKS_DM "data", LUKS_UUID, "data", 1},
    {LUKS_DM "data", NULL, "data", 1},
    {LUKS_DM "my-data.1", LUKS_UUID, "my-data.1", 1},
    {LUKS_DM "my-data.1", NULL, "my-data.1", 1},
    {LUKS_DM "data", LUKS_UUID, "dat", 0},
    {LUKS_DM "data", LUKS_UUID, "data2", 0},
    {LUKS_DM "data", NULL, "dat", 0},
    {LUKS_DM "data", NULL, "ata", 0},
    {LUKS_DM "data", NULL, "data2", 0},
    {LUKS_DM "data", "0b0f4f5c-9b1c-4f0e-8d57-0f0e4b2b7a12", "data", 0},
    {LUKS_DM "data", "1b0f4f5c-9b1c-4f0e-8d57-0f0e4b2b7a11", "data", 0},
    {LUKS_DM "data", "", "data", 0},
    {LUKS_DM, LUKS_UUID, "", 1},
    {"CRYPT-LUKS1-0b0f4f5c9b1c4f0e8d570f0e4b2b7a11-data", LUKS_UUID, "data", 0},
    {"CRYPT-LUKS1-0b0f4f5c9b1c4f0e8d570f0e4b2b7a11-data", NULL, "data", 0},
    {"CRYPT-PLAIN-data", NULL, "data", 0},
    {"CRYPT-LUKS2-data", NULL, "data", 0},
    {"CRYPT-LUKS2-0b0f4f5c9b1c4f0e8d570f0e4b2b7a11xdata", NULL, "data", 0},
    {"CRYPT-LUKS2-0b0f4f5c9b1c4f0e8d570f0e4b2b7a11xdata", LUKS_UUID, "data", 0},
    {"crypt-luks2-0b0f4f5c9b1c4f0e8d570f0e4b2b7a11-data", NULL, "data", 0},
    {"LVM-" LUKS_DM "data", NULL, "data", 0},
    {"CRYPT-LUKS2-", LUKS_UUID, "data", 0},
    {"", LUKS_UUID, "", 0},
    {"", NULL, "", 0},
};

static void test_is_ours(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(uuids); i++) {
                struct table t = {.exists = 1};
                char row[256];

                (void)snprintf(row, sizeof(row), "%s of %s called %s", uuids[i].dm_uuid,
                               uuids[i].uuid ? uuids[i].uuid : "any", uuids[i].name);
                (void)snprintf(t.dm_uuid, sizeof(t.dm_uuid), "%s", uuids[i].dm_uuid);
                ROW_ASSERT(table_is_ours(&t, uuids[i].uuid, uuids[i].name) == uuids[i].ours, row);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_plain),     cmocka_unit_test(test_numbers_are_large),
            cmocka_unit_test(test_keys),      cmocka_unit_test(test_options),
            cmocka_unit_test(test_odd_texts), cmocka_unit_test(test_is_ours),
        };

        return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
