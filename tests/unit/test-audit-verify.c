/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* audit/audit.h, verifying: each way to tamper with a log is found, and the line is named. */

#include "audit-fixture.h"

#include <sys/wait.h>

enum { LINES = 6 };

/* A log as lines, to be put together again in another way. */
struct lines {
        char text[LINES + 2][1024]; /* without newlines */
        int count;
};

static void take_lines(struct lines *ret)
{
        FILE *f CLEANUP_FILE = NULL;

        (void)files_remove(NULL);
        write_lines(LINES);
        f = fopen(log_path, "re");
        assert_non_null(f);
        ret->count = 0;
        while (ret->count < LINES && fgets(ret->text[ret->count], 1024, f)) {
                ret->text[ret->count][strcspn(ret->text[ret->count], "\n")] = '\0';
                ret->count++;
        }
        assert_int_equal(ret->count, LINES);
}

static void put_lines(const struct lines *l)
{
        FILE *f = fopen(log_path, "we");

        assert_non_null(f);
        for (int i = 0; i < l->count; i++)
                assert_true(fprintf(f, "%s\n", l->text[i]) > 0);
        assert_int_equal(fclose(f), 0);
}

static void take_out(struct lines *l, int line)
{
        for (int i = line - 1; i + 1 < l->count; i++)
                memcpy(l->text[i], l->text[i + 1], sizeof(l->text[i]));
        l->count--;
}

static void put_in(struct lines *l, int line, const char *text)
{
        char copy[1024];

        (void)snprintf(copy, sizeof(copy), "%s", text);
        for (int i = l->count; i >= line; i--)
                memcpy(l->text[i], l->text[i - 1], sizeof(l->text[i]));
        memcpy(l->text[line - 1], copy, sizeof(copy));
        l->count++;
}

/* Puts other words of the same length in a line. */
static void change(struct lines *l, int line, const char *from, const char *to)
{
        char *at = strstr(l->text[line - 1], from);

        assert_non_null(at);
        assert_int_equal(strlen(from), strlen(to));
        memcpy(at, to, strlen(to));
}

static void test_cut(void **state)
{
        struct lines l;

        (void)state;
        for (int i = 1; i < LINES; i++) {
                take_lines(&l);
                take_out(&l, i);
                put_lines(&l);
                broken_at("cut", i);
        }
        take_lines(&l);
        take_out(&l, 1);
        take_out(&l, 1);
        put_lines(&l);
        broken_at("two cut", 1);
}

static void test_changed(void **state)
{
        static const char *const changes[][2] = {
            {"\"message\":\"message", "\"message\":\"massage"},
            {"\"event\":\"probe\"", "\"event\":\"drill\""},
            {"\"time\":\"2", "\"time\":\"3"},
            {"\"volume\":\"data\"", "\"volume\":\"date\""},
        };
        struct lines l;

        (void)state;
        for (size_t c = 0; c < LENGTH(changes); c++)
                for (int i = 1; i < LINES; i++) {
                        take_lines(&l);
                        change(&l, i, changes[c][0], changes[c][1]);
                        put_lines(&l);
                        broken_at(changes[c][1], i);
                }
}

static void test_seq_changed(void **state)
{
        struct lines l;

        (void)state;
        for (int i = 2; i <= LINES; i++) {
                char from[16], to[16];

                take_lines(&l);
                (void)snprintf(from, sizeof(from), "\"seq\":%d,", i);
                (void)snprintf(to, sizeof(to), "\"seq\":%d,", i + 1);
                change(&l, i, from, to);
                put_lines(&l);
                broken_at(to, i);
        }
}

static void test_put_in(void **state)
{
        static const char *const texts[] = {
            "",
            "x",
            "{}",
            "[]",
            "null",
            "{\"seq\":3}",
            "{\"seq\":3,\"prev\":\"" AUDIT_HASH_NONE "\",\"event\":\"probe\"}",
            "{\"seq\":4,\"prev\":\"" AUDIT_HASH_NONE "\",\"event\":\"torn-line\",\"after\":"
            "\"" AUDIT_HASH_NONE "\"}",
        };
        struct lines l;

        (void)state;
        for (size_t i = 0; i < LENGTH(texts); i++) {
                struct diag diag = DIAG_INIT;
                char last[65];
                uint64_t lines;

                take_lines(&l);
                put_in(&l, 3, texts[i]);
                put_lines(&l);
                ROW_ASSERT(audit_verify(log_path, AUDIT_HASH_NONE, &lines, last, &diag) ==
                               AUDIT_E_BROKEN,
                           texts[i]);
                /* put in, or the one before it changed: which of them nobody can tell */
                ROW_ASSERT(strstr(diag.message, ": line 3 ") || strstr(diag.message, ": line 2 "),
                           diag.message);
        }
        for (int i = 1; i <= LINES; i++) {
                take_lines(&l);
                put_in(&l, i, l.text[i - 1]);
                put_lines(&l);
                broken_at("twice", i + 1);
        }
}

