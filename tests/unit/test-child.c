/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/child.h: what comes back from the child process, however it ends, and that nothing of it
 * stays: no process, no descriptor, no memory of what it did. */

#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
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

static void test_event_loop(void **state)
{
        const int before = open_descriptors("");
        struct diag diag = DIAG_INIT;
        struct child child;
        struct pollfd p = {.events = POLLIN};

        (void)state;
        assert_int_equal(child_start(work_diag, NULL, &child), 0);
        p.fd = child.fd;
        assert_int_equal(poll(&p, 1, LONG_MS), 1);
        assert_int_equal(child_finish(&child, &diag), VOLUME_E_TABLE);
        assert_string_equal(diag.advice, "compare");
        assert_int_equal(child.fd, -1);
        assert_int_equal(child.pid, -1);
        assert_true(child_gone(&child));

        assert_int_equal(child_start(work_killed, NULL, &child), 0);
        assert_int_equal(child_finish(&child, &diag), VOLUME_E_DIED);
        assert_no_children();
        assert_int_equal(open_descriptors(""), before);
}

static void test_abandon(void **state)
{
        const int before = open_descriptors("");
        const uint64_t deadline = clock_now_ms() + LONG_MS;
        struct child child;

        (void)state;
        assert_int_equal(child_start(work_hangs, NULL, &child), 0);
        assert_false(child_gone(&child));
        (void)child_abandon(&child);
        assert_int_equal(open_descriptors(""), before);
        while (!child_gone(&child) && clock_left_ms(deadline) > 0)
                clock_sleep_ms(1);
        assert_int_equal(child.pid, -1);
        assert_true(child_abandon(&child));
        assert_no_children();
}

static int work_counts_sockets(void *arg, struct diag *diag)
{
        (void)arg;
        (void)diag;
        return open_descriptors("socket:");
}

/* Whoever is at the other end of a connection is not to wait for a child that hangs. */
static void test_child_has_no_sockets(void **state)
{
        int pair[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_true(open_descriptors("socket:") >= 2);
        assert_int_equal(child_run(work_counts_sockets, NULL, LONG_MS, NULL), 0);
        close_fd(pair[0]);
        close_fd(pair[1]);
}

/* What the child leaves in the pages that go back to the kernel, seen at the last moment. */
enum { DIRTY = 4096 };
static struct witness {
        int exits, secret, inherited, stack;
} * witness;
static struct secret *own, *inherited;
static uint8_t *dirty_stack;

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

static int count_dirty(const uint8_t *p, size_t size)
{
        int n = 0;

        for (size_t i = 0; i < size; i++)
                n += p[i] == 0xa5;
        return n;
}

_Noreturn void __wrap__exit(int status)
{
        if (dirty_stack) {
                /* by the kernel: it is below the stack pointer */
                static uint8_t copy[DIRTY];
                struct iovec to = {copy, DIRTY}, from = {dirty_stack, DIRTY};

                witness->exits++;
                witness->secret = count_dirty(secret_bytes(own), 32);
                witness->inherited = count_dirty(secret_bytes(inherited), 32);
                if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == DIRTY)
                        witness->stack = count_dirty(copy, DIRTY);
                else
                        witness->stack = -1;
        }
        __real__exit(status);
}

__attribute__((noinline)) static void soil_stack(void)
{
        uint8_t buffer[DIRTY];
        uint8_t *volatile where = buffer;

        memset(where, 0xa5, DIRTY);
        dirty_stack = where;
}

static int work_with_secrets(void *arg, struct diag *diag)
{
        (void)arg;
        (void)diag;
        if (count_dirty(secret_bytes(inherited), 32) != 32 || secret_new(32, &own) != 0)
                return 1;
        memset(secret_data(own), 0xa5, 32);
        soil_stack();
        return 0;
}

static void test_leaves_no_secret(void **state)
{
        (void)state;
        witness =
            mmap(NULL, sizeof(*witness), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(witness != MAP_FAILED);
        assert_int_equal(secret_new(32, &inherited), 0);
        memset(secret_data(inherited), 0xa5, 32);
        assert_int_equal(secret_keep_on_fork(inherited), 0);
        assert_int_equal(child_run(work_with_secrets, NULL, LONG_MS, NULL), 0);
        assert_int_equal(witness->exits, 1);
        assert_int_equal(witness->secret, 0);
        assert_int_equal(witness->inherited, 0);
#ifndef SANITIZED /* whose stack frames have padding of their own, which comes back to life */
        assert_int_equal(witness->stack, 0);
#endif
        assert_int_equal(count_dirty(secret_bytes(inherited), 32), 32);
        secret_free(inherited);
        (void)munmap(witness, sizeof(*witness));
}

static int pipes[4];

static int work_detached(void *arg)
{
        (void)arg;
        for (size_t i = 0; i < LENGTH(pipes); i++)
                if ((fcntl(pipes[i], F_GETFD) >= 0) != (i == 1))
                        return -1;
        return -7;
}

/* One descriptor is kept, those below and above are not. */
static void test_detached(void **state)
{
        int status = 0;
        pid_t pid;

        (void)state;
        assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
        assert_int_equal(pipe2(pipes + 2, O_CLOEXEC), 0);
        pid = child_detach(work_detached, NULL, pipes[1]);
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 7);
        for (size_t i = 0; i < LENGTH(pipes); i++)
                close_fd(pipes[i]);
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
            cmocka_unit_test(test_event_loop),
            cmocka_unit_test(test_abandon),
            cmocka_unit_test(test_child_has_no_sockets),
            cmocka_unit_test(test_leaves_no_secret),
            cmocka_unit_test(test_detached),
        };

        return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
