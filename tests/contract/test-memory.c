/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a live worker keeps in memory of the secrets that went through it: nothing. The whole of its
 * writable memory is searched from outside, raw and in base64. */

#include "contract.h"

#include "base/bytes.h"
#include "base/clock.h"

enum { RESIDENT_MAX_KB = 13 * 1024 };

static struct sim sim;

/* Both forms in which a secret is in a process: raw, and as the service's JSON has it. The last
 * characters depend on the length, so they are left out. */
static size_t count_secret(pid_t pid, const struct secret *secret)
{
        char text[BASE64_LEN(32) + 1];
        size_t n;

        assert_int_equal(secret_size(secret), 32);
        base64_encode(secret_bytes(secret), 32, text);
        n = memory_count(pid, secret_bytes(secret), 16) +
            memory_count(pid, secret_bytes(secret) + 16, 16) + memory_count(pid, text, 20) +
            memory_count(pid, text + 20, 20);
        explicit_bzero(text, sizeof(text));
        return n;
}

static void assert_forgotten(pid_t pid, const void *bytes, size_t len, const char *what)
{
        size_t n = memory_count(pid, bytes, len);

        if (n > 0)
                fail_msg("%s is %zu times in the worker's memory", what, n);
}

static void test_platform_secret_is_wiped(void **state)
{
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;
        uint8_t key[32];

        (void)state;
        request_platform(&request, 0xa9);
        wrap_and_unwrap(client, &request, &plain);
        assert_true(count_secret(getpid(), plain) > 0);
        assert_int_equal(count_secret(idle_worker(), plain), 0);
        memset(key, 0xa9, sizeof(key));
        assert_forgotten(idle_worker(), key, sizeof(key), "the platform key");
}

static void test_aws_secret_is_wiped(void **state)
{
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REQUEST struct wire_request request;
        char secret_key[256], token[512];

        (void)state;
        sim_credential(&sim, "session", "aws_secret_access_key", secret_key, sizeof(secret_key));
        sim_credential(&sim, "session", "aws_session_token", token, sizeof(token));
        request_aws(&request, &sim, "profile:session");
        for (int i = 0; i < 3; i++) {
                CLEANUP_SECRET struct secret *plain = NULL;

                wrap_and_unwrap(client, &request, &plain);
                assert_true(count_secret(getpid(), plain) > 0);
                assert_int_equal(count_secret(idle_worker(), plain), 0);
        }
        assert_forgotten(idle_worker(), secret_key, strlen(secret_key), "the secret access key");
        assert_forgotten(idle_worker(), token, strlen(token), "the session token");
}

/* An answer that is refused may still have brought the secret. */
static void test_refused_answers_are_wiped(void **state)
{
        static const char *const faults[] = {"broken-json", "duplicate-json", "cut", "wrong-key-id",
                                             "stall"};

        (void)state;
        for (size_t i = 0; i < LENGTH(faults); i++) {
                CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
                CLEANUP_REQUEST struct wire_request request;
                CLEANUP_SECRET struct secret *plain = NULL;
                CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

                request_aws(&request, &sim, "file");
                wrap_and_unwrap(client, &request, &plain);
                request.timeout_ms = 1000;
                sim_fault(&sim, faults[i]);
                ROW_ASSERT(wire_client_call(client, &request, &reply) > 0, faults[i]);
                sim_fault(&sim, "");
                ROW_ASSERT(reply.diag.requests > 0, faults[i]);
                ROW_ASSERT(count_secret(idle_worker(), plain) == 0, faults[i]);
        }
}

/* The control for the ones above: while a wrap is under way the same search does find it. */
static void test_search_finds_what_is_there(void **state)
{
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        CLEANUP_REQUEST struct wire_request request;
        size_t found = 0;

        (void)state;
        request_aws(&request, &sim, "file");
        request_wrap(&request, 32);
        request.timeout_ms = 60000;
        sim_fault(&sim, "stall-headers");
        assert_int_equal(wire_client_begin(client, &request), 0);
        for (int i = 0; i < 100 && found == 0; i++) {
                clock_sleep_ms(20);
                found = count_secret(child_of(getpid(), "luks-kms-worker"), request.plain);
        }
        assert_int_equal(wire_client_expire(client, &reply), VERDICT_UNAVAILABLE);
        sim_fault(&sim, "");
        assert_true(found > 0);
}

/* Agent and worker together are to stay within 25 MiB. Most of it is libraries: libcrypto, libc,
 * and what libcurl brings. */
static void test_worker_is_small(void **state)
{
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REQUEST struct wire_request request;
        char text[64];

        (void)state;
        request_aws(&request, &sim, "profile:session");
        for (int i = 0; i < 20; i++) {
                CLEANUP_SECRET struct secret *plain = NULL;

                wrap_and_unwrap(client, &request, &plain);
        }
        proc_field(idle_worker(), "status", "VmRSS", text, sizeof(text));
        print_message("resident: %s\n", text);
        assert_in_range(strtol(text, NULL, 10), 1024, RESIDENT_MAX_KB);
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
            cmocka_unit_test(test_platform_secret_is_wiped),
            cmocka_unit_test(test_aws_secret_is_wiped),
            cmocka_unit_test(test_refused_answers_are_wiped),
            cmocka_unit_test(test_search_finds_what_is_there),
            cmocka_unit_test(test_worker_is_small),
        };
        int r = contract_setup(argc, argv);

        return r != 0 ? r : cmocka_run_group_tests_name("memory", tests, setup, teardown);
}