static void test_moved(void **state)
{
        struct lines l;
        char copy[1024];

        (void)state;
        for (int i = 1; i < LINES; i++) {
                take_lines(&l);
                memcpy(copy, l.text[i - 1], sizeof(copy));
                take_out(&l, i);
                put_in(&l, i + 1, copy);
                put_lines(&l);
                broken_at("moved", i);
        }
}

/* No byte can be another one, but in the last line. */
static void test_each_byte(void **state)
{
        char *text CLEANUP_FREE = NULL, last[65];
        const char *end;
        uint64_t lines;
        size_t len;

        (void)state;
        write_lines(3);
        text = read_file(log_path, &len);
        end = memrchr(text, '\n', len - 1);
        assert_non_null(end);
        for (char *p = text; p <= end; p++) {
                *p = (char)(*p ^ 1);
                put_file(log_path, text, len);
                if (audit_verify(log_path, AUDIT_HASH_NONE, &lines, last, NULL) != AUDIT_E_BROKEN)
                        fail_msg("byte %zu", (size_t)(p - text));
                *p = (char)(*p ^ 1);
        }
        put_file(log_path, text, len);
        whole(log_path, AUDIT_HASH_NONE, 3, last);
}

/* The file cannot know; who was told a hash does. */
static void test_tail(void **state)
{
        struct audit *audit CLEANUP_AUDIT = open_log();
        char told[65], last[65];
        uint64_t lines;
        struct lines l;
        bool held = false;

        (void)state;
        write_entry(audit, "one");
        (void)snprintf(told, sizeof(told), "%s", audit_last(audit));
        write_entry(audit, "two");
        assert_int_equal(
            audit_verify_holds(log_path, AUDIT_HASH_NONE, told, &held, &lines, last, NULL), 0);
        assert_true(held);
        assert_int_equal(audit_verify_holds(log_path, AUDIT_HASH_NONE, AUDIT_HASH_NONE, &held,
                                            &lines, last, NULL),
                         0);
        assert_false(held);

        take_lines(&l);
        whole(log_path, AUDIT_HASH_NONE, LINES, told);
        take_out(&l, LINES);
        put_lines(&l);
        whole(log_path, AUDIT_HASH_NONE, LINES - 1, last);
        assert_int_equal(
            audit_verify_holds(log_path, AUDIT_HASH_NONE, told, &held, &lines, last, NULL), 0);
        assert_false(held);
}

static void test_long_lines(void **state)
{
        static char much[200000];

        (void)state;
        memset(much, 'x', sizeof(much));
        put_file(log_path, much, sizeof(much));
        broken_at("one line", 1);
        for (size_t i = 0; i < sizeof(much); i += 2)
                much[i] = '\n';
        put_file(log_path, much, sizeof(much));
        broken_at("many lines", 1);
}

/* Lines that are longer than what a file system writes at once. */
static int write_many(int count)
{
        struct audit *audit CLEANUP_AUDIT = open_log();
        struct audit_entry e = AUDIT_ENTRY_INIT;
        static char message[3000];

        memset(message, 'm', sizeof(message) - 1);
        e.event = "probe";
        e.message = message;
        for (int i = 0; i < count; i++)
                if (audit_write(audit, &e, 0) != 0)
                        return 1;
        return 0;
}

/* Whoever reads while the agent writes sees a whole log at any time. */
static void test_while_written(void **state)
{
        char last[65];
        pid_t child;
        int status;

        (void)state;
        write_lines(1);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
                _exit(write_many(1000));
        do {
                struct diag diag = DIAG_INIT;
                uint64_t lines;

                if (audit_verify(log_path, AUDIT_HASH_NONE, &lines, last, &diag) != 0)
                        fail_msg("%s", diag.message);
        } while (waitpid(child, &status, WNOHANG) == 0);
        assert_int_equal(status, 0);
        whole(log_path, AUDIT_HASH_NONE, 1001, last);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(test_cut, files_remove),
            cmocka_unit_test_setup(test_changed, files_remove),
            cmocka_unit_test_setup(test_seq_changed, files_remove),
            cmocka_unit_test_setup(test_put_in, files_remove),
            cmocka_unit_test_setup(test_moved, files_remove),
            cmocka_unit_test_setup(test_each_byte, files_remove),
            cmocka_unit_test_setup(test_tail, files_remove),
            cmocka_unit_test_setup(test_long_lines, files_remove),
            cmocka_unit_test_setup(test_while_written, files_remove),
        };

        return cmocka_run_group_tests_name("audit-verify", tests, folder_make, folder_remove);
}
