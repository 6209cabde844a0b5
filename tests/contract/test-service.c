/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Workers of a service: found by a socket that must be root's, each ended by the end of its
 * connection or by its own clock, and nothing secret in any record on the way. */

#include "contract.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/fdio.h"

enum { PATIENCE_MS = 30000, LOG_MAX = 1 << 20, OTHER_USER = 65533 };

static struct wire_client *connect_to(const struct service *service)
{
        struct wire_client *client = NULL;
        struct diag diag = DIAG_INIT;

        if (wire_client_connect(service->path, &client, &diag) != 0)
                fail_msg("%s", diag.message);
        return client;
}

static void unwrap_platform(struct wire_client *client)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;

        request_platform(&request, 1);
        wrap_and_unwrap(client, &request, &plain);
}

/* There may be several, each on its way out. */
static void await_no_worker(const struct service *service)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "task/%d/children", service->pid);
        for (int i = 0; i < PATIENCE_MS / 10; i++) {
                CLEANUP_FREE char *children = proc_text(service->pid, path);

                assert_non_null(children);
                if (!children[0])
                        return;
                clock_sleep_ms(10);
        }
        fail_msg("a worker stays");
}

static void test_workers_come_and_go(void **state)
{
        struct wire_client *first, *second;
        struct service service;
        size_t before = count_open();

        (void)state;
        service_start(&service, SERVICE_PLAIN, programs.worker);
        first = connect_to(&service);
        second = connect_to(&service);
        unwrap_platform(first);
        unwrap_platform(second);
        unwrap_platform(first);
        wire_client_free(first);
        unwrap_platform(second);
        wire_client_hang_up(second);
        await_no_worker(&service);
        wire_client_free(second);
        assert_int_equal(count_open(), before);
        service_stop(&service);
}

/* With the rights of a hardened unit, which are fewer than sandbox_enter() expects to take away. */
static void test_worker_in_a_unit(void **state)
{
        struct wire_client *client;
        struct service service;
        char value[64];
        pid_t pid;

        (void)state;
        service_start(&service, SERVICE_UNIT, programs.worker);
        client = connect_to(&service);
        unwrap_platform(client);
        pid = child_of(service.pid, "luks-kms-worker");
        assert_true(pid > 0);
        proc_field(pid, "status", "Uid", value, sizeof(value));
        assert_int_equal(strtol(value, NULL, 10), OTHER_USER);
        proc_field(pid, "status", "CapPrm", value, sizeof(value));
        assert_string_equal(value, "0000000000000000");
        wire_client_free(client);
        await_no_worker(&service);
        service_stop(&service);
}

/* ---- what is on the wire ---- */

static size_t count_in(const char *log, size_t len, const void *bytes, size_t n)
{
        size_t count = 0;
        const char *at = log;

        while ((at = memmem(at, len - (size_t)(at - log), bytes, n))) {
                count++;
                at++;
        }
        return count;
}

