/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/activate.h: what is believed of a mapping that was just made or resumed. The kernel and
 * libcryptsetup are wrapped: they report success, and a live table that is wrong in one field. What
 * the child does is told by memory that it shares with the test. */

#include "volume-fixture.h"

#include <libcryptsetup.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "volume/table.h"
#include "volume/teardown.h"

enum { LONG_MS = 60000, MAJOR = 7, MINOR = 99 };

static const char name[] = "vol";

/* What was called, by whichever process, and what the mapping looks like at which question. */
static struct seen {
        int asked, activated, resumed, killed, suspended;
        int uses_name; /* each call named this volume */
        int dies;      /* the child does, with a mapping made */
        uint32_t flags;
        struct table tables[2];
} * seen;

static int faking; /* from here on the volume's file is a block device, and its keyslot opens */

int __real_stat64(const char *path, struct stat *ret);
int __wrap_stat64(const char *path, struct stat *ret);
int __wrap_table_ask(const char *mapping, struct table *ret, struct diag *diag);
int __real_crypt_volume_key_get(struct crypt_device *cd, int keyslot, char *key, size_t *size,
                                const char *passphrase, size_t passphrase_size);
int __wrap_crypt_volume_key_get(struct crypt_device *cd, int keyslot, char *key, size_t *size,
                                const char *passphrase, size_t passphrase_size);
int __wrap_crypt_activate_by_volume_key(struct crypt_device *cd, const char *mapping,
                                        const char *key, size_t size, uint32_t flags);
int __wrap_crypt_resume_by_volume_key(struct crypt_device *cd, const char *mapping, const char *key,
                                      size_t size);
int __wrap_rung_kill(const char *mapping, const char *uuid, struct diag *diag);
int __wrap_rung_suspend(const char *mapping, const char *uuid, int sync_ms, struct diag *diag);

int __wrap_stat64(const char *path, struct stat *ret)
{
        int r = __real_stat64(path, ret);

        if (r == 0 && faking && strcmp(path, volume) == 0) {
                ret->st_mode = S_IFBLK | 0600;
                ret->st_rdev = makedev(MAJOR, MINOR);
        }
        return r;
}

static void note(int *count, const char *mapping)
{
        (*count)++;
        seen->uses_name &= strcmp(mapping, name) == 0;
}

int __wrap_table_ask(const char *mapping, struct table *ret, struct diag *diag)
{
        (void)diag;
        *ret = seen->tables[seen->asked > 0];
        note(&seen->asked, mapping);
        return 0;
}

int __wrap_crypt_volume_key_get(struct crypt_device *cd, int keyslot, char *key, size_t *size,
                                const char *passphrase, size_t passphrase_size)
{
        if (!faking)
                return __real_crypt_volume_key_get(cd, keyslot, key, size, passphrase,
                                                   passphrase_size);
        memset(key, 0x6b, *size);
        return keyslot;
}

int __wrap_crypt_activate_by_volume_key(struct crypt_device *cd, const char *mapping,
                                        const char *key, size_t size, uint32_t flags)
{
        (void)cd;
        assert_true(size == 64 && key[63] == 0x6b);
        note(&seen->activated, mapping);
        seen->flags = flags;
        if (seen->dies)
                (void)kill(getpid(), SIGKILL);
        return 0;
}

int __wrap_crypt_resume_by_volume_key(struct crypt_device *cd, const char *mapping, const char *key,
                                      size_t size)
{
        (void)cd;
        assert_true(size == 64 && key[63] == 0x6b);
        note(&seen->resumed, mapping);
        return 0;
}

int __wrap_rung_kill(const char *mapping, const char *uuid, struct diag *diag)
{
        (void)uuid;
        (void)diag;
        note(&seen->killed, mapping);
        return 0;
}

int __wrap_rung_suspend(const char *mapping, const char *uuid, int sync_ms, struct diag *diag)
{
        (void)uuid;
        (void)sync_ms;
        (void)diag;
        note(&seen->suspended, mapping);
        return 0;
}

static struct header *header;
static struct secret *passphrase;

static int setup(void **state)
{
        int r = folder_make(state);

        seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (r != 0 || seen == MAP_FAILED)
                return -1;
        volume_make(4096);
        header = volume_read();
        faking = 1;
        header->rdev = makedev(MAJOR, MINOR);
        return secret_random(32, &passphrase);
}

static int teardown(void **state)
{
        secret_free(passphrase);
        header_free(header);
        (void)munmap(seen, sizeof(*seen));
        return folder_remove(state);
}

static struct activation activation(void)
{
        return (struct activation){
            .header = header,
            .name = name,
            .passphrase = passphrase,
            .no_read_workqueue = 1,
            .timeout_ms = LONG_MS,
        };
}

