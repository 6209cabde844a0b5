/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A call in two halves, as an event loop makes it: several at once, one that never ends, and that
 * the memory which was shared for a call is zeros when the call is over, however it ended. */

#include "contract.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"

enum { CLIENTS = 4, PATIENCE_MS = 30000 };

static struct sim sim;

static void await_readable(const struct wire_client *client)
{
        struct pollfd pollfd = {.fd = wire_client_fd(client), .events = POLLIN};

        assert_int_equal(poll(&pollfd, 1, PATIENCE_MS), 1);
}

static void await_secret(const uint8_t *view)
{
        for (int i = 0; i < PATIENCE_MS / 10 && shared_is_zero(view); i++)
                clock_sleep_ms(10);
        assert_false(shared_is_zero(view));
}

/* The simulator is a child too. */
static void assert_no_workers(void)
{
        CLEANUP_FREE char *children = NULL;
        char path[64], only[32];

        (void)snprintf(path, sizeof(path), "task/%d/children", getpid());
        (void)snprintf(only, sizeof(only), "%d ", sim.pid);
        children = proc_text(getpid(), path);
        assert_non_null(children);
        assert_string_equal(children, only);
}

/* An unwrap that a fake worker may answer. */
static void request_any(struct wire_request *request, uint32_t timeout_ms)
{
        request_platform(request, 1);
        request->wrapped.len = 60;
        request->timeout_ms = timeout_ms;
}

static struct wire_client *start_fake(const char *mode)
{
        char path[FAKE_PATH];

        fake_path(mode, path);
        return start_worker(path, 0);
}

/* ---- a loop with several clients ---- */

static void test_several_at_once(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;
        CLEANUP_REPLY struct wire_reply last = {.plain = NULL};
        struct wire_client *clients[CLIENTS + 1];
        struct pollfd polls[CLIENTS + 1];
        struct wire_request never;
        size_t done = 0;

        (void)state;
        for (size_t i = 0; i < CLIENTS; i++)
                clients[i] = start_worker(programs.worker, 0);
        clients[CLIENTS] = start_fake("silent");
        request_aws(&request, &sim, "file");
        wrap_and_unwrap(clients[0], &request, &plain);
        request.timeout_ms = 20000;
        request_any(&never, 20000);
        for (size_t i = 0; i <= CLIENTS; i++) {
                assert_int_equal(wire_client_begin(clients[i], i < CLIENTS ? &request : &never), 0);
                assert_true(clock_left_ms(wire_client_deadline(clients[i])) > 20000);
                polls[i] = (struct pollfd){.fd = wire_client_fd(clients[i]), .events = POLLIN};
        }
        wire_request_done(&never); /* it has been sent: nothing of it is needed any more */
        while (done < CLIENTS) {
                assert_true(poll(polls, CLIENTS + 1, PATIENCE_MS) > 0);
                for (size_t i = 0; i <= CLIENTS; i++) {
                        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

                        if (!polls[i].revents)
                                continue;
                        assert_int_equal(wire_client_finish(clients[i], &reply), VERDICT_GRANTED);
                        assert_true(secret_equal(reply.plain, plain));
                        polls[i].fd = -1;
                        done++;
                }
        }
        assert_int_equal(wire_client_expire(clients[CLIENTS], &last), VERDICT_UNAVAILABLE);
        for (size_t i = 0; i <= CLIENTS; i++)
                wire_client_free(clients[i]);
        assert_no_workers();
}

static void test_one_at_a_time(void **state)
{
        CLEANUP_CLIENT struct wire_client *client = start_fake("silent");
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        CLEANUP_REQUEST struct wire_request request;

        (void)state;
        request_any(&request, 20000);
        assert_int_equal(wire_client_finish(client, &reply), -EINVAL);
        assert_int_equal(wire_client_expire(client, &reply), -EINVAL);
        request.timeout_ms = 0;
        assert_int_equal(wire_client_begin(client, &request), -EINVAL);
        request.timeout_ms = 20000;
        assert_int_equal(wire_client_begin(client, &request), 0);
        assert_int_equal(wire_client_begin(client, &request), -EBUSY);
        assert_int_equal(wire_client_finish(client, &reply), -EAGAIN);
        assert_int_equal(wire_client_expire(client, &reply), VERDICT_UNAVAILABLE);
        assert_refusal(&reply, VERDICT_UNAVAILABLE, "silent");
        assert_non_null(strstr(reply.diag.message, "in time and was ended"));
        assert_no_workers();
        assert_int_equal(wire_client_finish(client, &reply), -EINVAL);
}

/* ---- the shared memory after each end ---- */

enum end { FINISH, EXPIRE, FREE, KILL };

static void end_call(struct wire_client *client, enum end end)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

        if (end == KILL) {
                assert_true(child_of(getpid(), "silent") > 0);
                assert_int_equal(kill(child_of(getpid(), "silent"), SIGKILL), 0);
        }
        if (end == EXPIRE) {
                assert_int_equal(wire_client_expire(client, &reply), VERDICT_UNAVAILABLE);
        } else if (end != FREE) {
                await_readable(client);
                assert_true(wire_client_finish(client, &reply) > 0);
        }
}

