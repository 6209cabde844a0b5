/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* audit/audit.h, writing: what a line holds, and that the chain goes on: over a restart, a
 * rotation, a power cut and a full disk. */

#include "audit-fixture.h"

#include "base/json.h"

/* How many bytes the next write takes (-1: all), and whether what it wrote can be taken back. */
static ssize_t short_write = -1;
static bool keep_grown;

ssize_t __real_write(int fd, const void *buf, size_t size);
ssize_t __wrap_write(int fd, const void *buf, size_t size);
int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);

ssize_t __wrap_write(int fd, const void *buf, size_t size)
{
        const ssize_t limit = short_write;

        short_write = -1;
        if (limit == 0) {
                errno = ENOSPC;
                return -1;
        }
        return __real_write(fd, buf, limit > 0 && (size_t)limit < size ? (size_t)limit : size);
}

int __wrap_ftruncate(int fd, off_t size)
{
        errno = EPERM;
        return keep_grown ? -1 : __real_ftruncate(fd, size);
}

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

/* A power cut anywhere in the last line. */
static void test_torn(void **state)
{
        char *text CLEANUP_FREE = NULL, last[65];
        const char *line;
        size_t len = 0, start;

        (void)state;
        write_lines(3);
        text = read_file(log_path, &len);
        line = memrchr(text, '\n', len - 1);
        assert_non_null(line);
        start = (size_t)(line - text) + 1;
        for (size_t cut = start; cut <= len; cut++) {
                char *now CLEANUP_FREE = NULL, bytes[40];
                const bool torn = cut > start && cut < len - 1;
                size_t now_len;

                put_file(log_path, text, cut);
                write_lines(2);
                now = read_file(log_path, &now_len);
                whole(log_path, AUDIT_HASH_NONE, cut == start ? 4 : torn ? 6 : 5, last);
                assert_memory_equal(now, text, cut);
                assert_int_equal(strstr(now, "\"event\":\"torn-line\"") != NULL, torn);
                (void)snprintf(bytes, sizeof(bytes), "\"torn_bytes\":%zu}", cut - start);
                assert_int_equal(strstr(now, bytes) != NULL, torn);
        }
}

/* Once more while that was written down; and by what some file systems leave. */
static void test_torn_again(void **state)
{
        static const char zeros[100];
        char *text CLEANUP_FREE = NULL, *rest CLEANUP_FREE = NULL, last[65];
        size_t len, rest_len;

        (void)state;
        write_lines(3);
        text = read_file(log_path, &len);
        put_file(log_path, text, len - 10);
        write_lines(1);
        rest = read_file(log_path, &rest_len);
        for (size_t cut = len - 9; cut < rest_len; cut++) {
                put_file(log_path, rest, cut);
                write_lines(1);
                assert_int_equal(
                    audit_verify(log_path, AUDIT_HASH_NONE, &(uint64_t){0}, last, NULL), 0);
        }
        memcpy(text + len - sizeof(zeros), zeros, sizeof(zeros));
        put_file(log_path, text, len);
        write_lines(1);
        assert_int_equal(audit_verify(log_path, AUDIT_HASH_NONE, &(uint64_t){0}, last, NULL), 0);
        put_file(log_path, zeros, sizeof(zeros));
        write_lines(1);
        whole(log_path, AUDIT_HASH_NONE, 3, last);
}

static void test_first_line_torn(void **state)
{
        char *text CLEANUP_FREE = NULL, last[65];
        size_t len;

        (void)state;
        write_lines(1);
        text = read_file(log_path, &len);
        for (size_t cut = 1; cut < len - 1; cut++) {
                put_file(log_path, text, cut);
                write_lines(1);
                whole(log_path, AUDIT_HASH_NONE, 3, last);
        }
}

/* A disk that is full midway: the line is taken back, or kept as a torn one. */
static void test_full_disk(void **state)
{
        struct audit *audit CLEANUP_AUDIT = open_log();
        struct audit_entry e = AUDIT_ENTRY_INIT;
        char last[65];

        (void)state;
        e.event = "probe";
        write_entry(audit, "one");
        short_write = 0;
        assert_int_equal(audit_write(audit, &e, 0), -ENOSPC);
        short_write = 20;
        assert_int_equal(audit_write(audit, &e, 0), -ENOSPC);
        whole(log_path, AUDIT_HASH_NONE, 1, last);
        write_entry(audit, "two");
        whole(log_path, AUDIT_HASH_NONE, 2, last);

        keep_grown = true;
        for (int i = 0; i < 3; i++) {
                short_write = 30 + i;
                assert_int_equal(audit_write(audit, &e, 0), -ENOSPC);
        }
        short_write = 1; /* nothing but the newline before the line */
        assert_int_equal(audit_write(audit, &e, 0), -ENOSPC);
        keep_grown = false;
        write_entry(audit, "three");
        assert_int_equal(audit_verify(log_path, AUDIT_HASH_NONE, &(uint64_t){0}, last, NULL), 0);
        assert_string_equal(last, audit_last(audit));
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
        static char much[100000];
        char *now CLEANUP_FREE = NULL;
        struct diag diag;
        size_t len;

        (void)state;
        put_file(log_path, text, strlen(text));
        assert_int_equal(open_fails(log_path, &diag), AUDIT_E_BROKEN);
        assert_string_equal(diag.rule, "audit-chain");
        now = read_file(log_path, &len);
        assert_string_equal(now, text);
        memset(much, '{', sizeof(much));
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
            cmocka_unit_test_setup(test_rotation_fails, files_remove),
            cmocka_unit_test_setup(test_torn, files_remove),
            cmocka_unit_test_setup(test_torn_again, files_remove),
            cmocka_unit_test_setup(test_first_line_torn, files_remove),
            cmocka_unit_test_setup(test_full_disk, files_remove),
            cmocka_unit_test_setup(test_unsafe, files_remove),
            cmocka_unit_test_setup(test_no_log, files_remove),
        };

        return cmocka_run_group_tests_name("audit", tests, folder_make, folder_remove);
}
