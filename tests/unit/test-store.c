/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/enrol.h and volume/store.h: recipients come and go, on the disk as in memory; nobody's
 * change is overwritten; what is gone is gone from the disk. */

#include "volume-fixture.h"

/* Adds a recipient, of a key of its own, to *after and returns its token's id. */
static int add(struct header *after, const struct secret *secret, struct diag *diag)
{
        struct secret *passphrase CLEANUP_SECRET = NULL;
        struct token token;
        struct enrolment e = {.secret = secret, .token = &token};
        int id = 0, r;
        char uri[KEYURI_MAX];
        static int keys;

        fill_token(&token);
        (void)snprintf(uri, sizeof(uri), "aws-kms://arn:aws:kms:eu-west-1:%012d:key/x", ++keys);
        assert_int_equal(keyuri_parse(uri, &token.key, NULL), 0);
        assert_int_equal(
            header_authenticate(after, after->tokens[0], volume_secret, &passphrase, diag), 0);
        r = enrol_add(after, after->tokens[0]->keyslot, passphrase, &e, diag);
        if (r != 0)
                return r > 0 ? -1000 - r : r;
        while (!after->tokens[id] || after->tokens[id]->keyslot != token.keyslot)
                assert_in_range(++id, 1, HEADER_TOKENS_MAX - 1);
        return id;
}

static struct secret *new_secret(void)
{
        struct secret *s = NULL;

        assert_int_equal(secret_random(TOKEN_SECRET_SIZE, &s), 0);
        return s;
}

static void test_add_and_remove(void **state)
{
        struct secret *second CLEANUP_SECRET = new_secret();
        struct header *before CLEANUP_HEADER = NULL, *after CLEANUP_HEADER = NULL,
                              *both CLEANUP_HEADER = NULL, *one CLEANUP_HEADER = NULL;
        struct diag diag = DIAG_INIT;

        (void)state;
        volume_make(4096);
        before = volume_read();
        after = volume_read_writable();
        assert_int_equal(add(after, second, &diag), 1);
        assert_int_equal(volume_update(before, after, &diag), 0);
        both = volume_read_writable();
        assert_int_equal(volume_opens(both, 0, volume_secret, &diag), 0);
        assert_int_equal(volume_opens(both, 1, second, &diag), 0);
        assert_int_equal(volume_opens(both, 1, volume_secret, &diag), VOLUME_E_MAC);
        assert_int_not_equal(both->tokens[0]->keyslot, both->tokens[1]->keyslot);
        assert_string_equal(both->binding.digest_value, before->binding.digest_value);

        header_free(before);
        before = volume_read();
        assert_int_equal(enrol_remove(both, 0, &diag), 0);
        assert_null(both->tokens[0]);
        assert_int_equal(volume_update(before, both, &diag), 0);
        one = volume_read();
        assert_null(one->tokens[0]);
        assert_false(one->keyslots[0].used);
        assert_int_equal(volume_opens(one, 1, second, &diag), 0);
}

/* The key material of a recipient that is gone is nowhere, in the copy or on the disk. */
static void test_removed_material_is_wiped(void **state)
{
        struct header *before CLEANUP_HEADER = NULL, *after CLEANUP_HEADER = NULL;
        struct secret *second CLEANUP_SECRET = new_secret();
        CLEANUP_FREE char *old = NULL, *now = NULL;
        struct diag diag = DIAG_INIT;
        char copy[64];
        size_t at, size;

        (void)state;
        volume_make(4096);
        before = volume_read();
        at = before->keyslots[0].offset;
        size = before->keyslots[0].size;
        assert_true(at >= 2 * AREA && size >= 64 * 4000 && at + size < DATA_AT);
        old = disk_contents();
        after = volume_read_writable();
        assert_int_equal(add(after, second, &diag), 1);
        assert_int_equal(enrol_remove(after, 0, &diag), 0);
        assert_int_equal(pread_full(after->memory, copy, sizeof(copy), (off_t)at), 0);
        assert_memory_not_equal(copy, old + at, sizeof(copy));
        assert_int_equal(volume_update(before, after, &diag), 0);
        now = disk_contents();
        for (size_t i = 0; i + 64 <= 64 * 4000; i += 2048)
                assert_null(memmem(now, 1 << 20, old + at + i, 64));
}

