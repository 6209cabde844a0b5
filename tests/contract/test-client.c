/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The privileged side against workers that misbehave: the verdict is unavailable with a sentence,
 * in time, and neither a process nor a descriptor is left. */

#include "contract.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"

/* One call to a misbehaving worker, and that nothing of it stays. */
static int ask_fake(const char *mode, uint32_t timeout_ms, struct wire_reply *reply,
                    uint64_t *ret_ms)
{
        size_t open_before = count_open();
        struct wire_client *client;
        struct wire_request request;
        uint64_t before;
        char path[FAKE_PATH];
        int r;

        fake_path(mode, path);
        client = start_worker(path, 0);
        request_platform(&request, 1);
        request.wrapped.len = 60;
        request.timeout_ms = timeout_ms;
        before = clock_now_ms();
        r = wire_client_call(client, &request, reply);
        *ret_ms = clock_now_ms() - before;
        wire_request_done(&request);
        wire_client_free(client);
        assert_no_children();
        assert_int_equal(count_open(), open_before);
        return r;
}

static void test_misbehaviour(void **state)
{
        static const struct {
                const char *mode, *words;
        } rows[] = {
            {"garbage", "out of form"},          {"too-long", "out of form"},
            {"wrong-operation", "out of form"},  {"descriptor", "out of form"},
            {"too-large-secret", "out of form"}, {"crash", "signal 5"},
            {"leave", "exit status 7"},          {"no-such-mode", "exit status 2"},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
                uint64_t ms;
                int r = ask_fake(rows[i].mode, 20000, &reply, &ms);

                ROW_ASSERT(r == VERDICT_UNAVAILABLE, rows[i].mode);
                assert_refusal(&reply, VERDICT_UNAVAILABLE, rows[i].mode);
                assert_string_equal(reply.diag.rule, "worker");
                ROW_ASSERT(strstr(reply.diag.message, rows[i].words), rows[i].mode);
                ROW_ASSERT(ms < 5000, rows[i].mode);
        }
}

static void test_late_worker_is_ended(void **state)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        uint64_t ms;

        (void)state;
        assert_int_equal(ask_fake("silent", 200, &reply, &ms), VERDICT_UNAVAILABLE);
        assert_refusal(&reply, VERDICT_UNAVAILABLE, "silent");
        assert_non_null(strstr(reply.diag.message, "in time"));
        assert_true(ms >= 200 && ms < 5000);
}

static void test_words_are_cleaned(void **state)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        uint64_t ms;

        (void)state;
        assert_int_equal(ask_fake("control-characters", 20000, &reply, &ms), VERDICT_KEY_STATE);
        assert_string_equal(reply.diag.message, "?]0;owned? the key is disabled?");
}

static void test_missing_program(void **state)
{
        static const struct {
                const char *path;
                int result;
        } rows[] = {{"/nonexistent/luks-kms-worker", -ENOENT}, {"/etc/passwd", -EACCES}};
        size_t before = count_open();

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct wire_client *client = NULL;
                struct diag diag = DIAG_INIT;

                assert_int_equal(wire_client_start(rows[i].path, 0, &client, &diag),
                                 rows[i].result);
                assert_null(client);
                ROW_ASSERT(strstr(diag.message, rows[i].path), diag.message);
                assert_no_children();
        }
        assert_int_equal(count_open(), before);
}

static void *kill_when_there(void *userdata)
{
        pid_t pid = 0;

        (void)userdata;
        for (int i = 0; i < 200 && pid == 0; i++) {
                clock_sleep_ms(10);
                pid = child_of(getpid(), "silent");
        }
        clock_sleep_ms(100);
        if (pid > 0)
                (void)kill(pid, SIGKILL);
        return NULL;
}

