/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/child.h: what comes back from the child process, however it ends, and that nothing of it
 * stays: no process, no descriptor, no memory of what it did. */

#include "unit.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "volume/child.h"
#include "volume/header.h"

enum { LONG_MS = 60000, SHORT_MS = 100 };

static int untouched;

/* How many descriptors lead to something whose name begins like this. */
static int open_descriptors(const char *begin)
{
        DIR *dir = opendir("/proc/self/fd");
        const struct dirent *d;
        int n = 0;

        assert_non_null(dir);
        while ((d = readdir(dir))) {
                char name[256] = "";

                if (readlinkat(dirfd(dir), d->d_name, name, sizeof(name) - 1) > 0)
                        n += strncmp(name, begin, strlen(begin)) == 0;
        }
        (void)closedir(dir);
        return n;
}

static void assert_no_children(void)
{
        errno = 0;
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static int work_value(void *arg, struct diag *diag)
{
        (void)diag;
        return *(const int *)arg;
}

static void test_results(void **state)
{
        static const int values[] = {0,    1,       VOLUME_E_TABLE, VOLUME_E_TOO_SMALL,
                                     -EIO, -ENOMEM, -EPERM};

        (void)state;
        for (size_t i = 0; i < LENGTH(values); i++) {
                int value = values[i];

                assert_int_equal(child_run(work_value, &value, LONG_MS, NULL), value);
                assert_no_children();
        }
}

static int work_diag(void *arg, struct diag *diag)
{
        (void)arg;
        (void)diag_refuse(diag, 0, "live-table", "the offset is %d", 7);
        diag_advise(diag, "compare");
        diag->requests = 3;
        return VOLUME_E_TABLE;
}

static void test_diag(void **state)
{
        struct diag diag = DIAG_INIT;

        (void)state;
        assert_int_equal(child_run(work_diag, NULL, LONG_MS, &diag), VOLUME_E_TABLE);
        assert_string_equal(diag.rule, "live-table");
        assert_string_equal(diag.message, "the offset is 7");
        assert_string_equal(diag.advice, "compare");
        assert_int_equal(diag.requests, 3);
}

/* After a success the caller's diag still says what it said before. */
static void test_diag_of_success(void **state)
{
        struct diag diag = DIAG_INIT;
        int zero = 0;

        (void)state;
        diag.requests = 5;
        assert_int_equal(child_run(work_value, &zero, LONG_MS, &diag), 0);
        assert_int_equal(diag.requests, 5);
}

static int work_elsewhere(void *arg, struct diag *diag)
{
        const pid_t *parent = arg;

        (void)diag;
        untouched = 1;
        return getppid() == *parent && getpid() != *parent && prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1;
}

static void test_is_another_process(void **state)
{
        pid_t self = getpid();

        (void)state;
        assert_int_equal(child_run(work_elsewhere, &self, LONG_MS, NULL), 0);
        assert_int_equal(untouched, 0);
}

static int work_killed(void *arg, struct diag *diag)
{
        (void)arg;
        (void)diag;
        (void)kill(getpid(), SIGKILL);
        return 0;
}

static int work_exits(void *arg, struct diag *diag)
{
        (void)arg;
        (void)diag;
        _exit(0);
}

static void test_death(void **state)
{
        int (*const works[])(void *, struct diag *) = {work_killed, work_exits};

        (void)state;
        for (size_t i = 0; i < LENGTH(works); i++) {
                struct diag diag = DIAG_INIT;

                assert_int_equal(child_run(works[i], NULL, LONG_MS, &diag), VOLUME_E_DIED);
                assert_non_null(strstr(diag.message, "died"));
                assert_string_equal(diag.rule, "");
                assert_no_children();
        }
}

/* Not even SIGTERM would end it, nor a signal that it blocks. */
static int work_hangs(void *arg, struct diag *diag)
{
        sigset_t all;

        (void)arg;
        (void)diag;
        (void)sigfillset(&all);
        (void)sigprocmask(SIG_SETMASK, &all, NULL);
        for (;;)
                (void)pause();
        return 0;
}

static void test_hang(void **state)
{
        const uint64_t start = clock_now_ms();
        struct diag diag = DIAG_INIT;

        (void)state;
        assert_int_equal(child_run(work_hangs, NULL, SHORT_MS, &diag), VOLUME_E_TIMEOUT);
        assert_true(clock_now_ms() - start >= SHORT_MS);
        assert_true(clock_now_ms() - start < LONG_MS);
        assert_string_equal(diag.rule, "timeout");
        assert_non_null(strstr(diag.message, "100 ms"));
        assert_no_children();
}

static void test_no_time_at_all(void **state)
{
        (void)state;
        assert_int_equal(child_run(work_hangs, NULL, 0, NULL), VOLUME_E_TIMEOUT);
        assert_no_children();
}

static void test_leaves_no_descriptor(void **state)
{
        const int before = open_descriptors("");
        int value = VOLUME_E_BUSY;

        (void)state;
        (void)child_run(work_value, &value, LONG_MS, NULL);
        (void)child_run(work_killed, NULL, LONG_MS, NULL);
        (void)child_run(work_hangs, NULL, SHORT_MS, NULL);
        assert_int_equal(open_descriptors(""), before);
}

static int work_counts(void *arg, struct diag *diag)
{
        (void)arg;
        (void)diag;
        return open_descriptors("pipe:");
}

/* A child that held the reading end too would not notice that nobody reads. */
static void test_child_has_one_end(void **state)
{
        const int before = open_descriptors("pipe:");

        (void)state;
        assert_int_equal(child_run(work_counts, NULL, LONG_MS, NULL), before + 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_results),
            cmocka_unit_test(test_diag),
            cmocka_unit_test(test_diag_of_success),
            cmocka_unit_test(test_is_another_process),
            cmocka_unit_test(test_death),
            cmocka_unit_test(test_hang),
            cmocka_unit_test(test_no_time_at_all),
            cmocka_unit_test(test_leaves_no_descriptor),
            cmocka_unit_test(test_child_has_one_end),
        };

        return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