static void test_add_needs_a_passphrase(void **state)
{
        struct header *h CLEANUP_HEADER = NULL;
        struct secret *secret CLEANUP_SECRET = new_secret(), *wrong CLEANUP_SECRET = new_secret();
        struct token token;
        struct enrolment e = {.secret = secret, .token = &token};
        struct diag diag = DIAG_INIT;

        (void)state;
        volume_make(4096);
        h = volume_read_writable();
        fill_token(&token);
        assert_int_equal(enrol_add(h, 0, wrong, &e, &diag), VOLUME_E_KEYSLOT);
        assert_string_equal(diag.rule, "keyslot");
        assert_null(h->tokens[1]);
}

/* Until the header's JSON is full: told so, and what is on the disk still opens. */
static void test_full(void **state)
{
        struct header *h CLEANUP_HEADER = NULL;
        struct secret *secret CLEANUP_SECRET = new_secret();
        struct diag diag = DIAG_INIT;
        int r, n = 1;

        (void)state;
        volume_make(4096);
        h = volume_read_writable();
        while ((r = add(h, secret, &diag)) == n)
                assert_in_range(++n, 2, HEADER_TOKENS_MAX);
        assert_int_equal(r, -ENOSPC);
        assert_true(n > 4);
        assert_true(diag.message[0] != '\0');
}

static void test_somebody_else_was_faster(void **state)
{
        struct header *before CLEANUP_HEADER = NULL, *mine CLEANUP_HEADER = NULL,
                              *theirs CLEANUP_HEADER = NULL;
        struct secret *secret CLEANUP_SECRET = new_secret();
        CLEANUP_FREE char *old = NULL, *now = NULL;
        struct diag diag = DIAG_INIT;

        (void)state;
        volume_make(4096);
        before = volume_read();
        mine = volume_read_writable();
        theirs = volume_read_writable();
        assert_int_equal(add(theirs, secret, &diag), 1);
        assert_int_equal(add(mine, secret, &diag), 1);
        assert_int_equal(volume_update(before, theirs, &diag), 0);
        old = disk_contents();
        assert_int_equal(volume_update(before, mine, &diag), VOLUME_E_BUSY);
        assert_string_equal(diag.rule, "header-changed");
        now = disk_contents();
        assert_memory_equal(now, old, DATA_AT);
}

static void newer(uint8_t area[AREA])
{
        area[SEQID_AT]++;
}

static void fill_with(uint8_t area[AREA])
{
        uint8_t *end = memchr(area + JSON_AT, '\0', AREA - JSON_AT);

        end[-1] = ' '; /* another text of the same counter, valid to who does not read it */
}

/* A change that leaves the counter as it is, of either copy, is one as well; and so is another disk
 * under the name, with the same bytes. */
static void test_changes_without_a_count(void **state)
{
        struct secret *secret CLEANUP_SECRET = new_secret();
        struct diag diag = DIAG_INIT;

        (void)state;
        for (int i = 0; i < 3; i++) {
                struct header *before CLEANUP_HEADER = NULL, *after CLEANUP_HEADER = NULL;
                CLEANUP_FREE char *old = NULL, *now = NULL;
                CLEANUP_FD int fd = -1;

                volume_make(4096);
                before = volume_read();
                after = volume_read_writable();
                assert_int_equal(add(after, secret, &diag), 1);
                if (i < 2)
                        volume_edit(i, fill_with);
                else
                        volume_make(4096); /* again */
                old = disk_contents();
                assert_int_equal(store_open(volume, STORE_UPDATE, &fd, &diag), 0);
                assert_int_equal(store_update(fd, before, after, &diag),
                                 i < 2 ? VOLUME_E_BUSY : VOLUME_E_TABLE);
                assert_string_equal(diag.rule, i < 2 ? "header-changed" : "disk-changed");
                assert_int_equal(store_complete(fd, before, &diag),
                                 i < 2 ? VOLUME_E_BUSY : VOLUME_E_TABLE);
                now = disk_contents();
                assert_memory_equal(now, old, DATA_AT);
        }
}

