/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agentd/scribe.c: order, a writer that is held up, one that dies, and two that follow each other.
 * A writer is held up by the lock that its predecessor would hold. */

#include "audit-fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agentd/scribe.h"
#include "base/clock.h"

enum { WAIT_MS = 60000 };

static struct {
        int errors, last, heads;
} told;
static char lock_path[128];
static sd_event *event;

static void news(void *arg, int r, const char *words)
{
        (void)arg;
        (void)words;
        if (r != 0) {
                told.errors++;
                told.last = r;
        } else {
                told.heads++;
        }
}

static int up(void **state)
{
        (void)files_remove(state);
        (void)snprintf(lock_path, sizeof(lock_path), "%s/lock", folder);
        memset(&told, 0, sizeof(told));
        return sd_event_new(&event) < 0 ? -1 : 0;
}

static int down(void **state)
{
        (void)files_remove(state);
        (void)unlink(lock_path);
        event = sd_event_unref(event);
        return 0;
}

static struct scribe *scribe(void)
{
        struct scribe *s = NULL;

        assert_int_equal(scribe_new(event, log_path, lock_path, news, NULL, &s), 0);
        return s;
}

static void put(struct scribe *s, int number)
{
        struct audit_entry e = AUDIT_ENTRY_INIT;
        char message[2048];

        memset(message, 'x', sizeof(message) - 1);
        message[sizeof(message) - 1] = '\0';
        (void)snprintf(message, 32, "number %d.", number);
        message[strlen(message)] = 'x';
        e.event = "probe";
        e.volume = "data";
        e.message = message;
        e.time_us = UINT64_C(1700000000000000) + (uint64_t)number * 1000000;
        scribe_write(s, &e, false);
}

/* The chain holds, and these are its numbers, in order, at the times that they were given. */
static void check(int count)
{
        struct diag diag = DIAG_INIT;
        char last[AUDIT_HASH_TEXT], line[8192], text[64];
        uint64_t lines = 0;
        FILE *f CLEANUP_FILE = NULL;

        if (audit_verify(log_path, NULL, &lines, last, &diag) != 0)
                fail_msg("%s", diag.message);
        assert_int_equal(lines, count);
        f = fopen(log_path, "re");
        assert_non_null(f);
        for (int i = 0; i < count; i++) {
                char when[CLOCK_TEXT_MAX];

                assert_non_null(fgets(line, sizeof(line), f));
                (void)snprintf(text, sizeof(text), "\"number %d.", i);
                if (!strstr(line, text))
                        fail_msg("line %d is another: %.200s", i, line);
                clock_text(UINT64_C(1700000000000) + (uint64_t)i * 1000, when);
                assert_non_null(strstr(line, when));
        }
}

/* Holds the lock in a process of its own; gives it back when that is killed. */
static pid_t hold_lock(void)
{
        int pipe_fd[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(pipe_fd), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                int fd;

                if (file_lock(lock_path, true, &fd) == 0)
                        (void)!write(pipe_fd[1], "x", 1);
                (void)pause();
                _exit(0);
        }
        assert_int_equal(read(pipe_fd[0], &byte, 1), 1);
        (void)close(pipe_fd[0]);
        (void)close(pipe_fd[1]);
        return pid;
}

static void let_go(pid_t pid)
{
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_order(void **state)
{
        struct scribe *s = scribe();

        (void)state;
        for (int i = 0; i < 20; i++)
                put(s, i);
        scribe_free(s, WAIT_MS);
        check(20);
        assert_int_equal(told.errors, 0);
}

/* More than the socket takes waits in memory, and comes after, in order. */
static void test_held_up(void **state)
{
        pid_t holder = hold_lock();
        struct scribe *s = scribe();

        (void)state;
        for (int i = 0; i < 400; i++)
                put(s, i);
        assert_int_equal(scribe_lost(s), 0);
        let_go(holder);
        scribe_free(s, WAIT_MS);
        check(400);
}

/* A queue that is full loses what comes last, and says so once, and how much. */
static void test_lost(void **state)
{
        pid_t holder = hold_lock();
        struct scribe *s = scribe();

        (void)state;
        for (int i = 0; i < 2000; i++)
                put(s, i);
        assert_in_range(scribe_lost(s), 1, 2000 - 512);
        assert_int_equal(told.errors, 1);
        assert_int_equal(told.last, -ENOBUFS);
        let_go(holder);
        {
                int count = 2000 - (int)scribe_lost(s);

                scribe_free(s, WAIT_MS);
                check(count);
        }
}

/* What its end finds not taken is said to be lost. */
static void test_end_while_held_up(void **state)
{
        pid_t holder = hold_lock();
        struct scribe *s = scribe();

        (void)state;
        for (int i = 0; i < 400; i++)
                put(s, i);
        scribe_free(s, 1);
        assert_int_equal(told.last, -ENOBUFS);
        let_go(holder);
        while (waitpid(-1, NULL, 0) > 0)
                ; /* the scribe, which goes on alone */
}

/* One agent's scribe still writes when the next one's begins: that one waits for its turn. */
static void test_one_after_the_other(void **state)
{
        struct scribe *first = scribe(), *second;

        (void)state;
        put(first, 0);
        while (told.heads == 0) /* it has the lock, and has written */
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
        for (int i = 1; i < 50; i++)
                put(first, i);
        scribe_free(first, 0);
        second = scribe();
        put(second, 50);
        scribe_free(second, WAIT_MS);
        check(51);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_order, up, down),
            cmocka_unit_test_setup_teardown(test_held_up, up, down),
            cmocka_unit_test_setup_teardown(test_lost, up, down),
            cmocka_unit_test_setup_teardown(test_end_while_held_up, up, down),
            cmocka_unit_test_setup_teardown(test_one_after_the_other, up, down),
        };

        return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
