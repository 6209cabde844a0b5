/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/mounts.h and volume/keys.h: what the kernel's text files say, odd paths included. */

#include "unit.h"

#include "base/cleanup.h"
#include "volume/keys.h"
#include "volume/mounts.h"

#define VOLUME "0b0f4f5c-9b1c-4f0e-8d57-0f0e4b2b7a11"

static char file[] = "/tmp/luks-kms-test-lists-XXXXXX";

static int make_file(void **state)
{
        int fd = mkstemp(file);

        (void)state;
        close_fd(fd);
        return fd < 0 ? -1 : 0;
}

static int remove_file(void **state)
{
        (void)state;
        return unlink(file);
}

static void write_file(const char *text)
{
        CLEANUP_FILE FILE *f = fopen(file, "we");

        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
}

static void test_mounts(void **state)
{
        struct mounts m CLEANUP_MOUNTS = {.text = NULL};

        (void)state;
        write_file(
            "22 1 254:0 / /mnt rw,noatime shared:1 - ext4 /dev/mapper/vol rw\n"
            "23 22 254:0 /a /mnt/with\\040blank\\134\\012 rw master:1 propagate_from:2 - ext4 "
            "/dev/mapper/vol rw\n"
            "24 1 0:40 / /b\\ rw - btrfs /dev/no\\040where rw,subvol=/\n"
            "25 22 8:1 / /mnt rw - xfs /dev/sda1 rw\n");
        assert_int_equal(mounts_read(file, &m), 0);
        assert_int_equal(m.count, 4);
        assert_string_equal(m.list[0].path, "/mnt");
        assert_string_equal(m.list[1].path, "/mnt/with blank\\\n");
        assert_string_equal(m.list[2].path, "/b\\");
        assert_string_equal(m.list[2].source, "/dev/no where");
        assert_true(mount_is_of(&m.list[0], 254, 0));
        assert_false(mount_is_of(&m.list[0], 254, 1));
        assert_false(mount_is_of(&m.list[2], 254, 0));
        assert_true(mount_is_of(&m.list[3], 8, 1));
        assert_true(mounts_covered(&m, 0));
        assert_false(mounts_covered(&m, 1));
        assert_false(mounts_covered(&m, 3));
}

static void test_bad_mounts(void **state)
{
        static const char *const texts[] = {
            "22 1 254:0 / /mnt rw shared:1 ext4 /dev/mapper/vol rw\n",
            "22 1 254:0 / /mnt rw - ext4\n",
            "22 1 dev / /mnt rw - ext4 /dev/a rw\n",
            "22 1 254:0\n",
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(texts); i++) {
                struct mounts m CLEANUP_MOUNTS = {.text = NULL};

                write_file(texts[i]);
                ROW_ASSERT(mounts_read(file, &m) == -EBADMSG, texts[i]);
        }
}

static void test_keys(void **state)
{
        int n = -1;

        (void)state;
        write_file("04f3a1b2 I--Q---     2 perm 1f3f0000     0 65534 keyring   _uid.0: 1\n"
                   "2b1bd1f5 I--Q---     1 perm 3f010000     0     0 logon     "
                   "cryptsetup:" VOLUME "-d0: 64\n"
                   "2b1bd1f6 I--Q---     1 perm 3f010000     0     0 user      "
                   "cryptsetup:" VOLUME "-d1: 64\n"
                   "2b1bd1f7 I--Q---     1 perm 3f010000     0     0 logon     "
                   "cryptsetup:1b0f4f5c-9b1c-4f0e-8d57-0f0e4b2b7a11-d0: 64\n"
                   "2b1bd1f8 I--Q---     1 perm 3f010000     0     0 logon     cryptsetup: 64\n");
        assert_int_equal(keys_count(file, VOLUME, &n), 0);
        assert_int_equal(n, 2);
        write_file("");
        assert_int_equal(keys_count(file, VOLUME, &n), 0);
        assert_int_equal(n, 0);
}

/* No proof where nothing can be seen. */
static void test_no_keys_file(void **state)
{
        int n = -1;

        (void)state;
        assert_int_equal(keys_count("/nonexistent", VOLUME, &n), -ENOENT);
        assert_int_equal(keys_count(file, "", &n), -EINVAL);
        assert_int_equal(n, -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_mounts),
            cmocka_unit_test(test_bad_mounts),
            cmocka_unit_test(test_keys),
            cmocka_unit_test(test_no_keys_file),
        };

        return cmocka_run_group_tests_name("kernel-lists", tests, make_file, remove_file);
}