/* A write that a power cut tore, of either copy, and other damage do not stand in the way of the
 * next change, which makes both copies whole again. */
static void test_update_mends(void **state)
{
        struct secret *secret CLEANUP_SECRET = new_secret();
        struct diag diag = DIAG_INIT;

        (void)state;
        for (int i = 0; i < 6; i++) {
                struct header *before CLEANUP_HEADER = NULL, *after CLEANUP_HEADER = NULL,
                                      *now CLEANUP_HEADER = NULL;
                const int copy = i % 2;

                volume_make(4096);
                if (i < 4)
                        volume_edit(copy, newer); /* its first block is new, ... */
                if (i < 2)
                        volume_fill('{', 1, copy * AREA + JSON_AT + 1); /* ... the rest is not */
                else
                        volume_fill(0xff, i < 4 ? AREA - JSON_AT : AREA,
                                    copy * AREA + (i < 4 ? JSON_AT : 0));
                before = volume_read();
                after = volume_read_writable();
                assert_int_equal(add(after, secret, &diag), 1);
                if (volume_update(before, after, &diag) != 0)
                        fail_msg("damage %d: %s: %s", i, diag.rule, diag.message);
                volume_fill(0, AREA, !copy * AREA); /* leaves the one that was torn */
                now = volume_read();
                assert_int_equal(volume_opens(now, 1, secret, &diag), 0);
        }
}

/* A disk that cannot be written, or only in part. */
static void test_write_errors(void **state)
{
        struct header *before CLEANUP_HEADER = NULL, *after CLEANUP_HEADER = NULL;
        struct secret *secret CLEANUP_SECRET = new_secret();
        CLEANUP_FD int read_only = -1;
        struct diag diag = DIAG_INIT;

        (void)state;
        volume_make(4096);
        before = volume_read();
        after = volume_read_writable();
        assert_int_equal(add(after, secret, &diag), 1);
        read_only = open(volume, O_RDONLY | O_CLOEXEC);
        assert_int_equal(store_update(read_only, before, after, &diag), -EBADF);
        assert_non_null(strstr(diag.message, volume));
        assert_int_equal(store_new(read_only, after, &diag), -EBADF);
        assert_int_equal(store_update(-1, before, after, &diag), -EBADF);
}

/* Somebody else's change counts whichever copy it is in, also one that was torn. */
static void test_half_a_change(void **state)
{
        struct secret *secret CLEANUP_SECRET = new_secret();
        struct diag diag = DIAG_INIT;

        (void)state;
        for (int i = 0; i < 4; i++) {
                struct header *before CLEANUP_HEADER = NULL, *after CLEANUP_HEADER = NULL;
                const int copy = i % 2, torn = i > 1;

                volume_make(4096);
                before = volume_read();
                after = volume_read_writable();
                assert_int_equal(add(after, secret, &diag), 1);
                volume_edit(copy, newer);
                if (torn)
                        volume_fill('{', 1, copy * AREA + JSON_AT + 1);
                assert_int_equal(volume_update(before, after, &diag), VOLUME_E_BUSY);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_add_and_remove),
            cmocka_unit_test(test_removed_material_is_wiped),
            cmocka_unit_test(test_add_needs_a_passphrase),
            cmocka_unit_test(test_full),
            cmocka_unit_test(test_somebody_else_was_faster),
            cmocka_unit_test(test_changes_without_a_count),
            cmocka_unit_test(test_update_mends),
            cmocka_unit_test(test_half_a_change),
            cmocka_unit_test(test_write_errors),
        };

        return cmocka_run_group_tests_name("store", tests, folder_make, folder_remove);
}
