/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The live worker from outside: who it runs as, and what it holds. */

#include "contract.h"

#include <grp.h>
#include <sys/stat.h>

#ifdef SANITIZED
#define SECCOMP_MODE "0" /* the sanitizers' run time needs calls that the filter refuses */
#else
#define SECCOMP_MODE "2"
#endif

static struct sim sim;

static void assert_field(pid_t pid, const char *field, const char *value)
{
        char text[256];

        proc_field(pid, "status", field, text, sizeof(text));
        if (strcmp(text, value) != 0)
                fail_msg("%s is %s instead of %s", field, text, value);
}

/* ---- rights ---- */

static void assert_not_root(pid_t pid, const char *field)
{
        char text[256];
        unsigned int ids[4];

        proc_field(pid, "status", field, text, sizeof(text));
        assert_int_equal(sscanf(text, "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]), 4);
        for (size_t i = 0; i < LENGTH(ids); i++) {
                assert_int_not_equal(ids[i], 0);
                assert_int_equal(ids[i], ids[0]);
        }
}

static void test_rights(void **state)
{
        static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
        static const gid_t groups[] = {4, 27};
        CLEANUP_CLIENT struct wire_client *client = NULL;
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;
        char path[64], text[64];
        struct stat st;
        pid_t pid;

        (void)state;
        assert_int_equal(setgroups(LENGTH(groups), groups), 0);
        client = start_worker(programs.worker, 0);
        assert_int_equal(setgroups(0, NULL), 0);
        request_platform(&request, 1);
        wrap_and_unwrap(client, &request, &plain);
        pid = idle_worker();
        assert_not_root(pid, "Uid");
        assert_not_root(pid, "Gid");
        assert_field(pid, "Groups", "");
        for (size_t i = 0; i < LENGTH(sets); i++)
                assert_field(pid, sets[i], "0000000000000000");
        assert_field(pid, "NoNewPrivs", "1");
        assert_field(pid, "Seccomp", SECCOMP_MODE);

        /* The kernel gives /proc/PID of a process that must not be dumped to root. */
        (void)snprintf(path, sizeof(path), "/proc/%d/environ", pid);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_uid, 0);
        proc_field(pid, "status", "Threads", text, sizeof(text));
        assert_string_equal(text, "1");
}

static void test_limits(void **state)
{
        static const char *const lines[] = {"Max core file size        0                    0 ",
                                            "Max file size             0                    0 ",
                                            "Max open files            64                   64 "};
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;
        CLEANUP_FREE char *text = NULL;

        (void)state;
        request_platform(&request, 1);
        wrap_and_unwrap(client, &request, &plain);
        text = proc_text(idle_worker(), "limits");
        assert_non_null(text);
        for (size_t i = 0; i < LENGTH(lines); i++)
                ROW_ASSERT(strstr(text, lines[i]), lines[i]);
}

/* ---- descriptors and environment ---- */

static void link_of(pid_t pid, int fd, char *buf, size_t size)
{
        char path[64];
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
        n = readlink(path, buf, size - 1);
        buf[n > 0 ? n : 0] = '\0';
}

/* Nothing but the wire, standard error and /dev/null; sockets beyond, once it has used the network.
 * The descriptors that came with a request are closed again. */
static void assert_descriptors(pid_t pid, bool sockets)
{
        char target[256];

        for (int fd = 0; fd < 64; fd++) {
                link_of(pid, fd, target, sizeof(target));
                if (fd <= 1)
                        assert_string_equal(target, "/dev/null");
                else if (fd == 3 || (fd > 3 && sockets && target[0]))
                        assert_int_equal(strncmp(target, "socket:", 7), 0);
                else if (fd > 3 && target[0])
                        fail_msg("descriptor %d is %s", fd, target);
        }
}

static void test_descriptors(void **state)
{
        CLEANUP_CLIENT struct wire_client *client = NULL;
        CLEANUP_REQUEST struct wire_request platform;
        CLEANUP_REQUEST struct wire_request aws;
        CLEANUP_SECRET struct secret *first = NULL;
        CLEANUP_SECRET struct secret *second = NULL;
        int high;

        (void)state;
        high = dup2(0, 40); /* not CLOEXEC: must not be inherited */
        assert_int_equal(high, 40);
        client = start_worker(programs.worker, 0);
        request_platform(&platform, 1);
        wrap_and_unwrap(client, &platform, &first);
        assert_descriptors(idle_worker(), false);
        request_aws(&aws, &sim, "file");
        wrap_and_unwrap(client, &aws, &second);
        assert_descriptors(idle_worker(), true);
        close_fd(high);
}

static void test_environment(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;

        (void)state;
        assert_int_equal(setenv("AWS_ACCESS_KEY_ID", "AKIACONTRACT", 1), 0);
        assert_int_equal(setenv("AWS_SECRET_ACCESS_KEY", "contract-secret", 1), 0);
        assert_int_equal(setenv("AWS_SESSION_TOKEN", "contract-token", 1), 0);
        assert_int_equal(setenv("AWS_PROFILE", "other", 1), 0);
        request_platform(&request, 1);
        for (int pass = 0; pass <= 1; pass++) {
                CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, pass);
                CLEANUP_FREE char *environment = NULL;
                size_t lines = 0;

                wrap_and_unwrap(client, &request, &plain);
                secret_free(plain);
                plain = NULL;
                environment = proc_text(idle_worker(), "environ");
                assert_non_null(environment);
                for (const char *p = environment; (p = strchr(p, '\n')); p++)
                        lines++;
                assert_int_equal(lines, pass ? 4 : 1);
                assert_non_null(strstr(environment, "GNUTLS_NO_IMPLICIT_INIT=1\n"));
                assert_int_equal(!!strstr(environment, "AWS_SESSION_TOKEN=contract-token"), pass);
                assert_null(strstr(environment, "PROFILE"));
        }
        (void)unsetenv("AWS_ACCESS_KEY_ID");
        (void)unsetenv("AWS_SECRET_ACCESS_KEY");
        (void)unsetenv("AWS_SESSION_TOKEN");
        (void)unsetenv("AWS_PROFILE");
}

static int setup(void **state)
{
        (void)state;
        sim_start(&sim);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        sim_stop(&sim);
        assert_no_children();
        return 0;
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_rights),
            cmocka_unit_test(test_limits),
            cmocka_unit_test(test_descriptors),
            cmocka_unit_test(test_environment),
        };
        int r = contract_setup(argc, argv);

        return r != 0 ? r : cmocka_run_group_tests_name("worker", tests, setup, teardown);
}
