/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sandbox from inside: what an intruder in the worker tries ends it or is refused, and what the
 * worker needs goes on working. */

#include "contract.h"

#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
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

/* With this /etc/passwd, in a mount name space of its own. 0, 77 without one, or what is wrong. */
static int probe_with_passwd(const char *text, const char *attempt)
{
        char path[] = "/tmp/luks-kms-passwd-XXXXXX";
        int fd = mkstemp(path), mounted;
        const ssize_t len = (ssize_t)strlen(text);

        if (fd < 0 || write(fd, text, (size_t)len) != len || fchmod(fd, 0644) < 0 || close(fd) < 0)
                return 2;
        mounted = unshare(CLONE_NEWNS) == 0 &&
                  mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
                  mount(path, "/etc/passwd", "none", MS_BIND, NULL) == 0;
        (void)unlink(path);
        return !mounted ? 77 : probe(attempt) == 0 ? 0 : 1;
}

static void test_user(void **state)
{
        static const struct {
                const char *passwd, *attempt;
        } rows[] = {
            {"root:x:0:0::/:\n", "is-nobody"},
            {"root:x:0:0::/:\nluks-kms:x:64321:64322::/:\nother:x:7:7::/:\n", "is-own-user"},
            {"luks-kms-x:x:7:7::/:\nxluks-kms:x:8:8::/:\n", "is-nobody"},
            {"luks-kms:x:0:64322::/:\n", "is-nobody"},
            {"luks-kms:x:64321:0::/:\n", "is-nobody"},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                pid_t pid = fork();
                int status;

                if (pid == 0)
                        _exit(probe_with_passwd(rows[i].passwd, rows[i].attempt));
                assert_int_equal(waitpid(pid, &status, 0), pid);
                if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
                        print_message("skipped: no mount name space\n");
                        skip();
                }
                if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                        fail_msg("%s: not %s", rows[i].passwd, rows[i].attempt);
        }
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
            cmocka_unit_test(test_user),
#ifndef SANITIZED
            cmocka_unit_test(test_intruders_are_ended),
            cmocka_unit_test(test_the_rest_is_refused),
#endif
        };
        int r = contract_setup(argc, argv);

        return r != 0 ? r : cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