static void test_killed_in_mid_call(void **state)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        pthread_t thread;
        uint64_t ms;

        (void)state;
        assert_int_equal(pthread_create(&thread, NULL, kill_when_there, NULL), 0);
        assert_int_equal(ask_fake("silent", 20000, &reply, &ms), VERDICT_UNAVAILABLE);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_non_null(strstr(reply.diag.message, "signal 9"));
        assert_true(ms < 5000);
}

static void unwrap_platform(struct wire_client *client)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;

        request_platform(&request, 1);
        wrap_and_unwrap(client, &request, &plain);
}

static void test_next_call_has_a_new_worker(void **state)
{
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        CLEANUP_REQUEST struct wire_request request;
        pid_t first, second;

        (void)state;
        unwrap_platform(client);
        first = child_of(getpid(), "luks-kms-worker");
        assert_true(first > 0);
        assert_int_equal(kill(first, SIGKILL), 0);
        request_platform(&request, 1);
        request.wrapped.len = 60;
        assert_int_equal(wire_client_call(client, &request, &reply), VERDICT_UNAVAILABLE);
        unwrap_platform(client);
        second = child_of(getpid(), "luks-kms-worker");
        assert_true(second > 0 && second != first);
}

/* The places 0 to 3 may be anything in the caller, or nothing. */
static void test_caller_without_standard_descriptors(void **state)
{
        int status;
        pid_t pid;

        (void)state;
        for (int keep = 0; keep < 16; keep++) {
                pid = fork();
                if (pid == 0) {
                        struct wire_client *client;

                        for (int fd = 0; fd < 4; fd++)
                                if (!(keep & 1 << fd))
                                        (void)close(fd);
                        if (wire_client_start(programs.worker, 0, &client, NULL) != 0)
                                _exit(1);
                        unwrap_platform(client);
                        wire_client_free(client);
                        _exit(0);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
}

/* A worker must not outlive who started it, even in the middle of a call: changing the user undoes
 * the signal that was asked for at the start. */
static void test_worker_dies_with_its_parent(void **state)
{
        pid_t parent, worker = 0;
        char path[64];
        int status;

        (void)state;
        parent = fork();
        if (parent == 0) {
                struct wire_client *client = NULL;

                if (wire_client_start(programs.worker, 0, &client, NULL) == 0)
                        unwrap_platform(client);
                for (;;)
                        (void)pause();
        }
        for (int i = 0; i < 500 && worker == 0; i++) {
                pid_t pid = child_of(parent, "luks-kms-worker");
                char mode[8] = "";

                clock_sleep_ms(10);
                if (pid > 0)
                        proc_field(pid, "status", "NoNewPrivs", mode, sizeof(mode));
                worker = mode[0] == '1' ? pid : 0;
        }
        assert_true(worker > 0);
        clock_sleep_ms(100);
        /* Stopped, it cannot see the end of file: only the signal ends it. */
        assert_int_equal(kill(worker, SIGSTOP), 0);
        assert_int_equal(kill(parent, SIGKILL), 0);
        assert_int_equal(waitpid(parent, &status, 0), parent);
        (void)snprintf(path, sizeof(path), "/proc/%d/fd/3", worker);
        for (int i = 0; i < 200 && access(path, F_OK) == 0; i++)
                clock_sleep_ms(10);
        if (access(path, F_OK) == 0) {
                (void)kill(worker, SIGKILL);
                fail_msg("the worker has outlived its parent");
        }
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_misbehaviour),
            cmocka_unit_test(test_late_worker_is_ended),
            cmocka_unit_test(test_words_are_cleaned),
            cmocka_unit_test(test_missing_program),
            cmocka_unit_test(test_killed_in_mid_call),
            cmocka_unit_test(test_next_call_has_a_new_worker),
            cmocka_unit_test(test_caller_without_standard_descriptors),
            cmocka_unit_test(test_worker_dies_with_its_parent),
        };
        int r = contract_setup(argc, argv);

        return r != 0 ? r : cmocka_run_group_tests_name("client", tests, fakes_make, fakes_remove);
}
