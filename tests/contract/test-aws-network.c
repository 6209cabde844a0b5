/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way to the service: whom the worker trusts, where it goes, and what it says when nobody is
 * there. */

#include "contract.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"

enum { SLACK_MS = 1000 };

static struct sim sim;
static struct wire_client *client;
static struct wire_blob wrapped; /* under SIM_KEY, by the default identity */

static void new_unwrap(struct wire_request *request)
{
        request_aws(request, &sim, "file");
        request->wrapped = wrapped;
}

/* Refused, and the service has not been asked. */
static void refuse(const struct wire_request *request, int verdict, const char *name,
                   struct diag *ret_diag)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        size_t before = sim_requests(&sim, NULL);

        ROW_ASSERT(wire_client_call(client, request, &reply) >= 0, name);
        assert_refusal(&reply, verdict, name);
        ROW_ASSERT(sim_requests(&sim, NULL) == before, name);
        if (ret_diag)
                *ret_diag = reply.diag;
}

static void test_trust(void **state)
{
        static const struct {
                const char *name, *ca;
                int verdict;
        } rows[] = {
            {"the system's CAs", NULL, VERDICT_UNAVAILABLE},
            {"no certificate", "this is no certificate\n", VERDICT_UNAVAILABLE},
            {"an empty file", "", VERDICT_UNAVAILABLE},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_CLIENT struct wire_client *fresh = start_worker(programs.worker, 0);
                CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
                CLEANUP_REQUEST struct wire_request request;
                size_t before = sim_requests(&sim, NULL);

                /* With a worker that has just been granted: no connection may be reused that
                 * another trust has opened. */
                new_unwrap(&request);
                call_granted(fresh, &request, &reply);
                wire_reply_done(&reply);
                request_set_fd(&request, WIRE_FD_CA, rows[i].ca ? text_file(rows[i].ca) : -1);
                ROW_ASSERT(wire_client_call(fresh, &request, &reply) >= 0, rows[i].name);
                assert_refusal(&reply, rows[i].verdict, rows[i].name);
                ROW_ASSERT(sim_requests(&sim, NULL) == before + 1, rows[i].name);
        }
}

static void test_endpoints(void **state)
{
        static const struct {
                const char *endpoint;
                int verdict;
        } rows[] = {
            {"http://127.0.0.1:1", VERDICT_MISCONFIGURED},
            {"https://", VERDICT_MISCONFIGURED},
            {"https://user@127.0.0.1:1", VERDICT_MISCONFIGURED},
            {"https://127.0.0.1:1/path", VERDICT_MISCONFIGURED},
            {"https://127.0.0.1:99999", VERDICT_MISCONFIGURED},
            {"file:///etc/passwd", VERDICT_MISCONFIGURED},
            {"https://no-such-host.invalid", VERDICT_UNAVAILABLE},
        };
        size_t connections = sim_connections(&sim);

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_REQUEST struct wire_request request;

                new_unwrap(&request);
                strcpy(request.endpoint, rows[i].endpoint);
                refuse(&request, rows[i].verdict, rows[i].endpoint, NULL);
        }
        assert_int_equal(sim_connections(&sim), connections);
}

static void test_refused_port(void **state)
{
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CLEANUP_REQUEST struct wire_request request;
        socklen_t len = sizeof(address);
        struct diag diag;

        (void)state;
        /* Bound and not listening: nobody else can take the port meanwhile. */
        assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
        new_unwrap(&request);
        (void)snprintf(request.endpoint, sizeof(request.endpoint), "https://127.0.0.1:%u",
                       ntohs(address.sin_port));
        refuse(&request, VERDICT_UNAVAILABLE, "refused port", &diag);
        assert_non_null(strstr(diag.message, "127.0.0.1"));
}

static void test_name_that_resolves(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

        (void)state;
        new_unwrap(&request);
        (void)snprintf(request.endpoint, sizeof(request.endpoint), "https://localhost%s",
                       strrchr(sim.url, ':'));
        call_granted(client, &request, &reply);
}

/* In a mount name space of its own: the resolver's only server never answers. */
static int ask_with_mute_resolver(void)
{
        static const char config[] = "nameserver 127.77.0.53\n";
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
        CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        CLEANUP_REQUEST struct wire_request request;
        struct wire_client *asking;
        char path[128], query[16];
        uint64_t start;
        FILE *file;

        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
                return 77;
        (void)snprintf(path, sizeof(path), "%s/resolv.conf", sim.dir);
        file = fopen(path, "we");
        if (!file || fputs(config, file) < 0 || fclose(file) != 0 || chmod(path, 0644) < 0)
                return 2;
        if (mount(path, "/etc/resolv.conf", "none", MS_BIND, NULL) < 0)
                return 77;
        address.sin_addr.s_addr = inet_addr("127.77.0.53");
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return 77;

        asking = start_worker(programs.worker, 0);
        new_unwrap(&request);
        strcpy(request.endpoint, "https://kms.example.com");
        request.timeout_ms = 1500;
        start = clock_now_ms();
        if (wire_client_call(asking, &request, &reply) != VERDICT_UNAVAILABLE)
                return 3;
        if (clock_now_ms() - start > request.timeout_ms + SLACK_MS)
                return 4;
        wire_client_free(asking);
        return recv(fd, query, sizeof(query), MSG_DONTWAIT) > 0 ? 0 : 5;
}

static void test_mute_resolver(void **state)
{
        pid_t pid = fork();
        int status;

        (void)state;
        if (pid == 0)
                _exit(ask_with_mute_resolver());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
                print_message("skipped: no mount name space, or the address is taken\n");
                skip();
        }
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static int setup(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

        (void)state;
        sim_start(&sim);
        client = start_worker(programs.worker, 0);
        request_aws(&request, &sim, "file");
        request_wrap(&request, 32);
        call_granted(client, &request, &reply);
        wrapped = reply.wrapped;
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        wire_client_free(client);
        sim_stop(&sim);
        assert_no_children();
        return 0;
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_trust),         cmocka_unit_test(test_endpoints),
            cmocka_unit_test(test_refused_port),  cmocka_unit_test(test_name_that_resolves),
            cmocka_unit_test(test_mute_resolver),
        };
        int r = contract_setup(argc, argv);

        return r != 0 ? r : cmocka_run_group_tests_name("aws-network", tests, setup, teardown);
}