/* As it must be after an activation with these flags. */
static struct table good_table(void)
{
        struct table t = {
            .exists = 1,
            .live = 1,
            .targets = 1,
            .target = "crypt",
            .length = (VOLUME_SIZE - DATA_AT) / 512,
            .cipher = "aes-xts-plain64",
            .key = TABLE_KEY_KEYRING,
            .data_major = MAJOR,
            .data_minor = MINOR,
            .data_offset = DATA_AT / 512,
            .sector_size = 4096,
            .no_read_workqueue = 1,
        };
        const char *uuid = header->binding.uuid;
        size_t n = strlen(strcpy(t.dm_uuid, "CRYPT-LUKS2-"));

        for (; *uuid; uuid++)
                if (*uuid != '-')
                        t.dm_uuid[n++] = *uuid;
        (void)snprintf(t.dm_uuid + n, sizeof(t.dm_uuid) - n, "-%s", name);
        (void)snprintf(t.key_description, sizeof(t.key_description), ":64:logon:cryptsetup:%s-d0",
                       header->binding.uuid);
        return t;
}

static void begin(void)
{
        *seen = (struct seen){.uses_name = 1, .tables = {good_table(), good_table()}};
}

/* For a resume: suspended and without a key at the first question, good at the second. */
static void begin_suspended(void)
{
        begin();
        seen->tables[0].suspended = 1;
        seen->tables[0].key = TABLE_KEY_WIPED;
        strcpy(seen->tables[0].key_description, "-");
}

/* One wrong field each. */
#define SPOIL(what, change)                                                                        \
        static void spoil_##what(struct table *t)                                                  \
        {                                                                                          \
                change;                                                                            \
        }

SPOIL(gone, *t = (struct table){.exists = 0})
SPOIL(no_target, t->targets = 0)
SPOIL(targets, t->targets = 2)
SPOIL(target, strcpy(t->target, "linear"))
SPOIL(start, t->start = 8)
SPOIL(other_uuid, t->dm_uuid[12] ^= 1)
SPOIL(other_name, strcat(t->dm_uuid, "x"))
SPOIL(no_uuid, t->dm_uuid[0] = '\0')
SPOIL(cipher, strcpy(t->cipher, "cipher_null-ecb"))
SPOIL(iv, t->iv_offset = 8)
SPOIL(offset, t->data_offset = 0)
SPOIL(sectors, t->sector_size = 512)
SPOIL(major, t->data_major++)
SPOIL(minor, t->data_minor++)
SPOIL(shorter, t->length -= 8)
SPOIL(longer, t->length += 8)
SPOIL(key_in_table, t->key = TABLE_KEY_OTHER)
SPOIL(key_wiped, t->key = TABLE_KEY_WIPED)
SPOIL(other_key, strcpy(t->key_description, ":64:logon:cryptsetup:other-d0"))
SPOIL(user_key, memcpy(t->key_description, ":64:user:", 9))
SPOIL(short_key, memcpy(t->key_description, ":32:", 4))
SPOIL(suspended, t->suspended = 1)
SPOIL(options, t->other_options = 1)
SPOIL(discards, t->discards = !t->discards)
SPOIL(read_queue, t->no_read_workqueue = !t->no_read_workqueue)
SPOIL(write_queue, t->no_write_workqueue = !t->no_write_workqueue)

static const struct row {
        const char *what;
        void (*spoil)(struct table *t);
        const char *at_rest; /* the rule that refuses a resume of such a mapping; NULL: none */
} rows[] = {
    {"gone", spoil_gone, "not-open"},
    {"no target", spoil_no_target, "live-table"},
    {"two targets", spoil_targets, "live-table"},
    {"target", spoil_target, "live-table"},
    {"start", spoil_start, "live-table"},
    {"other UUID", spoil_other_uuid, "uuid-changed"},
    {"other name", spoil_other_name, "uuid-changed"},
    {"no UUID", spoil_no_uuid, "uuid-changed"},
    {"cipher", spoil_cipher, "live-table"},
    {"IV offset", spoil_iv, "live-table"},
    {"data offset", spoil_offset, "live-table"},
    {"sector size", spoil_sectors, "live-table"},
    {"major", spoil_major, "live-table"},
    {"minor", spoil_minor, "live-table"},
    {"shorter", spoil_shorter, "live-table"},
    {"longer", spoil_longer, "live-table"},
    {"key in the table", spoil_key_in_table, NULL},
    {"key wiped", spoil_key_wiped, NULL},
    {"other key", spoil_other_key, NULL},
    {"user's key", spoil_user_key, NULL},
    {"short key", spoil_short_key, NULL},
    {"suspended", spoil_suspended, NULL},
    {"other options", spoil_options, "live-table"},
    {"discards", spoil_discards, NULL},
    {"read queue", spoil_read_queue, NULL},
    {"write queue", spoil_write_queue, NULL},
};