static void test_wiped_after_each_misbehaviour(void **state)
{
        static const struct {
                const char *mode;
                enum end end;
        } rows[] = {
            {"garbage", FINISH},
            {"too-long", FINISH},
            {"wrong-operation", FINISH},
            {"descriptor", FINISH},
            {"too-large-secret", FINISH},
            {"control-characters", FINISH},
            {"crash", FINISH},
            {"leave", FINISH},
            {"silent", EXPIRE},
            {"silent", FREE},
            {"silent", KILL},
        };
        size_t before = count_open();

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_REQUEST struct wire_request request;
                struct wire_client *client = start_fake(rows[i].mode);
                const uint8_t *view;

                request_any(&request, 20000);
                assert_int_equal(wire_client_begin(client, &request), 0);
                view = shared_look();
                await_secret(view);
                end_call(client, rows[i].end);
                if (rows[i].end == FREE)
                        wire_client_free(client);
                ROW_ASSERT(shared_is_zero(view), rows[i].mode);
                shared_unlook(view);
                if (rows[i].end != FREE)
                        wire_client_free(client);
                wire_request_done(&request);
                assert_no_workers();
                assert_int_equal(count_open(), before);
        }
}

/* A real worker takes the secret out of a wrap at once, and puts one there when it grants. */
static void test_wiped_after_a_grant(void **state)
{
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REPLY struct wire_reply wrapped = {.plain = NULL};
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        CLEANUP_SECRET struct secret *plain = NULL;
        CLEANUP_REQUEST struct wire_request request;
        const uint8_t *view;

        (void)state;
        request_platform(&request, 1);
        request_wrap(&request, 32);
        assert_int_equal(wire_client_begin(client, &request), 0);
        view = shared_look();
        await_readable(client);
        assert_true(shared_is_zero(view));
        assert_int_equal(wire_client_finish(client, &wrapped), VERDICT_GRANTED);
        assert_true(shared_is_zero(view));
        shared_unlook(view);

        request_unwrap(&request, &wrapped, &plain);
        assert_int_equal(wire_client_begin(client, &request), 0);
        view = shared_look();
        await_readable(client);
        assert_memory_equal(view, secret_bytes(plain), 32);
        assert_int_equal(wire_client_finish(client, &reply), VERDICT_GRANTED);
        assert_true(shared_is_zero(view));
        shared_unlook(view);
        assert_true(secret_equal(plain, reply.plain));
}

/* ---- the worker's end ---- */

static void test_wraps_left_behind_are_wiped(void **state)
{
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        const uint8_t *view;
        pid_t pid;

        (void)state;
        request_platform(&request, 1);
        pid = idle_worker();
        assert_int_equal(kill(pid, SIGSTOP), 0); /* it does not take the secret out */
        request_wrap(&request, 32);
        assert_int_equal(wire_client_begin(client, &request), 0);
        view = shared_look();
        assert_memory_equal(view, secret_bytes(request.plain), 32);
        assert_int_equal(wire_client_expire(client, &reply), VERDICT_UNAVAILABLE);
        assert_true(shared_is_zero(view));
        shared_unlook(view);
}

/* No signal is needed for it: the caller may be an event loop. */
static void test_idle_worker_leaves_at_once(void **state)
{
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;
        siginfo_t info = {.si_pid = 0};

        (void)state;
        request_aws(&request, &sim, "file");
        wrap_and_unwrap(client, &request, &plain);
        wire_client_hang_up(client);
        assert_int_equal(
            waitid(P_PID, (id_t)child_of(getpid(), "luks-kms-worker"), &info, WEXITED | WNOWAIT),
            0);
        assert_int_equal(info.si_code, CLD_EXITED);
        assert_int_equal(info.si_status, 0);
}

static void test_program_that_has_gone(void **state)
{
        CLEANUP_CLIENT struct wire_client *client = NULL;
        CLEANUP_REQUEST struct wire_request request;
        char path[FAKE_PATH];

        (void)state;
        fake_path("leave", path);
        client = start_worker(path, 0);
        assert_int_equal(unlink(path), 0);
        request_any(&request, 20000);
        for (int call = 0; call < 3; call++) {
                CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

                assert_int_equal(wire_client_begin(client, &request), 0);
                await_readable(client);
                assert_int_equal(wire_client_finish(client, &reply), VERDICT_UNAVAILABLE);
                assert_refusal(&reply, VERDICT_UNAVAILABLE, "gone");
                assert_non_null(strstr(reply.diag.message,
                                       call == 0 ? "exit status 7" : "could not be started again"));
        }
}

static int setup(void **state)
{
        sim_start(&sim);
        return fakes_make(state);
}

static int teardown(void **state)
{
        sim_stop(&sim);
        assert_no_children();
        return fakes_remove(state);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_several_at_once),
            cmocka_unit_test(test_one_at_a_time),
            cmocka_unit_test(test_wiped_after_each_misbehaviour),
            cmocka_unit_test(test_wiped_after_a_grant),
            cmocka_unit_test(test_wraps_left_behind_are_wiped),
            cmocka_unit_test(test_idle_worker_leaves_at_once),
            cmocka_unit_test(test_program_that_has_gone),
        };
        int r = contract_setup(argc, argv);

        return r != 0 ? r : cmocka_run_group_tests_name("halves", tests, setup, teardown);
}
