/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* rung_erase() on a plain file: all key material goes, nothing else does, and a disk that drops
 * what it is given is found out. The linker sends fsync() here: after it, such a disk has the old
 * bytes. */

#include "volume-fixture.h"

#include "volume/rung.h"

int __real_fsync(int fd);
int __wrap_fsync(int fd);

static const char *dropped; /* what the disk goes back to at fsync(), or NULL */

int __wrap_fsync(int fd)
{
        if (dropped && pwrite_full(fd, dropped + 2 * AREA, DATA_AT - 2 * AREA - 4096, 2 * AREA) < 0)
                return -1;
        return __real_fsync(fd);
}

static void test_erase(void **state)
{
        struct header *h CLEANUP_HEADER = NULL;
        CLEANUP_FREE char *before = NULL, *after = NULL;
        struct diag diag = DIAG_INIT;
        size_t same = 0;
        char data[4096];

        (void)state;
        volume_make(4096);
        volume_fill(0x5a, 4096, DATA_AT);
        before = disk_contents();
        assert_int_equal(rung_erase(volume, UUID, &diag), 0);
        after = disk_contents();
        assert_memory_equal(before, after, 2 * AREA);
        for (size_t i = 2 * AREA; i + 16 <= DATA_AT; i += 16)
                same += memcmp(before + i, after + i, 16) == 0;
        assert_int_equal(same, 0);
        volume_get(data, sizeof(data), DATA_AT);
        for (size_t i = 0; i < sizeof(data); i++)
                assert_int_equal(data[i], 0x5a);
        h = volume_read();
        assert_int_equal(volume_opens(h, 0, volume_secret, &diag), VOLUME_E_KEYSLOT);
        assert_int_equal(rung_erase(volume, UUID, &diag), 0);
}

static void test_other_volume(void **state)
{
        CLEANUP_FREE char *before = NULL, *after = NULL;
        struct diag diag = DIAG_INIT;

        (void)state;
        volume_make(4096);
        before = disk_contents();
        assert_int_equal(rung_erase(volume, "00000000-0000-4000-8000-000000000000", &diag),
                         VOLUME_E_FOREIGN);
        assert_string_equal(diag.rule, "uuid-changed");
        after = disk_contents();
        assert_memory_equal(before, after, DATA_AT);
        assert_int_equal(rung_erase("/nonexistent", UUID, &diag), -ENOENT);
        volume_blank(VOLUME_SIZE);
        assert_int_equal(rung_erase(volume, UUID, &diag), VOLUME_E_NO_LUKS2);
}

static void test_disk_that_drops_writes(void **state)
{
        CLEANUP_FREE char *before = NULL;
        struct diag diag = DIAG_INIT;
        int r;

        (void)state;
        volume_make(4096);
        before = disk_contents();
        dropped = before;
        r = rung_erase(volume, UUID, &diag);
        dropped = NULL;
        assert_int_equal(r, VOLUME_E_TABLE);
        assert_string_equal(diag.rule, "keyslots-remain");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_erase),
            cmocka_unit_test(test_other_volume),
            cmocka_unit_test(test_disk_that_drops_writes),
        };

        return cmocka_run_group_tests_name("erase", tests, folder_make, folder_remove);
}
