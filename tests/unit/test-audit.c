/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* audit/audit.h, writing: what a line holds, and that the chain goes on: over a restart, a
 * rotation, a power cut and a full disk. */

#include "audit-fixture.h"

static void test_line(void **state)
{
        const struct audit_entry e = {.event = "rung",
                                      .volume = "data",
                                      .uuid = "u",
                                      .key = "aws-kms://x",
                                      .role = "temp",
                                      .use = "keyslot",
                                      .verdict = "key-state",
                                      .code = "Disabled\"Exception\n",
                                      .request_id = "r-1",
                                      .state = "revoked",
                                      .rung = "suspend",
                                      .outcome = "done",
                                      .message = "",
                                      .table = "wiped",
                                      .keyring_keys = 0,
                                      .duration_ms = 31};
        static const char begin[] = "{\"seq\":1,\"prev\":\"" AUDIT_HASH_NONE "\",\"time\":\"20";
        static const char end[] =
            "\",\"event\":\"rung\",\"volume\":\"data\",\"uuid\":\"u\",\"key\":\"aws-kms://x\","
            "\"role\":\"temp\",\"use\":\"keyslot\",\"verdict\":\"key-state\","
            "\"code\":\"Disabled\\\"Exception\\u000a\",\"request_id\":\"r-1\","
            "\"state\":\"revoked\",\"rung\":\"suspend\",\"outcome\":\"done\",\"table\":\"wiped\","
            "\"keyring_keys\":0,\"duration_ms\":31}\n";
        struct audit *audit CLEANUP_AUDIT = open_log();
        char *text CLEANUP_FREE = NULL, last[65];
        struct stat st;
        size_t len = 0;

        (void)state;
        assert_string_equal(audit_last(audit), AUDIT_HASH_NONE);
        assert_int_equal(audit_write(audit, &e, 1), 0);
        text = read_file(log_path, &len);
        assert_memory_equal(text, begin, strlen(begin));
        assert_non_null(strstr(text, "Z\",\"boot\":\""));
        assert_string_equal(text + len - strlen(end), end);
        assert_int_equal(stat(log_path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        whole(log_path, AUDIT_HASH_NONE, 1, last);
        assert_string_equal(audit_last(audit), last);
}

static void test_nothing_said(void **state)
{
        struct audit_entry e = AUDIT_ENTRY_INIT;
        struct audit *audit CLEANUP_AUDIT = open_log();
        char *text CLEANUP_FREE = NULL;
        size_t len;

        (void)state;
        e.event = "agent-start";
        assert_int_equal(audit_write(audit, &e, 0), 0);
        text = read_file(log_path, &len);
        assert_non_null(strstr(text, "\",\"event\":\"agent-start\"}\n"));
}

static void test_too_long(void **state)
{
        struct audit *audit CLEANUP_AUDIT = open_log();
        struct audit_entry e = AUDIT_ENTRY_INIT;
        static char message[20000];
        char last[65];

        (void)state;
        memset(message, 'x', sizeof(message) - 1);
        e.event = "probe";
        e.message = message;
        assert_int_equal(audit_write(audit, &e, 0), -ENOBUFS);
        write_entry(audit, "short");
        whole(log_path, AUDIT_HASH_NONE, 1, last);
}

static void test_restart(void **state)
{
        char first[65], second[65];

        (void)state;
        write_lines(3);
        whole(log_path, AUDIT_HASH_NONE, 3, first);
        write_lines(2);
        whole(log_path, AUDIT_HASH_NONE, 5, second);
        assert_string_not_equal(first, second);
}

/* By rename, with a new file made for us or not, whether an agent runs meanwhile or not. */
static void test_rotation(void **state)
{
        (void)state;
        for (int way = 0; way < 4; way++) {
                struct audit *audit CLEANUP_AUDIT = NULL;
                char last[65];

                (void)files_remove(NULL);
                audit = open_log();
                write_entry(audit, "one");
                write_entry(audit, "two");
                assert_int_equal(rename(log_path, old_path), 0);
                if (way & 1)
                        put_file(log_path, "", 0);
                if (way & 2) {
                        audit_close(audit);
                        audit = open_log();
                }
                write_entry(audit, "three");
                write_entry(audit, "four");
                whole(old_path, AUDIT_HASH_NONE, 2, last);
                whole(log_path, last, 2, last);
                assert_string_equal(last, audit_last(audit));
        }
}

/* The newline is torn off the old file: nothing of the new one's business. */
static void test_rotation_unended(void **state)
{
        char *text CLEANUP_FREE = NULL, last[65];
        size_t len;

        (void)state;
        write_lines(2);
        text = read_file(log_path, &len);
        put_file(old_path, text, len - 1);
        assert_int_equal(unlink(log_path), 0);
        write_lines(2);
        whole(old_path, AUDIT_HASH_NONE, 2, last);
        whole(log_path, last, 2, last);
}

/* Each file follows the one before it, and says so. */
static void test_files(void **state)
{
        struct diag diag = DIAG_INIT;
        char first[65], last[65];
        uint64_t lines;

        (void)state;
        write_lines(3);
        assert_int_equal(rename(log_path, old_path), 0);
        write_lines(2);
        whole(old_path, AUDIT_HASH_NONE, 3, first);
        whole(log_path, first, 2, last);
        whole(log_path, NULL, 2, last);
        assert_int_equal(audit_verify(log_path, AUDIT_HASH_NONE, &lines, last, &diag),
                         AUDIT_E_BROKEN);
        assert_non_null(strstr(diag.message, "line 1 has seq 4, not 1"));
        assert_int_equal(audit_verify(log_path, last, &lines, last, &diag), AUDIT_E_BROKEN);
        assert_non_null(strstr(diag.message, "line 1 does not follow the last line of the file"));
        assert_int_equal(audit_verify(old_path, first, &lines, last, &diag), AUDIT_E_BROKEN);
        put_file(log_path, "", 0);
        whole(log_path, first, 0, last);
        assert_string_equal(first, last);
        (void)unlink(log_path);
        assert_int_equal(audit_verify(log_path, NULL, &lines, last, &diag), -ENOENT);
}

/* The path leads nowhere: the line is not lost, and it is told. */
static void test_rotation_fails(void **state)
{
        struct audit *audit CLEANUP_AUDIT = open_log();
        struct audit_entry e = AUDIT_ENTRY_INIT;
        char last[65];

        (void)state;
        e.event = "probe";
        write_entry(audit, "one");
        assert_int_equal(rename(log_path, old_path), 0);
        assert_int_equal(mkdir(log_path, 0755), 0);
        assert_true(audit_write(audit, &e, 0) < 0);
        assert_int_equal(rmdir(log_path), 0);
        write_entry(audit, "three");
        whole(old_path, AUDIT_HASH_NONE, 2, last);
        whole(log_path, last, 1, last);
}

static int open_fails(const char *path, struct diag *diag)
{
        struct audit *audit = NULL;
        int r;

        *diag = DIAG_INIT;
        r = audit_open(path, &audit, diag);
        assert_null(audit);
        assert_true(diag->message[0]);
        return r;
}

static void test_unsafe(void **state)
{
        struct diag diag;

        (void)state;
        assert_int_equal(chmod(folder, 0777), 0);
        assert_int_equal(open_fails(log_path, &diag), AUDIT_E_UNSAFE);
        assert_int_equal(access(log_path, F_OK), -1);
        assert_int_equal(chmod(folder, 0700), 0);

        write_lines(1);
        assert_int_equal(chmod(log_path, 0660), 0);
        assert_int_equal(open_fails(log_path, &diag), AUDIT_E_UNSAFE);
        assert_int_equal(chmod(log_path, 0640), 0);
        assert_int_equal(link(log_path, old_path), 0);
        assert_int_equal(open_fails(log_path, &diag), AUDIT_E_UNSAFE);
        assert_string_equal(diag.rule, "unsafe-file");
        assert_int_equal(unlink(log_path), 0);
        assert_int_equal(symlink(old_path, log_path), 0);
        assert_int_equal(open_fails(log_path, &diag), -ELOOP);
        assert_int_equal(open_fails("/nowhere/audit.jsonl", &diag), -ENOENT);
        assert_int_equal(open_fails("audit.jsonl", &diag), -EINVAL);
        assert_int_equal(open_fails("/dev/null", &diag), AUDIT_E_UNSAFE);
}

/* A wrong AuditLog= is not written to. */
static void test_no_log(void **state)
{
        static const char text[] = "root:x:0:0\n{\"seq\":1}\n";
        static const char much[100000]; /* zeros: torn, were they not so many */
        char *now CLEANUP_FREE = NULL;
        struct diag diag;
        size_t len;

        (void)state;
        put_file(log_path, text, strlen(text));
        assert_int_equal(open_fails(log_path, &diag), AUDIT_E_BROKEN);
        assert_string_equal(diag.rule, "audit-chain");
        now = read_file(log_path, &len);
        assert_string_equal(now, text);
        put_file(log_path, much, sizeof(much));
        assert_int_equal(open_fails(log_path, &diag), AUDIT_E_BROKEN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(test_line, files_remove),
            cmocka_unit_test_setup(test_nothing_said, files_remove),
            cmocka_unit_test_setup(test_too_long, files_remove),
            cmocka_unit_test_setup(test_restart, files_remove),
            cmocka_unit_test_setup(test_rotation, files_remove),
            cmocka_unit_test_setup(test_rotation_unended, files_remove),
            cmocka_unit_test_setup(test_files, files_remove),
            cmocka_unit_test_setup(test_rotation_fails, files_remove),
            cmocka_unit_test_setup(test_unsafe, files_remove),
            cmocka_unit_test_setup(test_no_log, files_remove),
        };

        return cmocka_run_group_tests_name("audit", tests, folder_make, folder_remove);
}
