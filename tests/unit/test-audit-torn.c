/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* audit/audit.h: lines that are not whole: torn by a power cut or a full disk, or not written to
 * their end yet. The chain goes on over them, and what is torn stays as it was. */

#include "audit-fixture.h"

#include "base/clock.h"

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

/* What the agent adds to the log while somebody waits for it; "" for nothing. */
static const char *added_late = "";

void __wrap_clock_sleep_ms(uint64_t ms);

void __wrap_clock_sleep_ms(uint64_t ms)
{
        int fd CLEANUP_FD = open(log_path, O_WRONLY | O_APPEND | O_CLOEXEC);

        (void)ms;
        assert_int_equal(write_full(fd, added_late, strlen(added_late)), 0);
        added_late = "";
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

/* A torn line stands as it was torn, between the lines where it was torn. */
static void test_stays_torn(void **state)
{
        char *before CLEANUP_FREE = NULL, *text CLEANUP_FREE = NULL, last[65];
        struct diag diag = DIAG_INIT;
        size_t len, torn_from, torn_end;
        uint64_t lines;

        (void)state;
        write_lines(2);
        before = read_file(log_path, &len);
        torn_end = len - 7;
        torn_from = (size_t)(strchr(before, '\n') - before) + 1;
        put_file(log_path, before, torn_end);
        write_lines(1);
        whole(log_path, AUDIT_HASH_NONE, 4, last);
        text = read_file(log_path, &len);

        for (size_t i = 0; i <= torn_end; i++) { /* the line before it, itself, and its newline */
                text[i] = (char)(text[i] ^ 1);
                put_file(log_path, text, len);
                if (audit_verify(log_path, AUDIT_HASH_NONE, &lines, last, NULL) != AUDIT_E_BROKEN)
                        fail_msg("byte %zu", i);
                text[i] = (char)(text[i] ^ 1);
        }
        /* the number of the line that says so, where nothing follows that would be broken by it */
        memcpy(strstr(text + torn_end, "\"seq\":3"), "\"seq\":5", 7);
        put_file(log_path, text, (size_t)(strchr(text + torn_end + 1, '\n') + 1 - text));
        assert_int_equal(audit_verify(log_path, AUDIT_HASH_NONE, &lines, last, &diag),
                         AUDIT_E_BROKEN);
        assert_non_null(strstr(diag.message, "line 3 has seq 5, not 3"));
        memcpy(strstr(text + torn_end, "\"seq\":5"), "\"seq\":3", 7);

        memmove(text + torn_from, text + torn_end + 1, len - torn_end - 1);
        put_file(log_path, text, len - (torn_end + 1 - torn_from));
        broken_at("torn line cut out", 2);
}

/* Torn, and the agent has not been there since. */
static void test_torn_end(void **state)
{
        char *text CLEANUP_FREE = NULL;
        size_t len;

        (void)state;
        write_lines(3);
        text = read_file(log_path, &len);
        put_file(log_path, text, len - 5);
        broken_at("torn end", 3);
}

/* Half a line, and the other half while we look. */
static void test_late(void **state)
{
        char *text CLEANUP_FREE = NULL, last[65];
        size_t len;

        (void)state;
        write_lines(3);
        text = read_file(log_path, &len);
        for (size_t cut = 1; cut < 20; cut++) {
                put_file(log_path, text, len - cut);
                added_late = text + len - cut;
                whole(log_path, AUDIT_HASH_NONE, 3, last);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(test_torn, files_remove),
            cmocka_unit_test_setup(test_torn_again, files_remove),
            cmocka_unit_test_setup(test_first_line_torn, files_remove),
            cmocka_unit_test_setup(test_full_disk, files_remove),
            cmocka_unit_test_setup(test_stays_torn, files_remove),
            cmocka_unit_test_setup(test_torn_end, files_remove),
            cmocka_unit_test_setup(test_late, files_remove),
        };

        return cmocka_run_group_tests_name("audit-torn", tests, folder_make, folder_remove);
}
