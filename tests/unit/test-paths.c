/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/paths.h: each kind of keyslot is listed as what it is, and other mappings are found. */

#include "rules-fixture.h"

#include <sys/stat.h>

#include "volume/paths.h"

#define URI        "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#define OTHER_UUID "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
#define FOREIGN(name, type, slots)                                                                 \
        "\"tokens\":{\"" name "\":{\"type\":\"" type "\",\"keyslots\":[" slots "]},\"0\":"

static struct path list[PATHS_MAX];

static void test_recipient(void **state)
{
        const char *const allowed[] = {"platform:file", URI};
        struct header *h CLEANUP_HEADER = new_header();

        (void)state;
        assert_int_equal(check(good, h, NULL), 0);
        assert_int_equal(paths_list(h, allowed, 2, NULL, 0, list), 2);
        assert_int_equal(list[0].kind, PATH_RECIPIENT);
        assert_int_equal(list[0].keyslot, 0);
        assert_string_equal(list[0].key, URI);
        assert_true(list[0].allowed);
        assert_false(list[0].watched);
        assert_null(strstr(list[0].note, "does not"));
        assert_int_equal(list[1].kind, PATH_BACKUP_HINT);
        assert_int_equal(list[1].keyslot, -1);

        assert_int_equal(paths_list(h, allowed, 1, NULL, 0, list), 2);
        assert_false(list[0].allowed);
        assert_non_null(strstr(list[0].note, "configuration does not allow the key"));
}

static void test_platform_file(void **state)
{
        CLEANUP_FREE char *text =
            exchanged(good, "\"key\":\"" URI "\"", "\"key\":\"platform:file\"");
        struct header *h CLEANUP_HEADER = new_header();

        (void)state;
        assert_int_equal(check(text, h, NULL), 0);
        (void)paths_list(h, NULL, 0, NULL, 0, list);
        assert_int_equal(list[0].kind, PATH_PLATFORM_FILE);
        assert_non_null(strstr(list[0].note, "key file"));
}

/* Tokens that are not ours, as the rules let them through. */
static void test_foreign_tokens(void **state)
{
        CLEANUP_FREE char *one = exchanged(
            good, "\"tokens\":{\"0\":", FOREIGN("7", "systemd-tpm2", "\"2\",\"3\",\"0\",\"99\""));
        CLEANUP_FREE char *two = exchanged(one, "\"tokens\":{\"7\":",
                                           "\"tokens\":{\"8\":{\"type\":\"systemd-recovery\","
                                           "\"keyslots\":[\"4\",\"3\"]},\"7\":");
        struct header *h CLEANUP_HEADER = new_header();

        (void)state;
        assert_int_equal(check(two, h, NULL), 0);
        h->keyslots[1].used = h->keyslots[2].used = h->keyslots[4].used = 1;
        assert_int_equal(paths_list(h, NULL, 0, NULL, 0, list), 5);
        assert_int_equal(list[0].kind, PATH_RECIPIENT);
        assert_non_null(strstr(list[0].note, "token systemd-tpm2 names its keyslot too"));
        assert_int_equal(list[1].kind, PATH_PASSPHRASE);
        assert_int_equal(list[1].keyslot, 1);
        assert_int_equal(list[2].kind, PATH_FOREIGN_TOKEN);
        assert_int_equal(list[2].keyslot, 2);
        assert_non_null(strstr(list[2].note, "token systemd-tpm2"));
        assert_int_equal(list[3].kind, PATH_RECOVERY);
        assert_int_equal(list[3].keyslot, 4);
        for (size_t i = 0; i < 4; i++)
                assert_true(!list[i].allowed && !list[i].watched);
}

static void test_hostile_type(void **state)
{
        CLEANUP_FREE char *text =
            exchanged(good, "\"tokens\":{\"0\":", FOREIGN("7", "a\\u001b[2Jb", "\"1\""));
        struct header *h CLEANUP_HEADER = new_header();

        (void)state;
        assert_int_equal(check(text, h, NULL), 0);
        assert_string_equal(h->foreign[1], "a?[2Jb");
}

static char folder[] = "/tmp/luks-kms-test-paths-XXXXXX";

static void put(const char *device, const char *name, const char *dm_uuid)
{
        const char *const files[][2] = {{"name", name}, {"uuid", dm_uuid}};
        char path[256];

        (void)snprintf(path, sizeof(path), "%s/block/%s", folder, device);
        assert_int_equal(mkdir(path, 0700), 0);
        (void)strcat(path, "/dm");
        assert_int_equal(mkdir(path, 0700), 0);
        for (size_t i = 0; i < 2; i++) {
                FILE *f CLEANUP_FILE = NULL;
                char file[280];

                (void)snprintf(file, sizeof(file), "%s/%s", path, files[i][0]);
                f = fopen(file, "we");
                assert_non_null(f);
                (void)fprintf(f, "%s\n", files[i][1]);
        }
}

static void test_mappings(void **state)
{
        struct paths_mapping found[PATHS_MAPPINGS_MAX];
        struct header *h CLEANUP_HEADER = new_header();
        char command[64];

        (void)state;
        assert_non_null(mkdtemp(folder));
        assert_int_equal(paths_mappings(folder, OTHER_UUID, "data", found), 0);
        (void)snprintf(command, sizeof(command), "%s/block", folder);
        assert_int_equal(mkdir(command, 0700), 0);
        put("dm-0", "data", "CRYPT-LUKS2-1b4e28ba2fa141d2883f0016d3cca427-data");
        put("dm-1", "sneaky", "CRYPT-LUKS2-1b4e28ba2fa141d2883f0016d3cca427-sneaky");
        put("dm-2", "other", "CRYPT-LUKS2-1b4e28ba2fa141d2883f0016d3cca428-other");
        put("dm-3", "vg-lv", "LVM-x");
        put("sda", "none", "CRYPT-LUKS2-1b4e28ba2fa141d2883f0016d3cca427-none");
        assert_int_equal(paths_mappings(folder, OTHER_UUID, "data", found), 1);
        assert_string_equal(found[0].name, "sneaky");

        assert_int_equal(check(good, h, NULL), 0);
        assert_int_equal(paths_list(h, NULL, 0, found, 1, list), 3);
        assert_int_equal(list[1].kind, PATH_OTHER_MAPPING);
        assert_non_null(strstr(list[1].note, "sneaky"));
        (void)snprintf(command, sizeof(command), "rm -r %s", folder);
        assert_int_equal(system(command), 0);
}

static void test_full(void **state)
{
        struct paths_mapping found[PATHS_MAPPINGS_MAX + 1] = {{"x"}};
        struct header *h CLEANUP_HEADER = new_header();

        (void)state;
        for (size_t i = 0; i < HEADER_KEYSLOTS_MAX; i++)
                h->keyslots[i].used = 1;
        assert_int_equal(paths_list(h, NULL, 0, found, LENGTH(found), list), PATHS_MAX);
}

static void test_names(void **state)
{
        (void)state;
        for (int i = 0; i < PATH_KINDS_; i++)
                assert_non_null(path_kind_name((enum path_kind)i));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_recipient),      cmocka_unit_test(test_platform_file),
            cmocka_unit_test(test_foreign_tokens), cmocka_unit_test(test_hostile_type),
            cmocka_unit_test(test_mappings),       cmocka_unit_test(test_full),
            cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
