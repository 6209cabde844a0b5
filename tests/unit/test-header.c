/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/header.h: a volume that enrolment made is read once and opens from the sealed copy, also
 * with one of its two headers damaged and after the disk has changed its mind. */

#include "volume-fixture.h"

#include <sys/mman.h>

static void test_reads(void **state)
{
        static const uint32_t sizes[] = {512, 4096};

        (void)state;
        for (size_t i = 0; i < LENGTH(sizes); i++) {
                struct header *h CLEANUP_HEADER = NULL;
                struct diag diag = DIAG_INIT;

                volume_make(sizes[i]);
                h = volume_read();
                assert_string_equal(h->device, volume);
                assert_int_equal(h->rdev, 0);
                assert_int_equal(h->device_size, VOLUME_SIZE);
                assert_int_equal(h->area_size, AREA);
                assert_int_equal(h->data_offset, DATA_AT);
                assert_int_equal(h->sector_size, sizes[i]);
                assert_int_equal(h->key_size, 64);
                assert_string_equal(h->binding.uuid, UUID);
                assert_true(h->keyslots[0].used && !h->keyslots[1].used);
                assert_true(h->tokens[0] && !h->tokens[1]);
                assert_string_equal(h->tokens[0]->key.text, URI);
                assert_int_equal(volume_opens(h, 0, volume_secret, &diag), 0);
        }
}

/* A secret that is not the one, and a passphrase that is none, are told apart. */
static void test_opens_by_its_secret_only(void **state)
{
        struct header *h CLEANUP_HEADER = NULL;
        struct secret *other CLEANUP_SECRET = NULL;
        struct diag diag = DIAG_INIT;

        (void)state;
        volume_make(4096);
        h = volume_read();
        assert_int_equal(secret_random(TOKEN_SECRET_SIZE, &other), 0);
        assert_int_equal(volume_opens(h, 0, other, &diag), VOLUME_E_MAC);
        assert_string_equal(diag.rule, "header-mac");
        assert_int_equal(volume_check_passphrase(h, 0, other, &diag), VOLUME_E_KEYSLOT);
        assert_string_equal(diag.rule, "keyslot");
        assert_int_equal(volume_check_passphrase(h, 5, other, &diag), -EINVAL);
}

/* Everything that the MAC covers lies in the header: one digit of it changed by the disk's owner,
 * with checksums as they should be, and the right secret opens no more. */
static void exchange_role(uint8_t area[AREA])
{
        char *role = strstr((char *)area + JSON_AT, "\"persistence\"");

        assert_non_null(role);
        memcpy(role, "\"os\"         ", 13);
}

static void test_changed_token(void **state)
{
        struct header *h CLEANUP_HEADER = NULL;
        struct diag diag = DIAG_INIT;

        (void)state;
        volume_make(4096);
        volume_edit(0, exchange_role);
        volume_edit(1, exchange_role);
        h = volume_read();
        assert_string_equal(h->tokens[0]->role, "os");
        assert_int_equal(volume_opens(h, 0, volume_secret, &diag), VOLUME_E_MAC);
        assert_string_equal(diag.rule, "header-mac");
}

static const struct damage {
        const char *what;
        off_t offset;
        size_t len;
} damages[] = {
    {"the first block", 0, 512},    {"the magic", 0, 1},
    {"the checksum", CSUM_AT, 1},   {"a byte of the JSON", JSON_AT + 100, 1},
    {"the last byte", AREA - 1, 1}, {"all of the JSON", JSON_AT, AREA - JSON_AT},
    {"the whole copy", 0, AREA},
};

/* Spoils one place of one copy; 0xff, 0 and another value are damage to some places each. */
static void spoil(const struct damage *d, int copy, int byte)
{
        uint8_t was;

        volume_get(&was, 1, copy * AREA + d->offset);
        volume_fill(byte == was ? byte ^ 1 : byte, d->len, copy * AREA + d->offset);
}

static void test_one_copy_is_enough(void **state)
{
        (void)state;
        for (size_t i = 0; i < 2 * LENGTH(damages); i++) {
                const struct damage *d = &damages[i / 2];
                struct header *h CLEANUP_HEADER = NULL;
                struct diag diag = DIAG_INIT;
                char row[64];

                (void)snprintf(row, sizeof(row), "%s of copy %zu", d->what, i % 2);
                volume_make(4096);
                spoil(d, (int)(i % 2), i / 2 % 2 ? 0xff : 0);
                ROW_ASSERT(header_read(volume, &h, &diag) == 0, row);
                ROW_ASSERT(volume_opens(h, 0, volume_secret, &diag) == 0, row);
        }
}