static void test_good(void **state)
{
        const struct activation a = activation();
        struct diag diag = DIAG_INIT;

        (void)state;
        begin();
        if (volume_activate(&a, &diag) != 0)
                fail_msg("refused: %s: %s", diag.rule, diag.message);
        assert_int_equal(seen->activated, 1);
        assert_int_equal(seen->asked, 1);
        assert_int_equal(seen->killed, 0);
        assert_true(seen->uses_name);
        assert_int_equal(seen->flags,
                         CRYPT_ACTIVATE_IGNORE_PERSISTENT | CRYPT_ACTIVATE_NO_READ_WORKQUEUE);
}

static void test_wrong_table_is_killed(void **state)
{
        const struct activation a = activation();

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct diag diag = DIAG_INIT;

                begin();
                rows[i].spoil(&seen->tables[0]);
                ROW_ASSERT(volume_activate(&a, &diag) == VOLUME_E_TABLE, rows[i].what);
                ROW_ASSERT(strcmp(diag.rule, "live-table") == 0, rows[i].what);
                ROW_ASSERT(seen->activated == 1 && seen->killed == 1, rows[i].what);
                ROW_ASSERT(seen->uses_name, rows[i].what);
        }
}

/* Nobody has looked at what a child left that died. */
static void test_dead_child_is_cleaned_up_after(void **state)
{
        const struct activation a = activation();
        struct diag diag = DIAG_INIT;

        (void)state;
        begin();
        seen->dies = 1;
        assert_int_equal(volume_activate(&a, &diag), VOLUME_E_DIED);
        assert_int_equal(seen->activated, 1);
        assert_int_equal(seen->killed, 1);
        assert_true(seen->uses_name);
}

static void test_changed_disk_gets_no_mapping(void **state)
{
        const struct activation a = activation();
        struct diag diag = DIAG_INIT;

        (void)state;
        begin();
        header->rdev = makedev(MAJOR, MINOR + 1);
        assert_int_equal(volume_activate(&a, &diag), VOLUME_E_TABLE);
        header->rdev = makedev(MAJOR, MINOR);
        assert_string_equal(diag.rule, "disk-changed");
        assert_int_equal(seen->activated, 0);
}

static void test_good_resume(void **state)
{
        const struct activation a = activation();
        struct diag diag = DIAG_INIT;

        (void)state;
        begin_suspended();
        if (volume_resume(&a, &diag) != 0)
                fail_msg("refused: %s: %s", diag.rule, diag.message);
        assert_int_equal(seen->resumed, 1);
        assert_int_equal(seen->asked, 2);
        assert_int_equal(seen->suspended, 0);
        assert_true(seen->uses_name);
}

/* Whatever it became by the resume. */
static void test_wrong_table_is_suspended_again(void **state)
{
        const struct activation a = activation();

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct diag diag = DIAG_INIT;

                begin_suspended();
                rows[i].spoil(&seen->tables[1]);
                ROW_ASSERT(volume_resume(&a, &diag) == VOLUME_E_TABLE, rows[i].what);
                ROW_ASSERT(strcmp(diag.rule, "live-table") == 0, rows[i].what);
                ROW_ASSERT(seen->resumed == 1 && seen->suspended == 1, rows[i].what);
                ROW_ASSERT(seen->uses_name, rows[i].what);
        }
}

/* Which gets no key. The flags that it has stay; they are no part of what the header says. */
static void test_wrong_mapping_is_not_resumed(void **state)
{
        const struct activation a = activation();

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct diag diag = DIAG_INIT;

                if (!rows[i].at_rest)
                        continue;
                begin_suspended();
                rows[i].spoil(&seen->tables[0]);
                ROW_ASSERT(volume_resume(&a, &diag) > 0, rows[i].what);
                if (strcmp(diag.rule, rows[i].at_rest) != 0)
                        fail_msg("%s: rule %s", rows[i].what, diag.rule);
                ROW_ASSERT(seen->resumed == 0, rows[i].what);
        }
}

static void test_flags_stay_over_a_resume(void **state)
{
        const struct activation a = activation();
        struct diag diag = DIAG_INIT;

        (void)state;
        begin_suspended();
        for (int i = 0; i < 2; i++) {
                spoil_discards(&seen->tables[i]);
                spoil_read_queue(&seen->tables[i]);
                spoil_write_queue(&seen->tables[i]);
        }
        if (volume_resume(&a, &diag) != 0)
                fail_msg("refused: %s: %s", diag.rule, diag.message);
        assert_int_equal(seen->suspended, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_good),
            cmocka_unit_test(test_wrong_table_is_killed),
            cmocka_unit_test(test_dead_child_is_cleaned_up_after),
            cmocka_unit_test(test_changed_disk_gets_no_mapping),
            cmocka_unit_test(test_good_resume),
            cmocka_unit_test(test_wrong_table_is_suspended_again),
            cmocka_unit_test(test_wrong_mapping_is_not_resumed),
            cmocka_unit_test(test_flags_stay_over_a_resume),
        };

        return cmocka_run_group_tests_name("activate", tests, setup, teardown);
}
