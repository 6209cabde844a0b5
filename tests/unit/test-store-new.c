/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/enrol.h and volume/store.h: new volumes: which devices are large enough, that a header is
 * judged before it is written, and that nothing old is left in front of the data. */

#include "volume-fixture.h"

static void test_first_store_leaves_nothing_old(void **state)
{
        struct header *h CLEANUP_HEADER = NULL;
        CLEANUP_FREE char *now = NULL;
        char old[32], data[sizeof(old)];

        (void)state;
        volume_blank(VOLUME_SIZE);
        volume_fill(0xee, VOLUME_SIZE, 0);
        volume_get(old, sizeof(old), 0);
        volume_format(4096);
        now = disk_contents();
        assert_null(memmem(now, DATA_AT, old, sizeof(old)));
        volume_get(data, sizeof(data), DATA_AT);
        assert_memory_equal(data, old, sizeof(old));
        h = volume_read();
        assert_int_equal(volume_opens(h, 0, volume_secret, NULL), 0);
}

static int try_new(uint32_t sector_size, struct diag *diag)
{
        struct header *h CLEANUP_HEADER = NULL;
        struct token token;
        struct enrolment e = {.secret = volume_secret, .token = &token};

        fill_token(&token);
        return enrol_new(volume, UUID, sector_size, &e, &h, diag);
}

static void test_sizes(void **state)
{
        struct diag diag = DIAG_INIT;

        (void)state;
        volume_blank(DATA_AT + (1 << 20));
        assert_int_equal(try_new(4096, &diag), 0);
        volume_blank(DATA_AT + (1 << 20) - 1);
        assert_int_equal(try_new(4096, &diag), VOLUME_E_TOO_SMALL);
        assert_string_equal(diag.rule, "too-small");
        assert_non_null(strstr(diag.advice, "17 MiB"));
        (void)unlink(volume);
        assert_int_equal(try_new(4096, &diag), -ENOENT);
}

/* What cryptsetup would make, the rules refuse before anything is written. */
static void test_new_header_is_judged(void **state)
{
        CLEANUP_FREE char *now = NULL, *zeros = calloc(1, DATA_AT);
        struct diag diag = DIAG_INIT;

        (void)state;
        volume_blank(VOLUME_SIZE);
        assert_int_equal(try_new(1024, &diag), VOLUME_E_RULE);
        assert_string_equal(diag.rule, "sector-size");
        now = disk_contents();
        assert_memory_equal(now, zeros, DATA_AT);
}

static void test_open(void **state)
{
        CLEANUP_FD int first = -1, second = -1;
        struct diag diag = DIAG_INIT;

        (void)state;
        volume_make(4096);
        assert_int_equal(store_open(volume, STORE_UPDATE, &first, &diag), 0);
        assert_int_equal(store_open(volume, STORE_NEW, &second, &diag), VOLUME_E_BUSY);
        assert_string_equal(diag.rule, "in-use");
        assert_int_equal(second, -1);
        close_fd(take_fd(&first));
        assert_int_equal(store_open(volume, STORE_NEW, &second, &diag), 0);
        (void)unlink(volume);
        assert_int_equal(store_open(volume, STORE_UPDATE, &first, &diag), -ENOENT);
        assert_int_equal(store_open(folder, STORE_UPDATE, &first, &diag), -EISDIR);
        assert_int_equal(first, -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_first_store_leaves_nothing_old),
            cmocka_unit_test(test_sizes),
            cmocka_unit_test(test_new_header_is_judged),
            cmocka_unit_test(test_open),
        };

        return cmocka_run_group_tests_name("store-new", tests, folder_make, folder_remove);
}
