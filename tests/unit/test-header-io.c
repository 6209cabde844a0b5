/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/header.h and volume/store.h on a disk that cannot read all of itself any more, or answers
 * each read differently. */

#include "volume-fixture.h"

/* Reads that touch this range of the volume fail; and from the second read of the first copy on its
 * size is another one. */
static struct {
        off_t from, to;
        int grows, reads;
} bad;

int __real_pread_full(int fd, void *buf, size_t len, off_t offset);
int __wrap_pread_full(int fd, void *buf, size_t len, off_t offset);

static int is_volume(int fd)
{
        struct stat open, named;

        return fstat(fd, &open) == 0 && stat(volume, &named) == 0 && open.st_ino == named.st_ino &&
               open.st_dev == named.st_dev;
}

int __wrap_pread_full(int fd, void *buf, size_t len, off_t offset)
{
        int r = __real_pread_full(fd, buf, len, offset);

        if (!is_volume(fd))
                return r;
        if (offset < bad.to && offset + (off_t)len > bad.from)
                return -EIO;
        if (bad.grows && offset == 0 && bad.reads++ > 0)
                ((uint8_t *)buf)[14] *= 2; /* 0x4000 */
        return r;
}

static int set_up(void **state)
{
        (void)state;
        memset(&bad, 0, sizeof(bad));
        volume_make(4096);
        return 0;
}

static int try_read(struct diag *diag)
{
        struct header *h CLEANUP_HEADER = NULL;
        int r = header_read(volume, &h, diag);

        if (r == 0)
                assert_int_equal(volume_opens(h, 0, volume_secret, diag), 0);
        return r;
}

/* One bad sector, wherever it is in one copy. */
static void test_one_copy_is_enough(void **state)
{
        static const off_t sectors[] = {0,    JSON_AT,        AREA - 512,
                                        AREA, AREA + JSON_AT, 2 * AREA - 512};
        struct diag diag = DIAG_INIT;

        (void)state;
        for (size_t i = 0; i < LENGTH(sectors); i++) {
                bad.from = sectors[i];
                bad.to = bad.from + 512;
                if (try_read(&diag) != 0)
                        fail_msg("sector at %d: %s", (int)bad.from, diag.message);
        }
}

static void expect_failure(void)
{
        struct diag diag = DIAG_INIT;

        assert_int_equal(try_read(&diag), -EIO);
        assert_non_null(strstr(diag.message, volume));
        assert_null(strstr(diag.advice, "Restore"));
}

/* What could not be read may have been a header: nobody is told to restore one. */
static void test_failure_is_no_damage(void **state)
{
        (void)state;
        bad.to = 2 * AREA;
        expect_failure();
        bad.to = 512; /* and the other copy is no whole one */
        volume_fill('{', 1, AREA + JSON_AT + 1);
        expect_failure();
        volume_fill(0, 2 * AREA, 0);
        expect_failure();
        bad.from = AREA;
        bad.to = AREA + 512;
        expect_failure();
        volume_make(4096);
        volume_fill('{', 1, JSON_AT + 1);
        expect_failure();
        volume_make(4096); /* key material */
        bad.from = 2 * AREA;
        bad.to = bad.from + 512;
        expect_failure();
}

/* The copy that could not be read is written by the next change, before the other one. */
static void test_update_writes_it(void **state)
{
        struct diag diag = DIAG_INIT;

        (void)state;
        for (int copy = 0; copy < 2; copy++) {
                struct header *before CLEANUP_HEADER = NULL;
                char old[AREA], now[AREA];
                CLEANUP_FD int fd = -1;

                bad.to = 0;
                volume_make(4096);
                volume_get(old, AREA, copy * AREA);
                volume_fill(0xee, AREA, copy * AREA);
                bad.from = copy * AREA;
                bad.to = bad.from + AREA;
                before = volume_read();
                assert_int_equal(store_open(volume, STORE_UPDATE, &fd, &diag), 0);
                assert_int_equal(store_complete(fd, before, &diag), 0);
                bad.to = 0;
                volume_get(now, AREA, copy * AREA);
                assert_memory_equal(now + JSON_AT, old + JSON_AT, AREA - JSON_AT);
                assert_int_equal(try_read(&diag), 0);
        }
}

static void test_size_changes(void **state)
{
        struct diag diag = DIAG_INIT;

        (void)state;
        bad.grows = 1;
        assert_int_equal(try_read(&diag), VOLUME_E_RULE);
        assert_string_equal(diag.rule, "header-size");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(test_one_copy_is_enough, set_up),
            cmocka_unit_test_setup(test_failure_is_no_damage, set_up),
            cmocka_unit_test_setup(test_update_writes_it, set_up),
            cmocka_unit_test_setup(test_size_changes, set_up),
        };

        return cmocka_run_group_tests_name("header-io", tests, folder_make, folder_remove);
}