static void test_secrets_are_in_no_record(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;
        CLEANUP_FREE char *log = NULL;
        CLEANUP_FD int fd = -1;
        struct wire_client *client;
        struct service service;
        char text[BASE64_LEN(32) + 1];
        size_t len;

        (void)state;
        service_start(&service, SERVICE_RELAY, programs.worker);
        client = connect_to(&service);
        request_platform(&request, 1);
        wrap_and_unwrap(client, &request, &plain);
        wire_client_free(client);
        fd = open(service.log, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(fd_read_text(fd, LOG_MAX, &log, &len), 0);
        /* The search finds what is there: the wrapped secret, on its way back and there again. */
        assert_int_equal(count_in(log, len, request.wrapped.data, request.wrapped.len), 2);
        for (size_t i = 0; i + 8 <= 32; i++)
                assert_int_equal(count_in(log, len, secret_bytes(plain) + i, 8), 0);
        base64_encode(secret_bytes(plain), 32, text);
        assert_int_equal(count_in(log, len, text, 12), 0);
        service_stop(&service);
}

/* ---- workers that are late or gone ---- */

static int ask(struct wire_client *client, uint32_t timeout_ms, struct wire_reply *reply)
{
        CLEANUP_REQUEST struct wire_request request;

        request_platform(&request, 1);
        request.wrapped.len = 60;
        request.timeout_ms = timeout_ms;
        return wire_client_call(client, &request, reply);
}

static void test_misbehaviour(void **state)
{
        static const struct {
                const char *mode, *words;
        } rows[] = {
            {"garbage", "out of form"},
            {"crash", "closed the connection instead of answering"},
            {"leave", "closed the connection instead of answering"},
            {"silent", "did not answer in time"},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
                struct wire_client *client;
                struct service service;
                char path[FAKE_PATH];

                fake_path(rows[i].mode, path);
                service_start(&service, SERVICE_PLAIN, path);
                client = connect_to(&service);
                ROW_ASSERT(ask(client, 200, &reply) == VERDICT_UNAVAILABLE, rows[i].mode);
                assert_refusal(&reply, VERDICT_UNAVAILABLE, rows[i].mode);
                ROW_ASSERT(strstr(reply.diag.message, rows[i].words), reply.diag.message);
                ROW_ASSERT(!strstr(reply.diag.message, "was ended"), reply.diag.message);
                wire_client_free(client);
                service_stop(&service);
        }
}

/* Nobody can kill it: it reads the CA from a pipe into which nobody writes, does not see that the
 * connection is closed, and must end by its own clock. */
static void test_stuck_worker_ends_itself(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        struct wire_client *client;
        struct service service;
        int ends[2];

        (void)state;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        service_start(&service, SERVICE_PLAIN, programs.worker);
        client = connect_to(&service);
        unwrap_platform(client);
        request_platform(&request, 1);
        strcpy(request.uri, "aws-kms://" SIM_KEY);
        strcpy(request.endpoint, "https://127.0.0.1:1");
        strcpy(request.credentials, "file");
        request.wrapped.len = 60;
        request.timeout_ms = 500;
        request_set_fd(&request, WIRE_FD_KEY, -1);
        request_set_fd(&request, WIRE_FD_CA, ends[0]);
        assert_int_equal(wire_client_begin(client, &request), 0);
        assert_int_equal(wire_client_expire(client, &reply), VERDICT_UNAVAILABLE);
        clock_sleep_ms(100);
        assert_true(child_of(service.pid, "luks-kms-worker") > 0);
        await_no_worker(&service);
        close_fd(ends[1]);
        unwrap_platform(client);
        wire_client_free(client);
        service_stop(&service);
}

static void test_next_call_connects_again(void **state)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        CLEANUP_REPLY struct wire_reply last = {.plain = NULL};
        struct wire_client *client;
        struct service service;
        pid_t pid;

        (void)state;
        service_start(&service, SERVICE_PLAIN, programs.worker);
        client = connect_to(&service);
        unwrap_platform(client);
        pid = child_of(service.pid, "luks-kms-worker");
        assert_true(pid > 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        await_no_worker(&service);
        assert_int_equal(ask(client, 5000, &reply), VERDICT_UNAVAILABLE);
        unwrap_platform(client);
        service_stop(&service);
        assert_int_equal(ask(client, 5000, &last), VERDICT_UNAVAILABLE);
        wire_reply_done(&last);
        assert_int_equal(ask(client, 5000, &last), VERDICT_UNAVAILABLE);
        assert_non_null(strstr(last.diag.message, "cannot be reached any more"));
        wire_client_free(client);
}

/* ---- whose socket it is ---- */

static int refused(const char *path)
{
        struct wire_client *client = NULL;
        struct diag diag = DIAG_INIT;
        size_t before = count_open();
        int r = wire_client_connect(path, &client, &diag);

        assert_null(client);
        assert_int_equal(count_open(), before);
        ROW_ASSERT(strstr(diag.message, path), diag.message);
        return r;
}

static void test_only_roots_socket(void **state)
{
        struct service service;
        char link[128];

        (void)state;
        service_start(&service, SERVICE_PLAIN, programs.worker);
        wire_client_free(connect_to(&service));
        assert_int_equal(chmod(service.path, 0620), 0);
        assert_int_equal(refused(service.path), -EPERM);
        assert_int_equal(chmod(service.path, 0602), 0);
        assert_int_equal(refused(service.path), -EPERM);
        assert_int_equal(chmod(service.path, 0600), 0);
        assert_int_equal(chown(service.path, OTHER_USER, 0), 0);
        assert_int_equal(refused(service.path), -EPERM);
        assert_int_equal(chown(service.path, 0, 0), 0);
        (void)snprintf(link, sizeof(link), "%s/link", service.dir);
        assert_int_equal(symlink(service.path, link), 0);
        assert_int_equal(refused(link), -ENOTSOCK);
        (void)unlink(link);
        wire_client_free(connect_to(&service));
        assert_int_equal(refused("/etc/passwd"), -ENOTSOCK);
        assert_int_equal(refused("/nonexistent/worker"), -ENOENT);
        service_stop(&service);
}

/* The file is root's, but whoever listens is not. */
static void test_only_roots_listener(void **state)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        CLEANUP_FD int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        char dir[] = "/tmp/luks-kms-service.XXXXXX", path[64];

        (void)state;
        assert_non_null(mkdtemp(dir));
        (void)snprintf(path, sizeof(path), "%s/worker", dir);
        strcpy(address.sun_path, path);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(refused(path), -ECONNREFUSED); /* nobody listens */
        assert_int_equal(seteuid(OTHER_USER), 0);
        assert_int_equal(listen(listener, 8), 0);
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(refused(path), -EPERM);
        assert_int_equal(listen(listener, 8), 0); /* now root does */
        {
                CLEANUP_CLIENT struct wire_client *client = NULL;

                assert_int_equal(wire_client_connect(path, &client, NULL), 0);
        }
        (void)unlink(path);
        assert_int_equal(rmdir(dir), 0);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_workers_come_and_go),
            cmocka_unit_test(test_worker_in_a_unit),
            cmocka_unit_test(test_secrets_are_in_no_record),
            cmocka_unit_test(test_misbehaviour),
            cmocka_unit_test(test_stuck_worker_ends_itself),
            cmocka_unit_test(test_next_call_connects_again),
            cmocka_unit_test(test_only_roots_socket),
            cmocka_unit_test(test_only_roots_listener),
        };
        int r = contract_setup(argc, argv);

        return r != 0 ? r : cmocka_run_group_tests_name("service", tests, fakes_make, fakes_remove);
}
