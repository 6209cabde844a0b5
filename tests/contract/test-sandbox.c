/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sandbox from inside: what an intruder in the worker tries ends it or is refused, and what the
 * worker needs goes on working. */

#include "contract.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

enum { KILLED = -1 };

struct attempt {
        const char *name;
        int result; /* errno, or KILLED */
};

static int probe(const char *name)
{
        char program[] = "sandbox-probe", argument[32];
        char *argv[] = {program, argument, NULL}, *environment[] = {NULL};
        int status;
        pid_t pid;

        (void)snprintf(argument, sizeof(argument), "%s", name);
        assert_int_equal(posix_spawn(&pid, programs.probe, NULL, NULL, argv, environment), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
                return KILLED;
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void check(const struct attempt *attempts, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                int r = probe(attempts[i].name);

                if (r != attempts[i].result)
                        fail_msg("%s: %d instead of %d", attempts[i].name, r, attempts[i].result);
        }
}

/* Without the filter too (sanitizers): these do not need it. */
static void test_rights_are_gone(void **state)
{
        static const struct attempt attempts[] = {{"shadow", EACCES}};

        (void)state;
        check(attempts, LENGTH(attempts));
}

static void test_what_is_needed_works(void **state)
{
        static const struct attempt attempts[] = {{"resolve", 0}, {"read-file", 0}};

        (void)state;
        check(attempts, LENGTH(attempts));
}

#ifndef SANITIZED

static void test_intruders_are_ended(void **state)
{
        static const struct attempt attempts[] = {
            {"execve", KILLED}, {"setuid", KILLED}, {"ptrace", KILLED},    {"mount", KILLED},
            {"mknod", KILLED},  {"bpf", KILLED},    {"kill", KILLED},      {"module", KILLED},
            {"handle", KILLED}, {"listen", KILLED}, {"tty-input", KILLED},
        };

        (void)state;
        check(attempts, LENGTH(attempts));
}

static void test_the_rest_is_refused(void **state)
{
        static const struct attempt attempts[] = {
            {"fork", EPERM},
            {"write-file", EPERM},
            {"unix-socket", EPERM},
            {"packet-socket", EPERM},
            {"executable-memory", EPERM},
            {"raise-limit", EPERM},
            {"make-executable", EPERM},
        };

        (void)state;
        check(attempts, LENGTH(attempts));
}

#endif

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_rights_are_gone),
            cmocka_unit_test(test_what_is_needed_works),
#ifndef SANITIZED
            cmocka_unit_test(test_intruders_are_ended),
            cmocka_unit_test(test_the_rest_is_refused),
#endif
        };
        int r = contract_setup(argc, argv);

        return r != 0 ? r : cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