static void test_both_damaged(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(damages); i++) {
                struct diag diag = DIAG_INIT;
                struct header *h = NULL;

                volume_make(4096);
                spoil(&damages[i], 0, 0);
                spoil(&damages[i], 1, 0);
                ROW_ASSERT(header_read(volume, &h, &diag) == VOLUME_E_NO_LUKS2, damages[i].what);
                ROW_ASSERT(strcmp(diag.rule, "luks2") == 0, damages[i].what);
                ROW_ASSERT(diag.advice[0] != '\0', damages[i].what);
                ROW_ASSERT(!h, damages[i].what);
        }
}

/* Whatever the disk says after it was read once changes nothing. */
static void test_the_disk_is_not_asked_again(void **state)
{
        struct header *h CLEANUP_HEADER = NULL;
        struct diag diag = DIAG_INIT;

        (void)state;
        volume_make(4096);
        h = volume_read();
        volume_fill(0xff, DATA_AT, 0);
        assert_int_equal(volume_opens(h, 0, volume_secret, &diag), 0);
        assert_int_equal(unlink(volume), 0);
        assert_int_equal(volume_opens(h, 0, volume_secret, &diag), 0);
}

static void test_the_copy_is_sealed(void **state)
{
        struct header *h CLEANUP_HEADER = NULL;
        uint8_t byte = 0;

        (void)state;
        volume_make(4096);
        h = volume_read();
        assert_int_equal(pwrite_full(h->memory, &byte, 1, 0), -EPERM);
        assert_int_equal(ftruncate(h->memory, 0), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(ftruncate(h->memory, 2 * (off_t)VOLUME_SIZE), -1);
        assert_ptr_equal(mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, h->memory, 0),
                         MAP_FAILED);
        assert_int_equal(fcntl(h->memory, F_ADD_SEALS, 0), -1);
        header_free(h);
        h = volume_read_writable();
        assert_int_equal(pwrite_full(h->memory, &byte, 1, 0), 0);
}

/* The copy is of headers and keyslots in use only. */
static void test_the_copy_is_sparse(void **state)
{
        static const uint8_t zeros[4096];
        struct header *h CLEANUP_HEADER = NULL;
        uint8_t disk[4096], copy[4096];

        (void)state;
        volume_make(4096);
        volume_fill(0xee, 4096, 8 << 20);
        volume_fill(0xee, 4096, DATA_AT);
        h = volume_read();
        assert_int_equal(pread_full(h->memory, copy, sizeof(copy), 8 << 20), 0);
        assert_memory_equal(copy, zeros, sizeof(copy));
        assert_int_equal(pread_full(h->memory, copy, sizeof(copy), DATA_AT), 0);
        assert_memory_equal(copy, zeros, sizeof(copy));
        volume_get(disk, sizeof(disk), (off_t)h->keyslots[0].offset);
        assert_int_equal(pread_full(h->memory, copy, sizeof(copy), (off_t)h->keyslots[0].offset),
                         0);
        assert_memory_equal(copy, disk, sizeof(copy));
        assert_memory_not_equal(copy, zeros, sizeof(copy));
}

static void test_leaves_no_descriptor(void **state)
{
        struct header *h = NULL;
        int before, after;

        (void)state;
        volume_make(4096);
        before = dup(0);
        close_fd(before);
        h = volume_read();
        header_free(h);
        volume_blank(VOLUME_SIZE);
        assert_int_equal(header_read(volume, &h, NULL), VOLUME_E_NO_LUKS2);
        after = dup(0);
        close_fd(after);
        assert_int_equal(after, before);
        header_free(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_reads),
            cmocka_unit_test(test_opens_by_its_secret_only),
            cmocka_unit_test(test_changed_token),
            cmocka_unit_test(test_one_copy_is_enough),
            cmocka_unit_test(test_both_damaged),
            cmocka_unit_test(test_the_disk_is_not_asked_again),
            cmocka_unit_test(test_the_copy_is_sealed),
            cmocka_unit_test(test_the_copy_is_sparse),
            cmocka_unit_test(test_leaves_no_descriptor),
        };

        return cmocka_run_group_tests_name("header", tests, folder_make, folder_remove);
}
