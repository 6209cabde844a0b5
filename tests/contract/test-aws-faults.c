/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every fault that the simulator has (it lists them itself), asked of a real worker: the verdict of
 * the table, in time, with words for a person, and with the service's own code and request id. */

#include "contract.h"

#include "base/clock.h"

enum { ROWS_AT_LEAST = 40, TIMEOUT_MS = 5000, SHORT_TIMEOUT_MS = 1500, SLACK_MS = 1000 };

struct row {
        char fault[64], verdict[24], stage[24];
};

static struct sim sim;
static struct row rows[128];
static size_t row_count;

static int verdict_of(const char *name)
{
        static const char *const names[] = {"GRANTED",    "KEY_STATE",   "ACCESS_DENIED",
                                            "CREDENTIAL", "UNAVAILABLE", "MISCONFIGURED",
                                            "TAMPERED"};

        for (size_t i = 0; i < LENGTH(names); i++)
                if (strcmp(names[i], name) == 0)
                        return (int)i;
        fail_msg("%s is no verdict", name);
        return -1;
}

/* Changes to the plaintext alone, which only the header's MAC can see. */
static bool invisible(const char *fault)
{
        return strcmp(fault, "wrong-plaintext") == 0 || strcmp(fault, "short-plaintext") == 0;
}

/* The simulator's list has the verdict of the whole way; this is the KMS client's part of it. */
static int expected_verdict(const struct row *row)
{
        if (invisible(row->fault))
                return VERDICT_GRANTED;
        return verdict_of(row->verdict);
}

static bool ends_by_timeout(const char *fault)
{
        return strncmp(fault, "stall", 5) == 0;
}

static void read_rows(void)
{
        char command[256], line[512];
        FILE *list;

        (void)snprintf(command, sizeof(command), "'%s' --faults", programs.sim);
        list = popen(command, "re");
        assert_non_null(list);
        while (fgets(line, sizeof(line), list)) {
                struct row *row = &rows[row_count++];

                assert_true(row_count <= LENGTH(rows));
                assert_int_equal(sscanf(line, "%63[^\t]\t%23[^\t]\t%23[^\t]", row->fault,
                                        row->verdict, row->stage),
                                 3);
        }
        assert_int_equal(pclose(list), 0);
        assert_true(row_count >= ROWS_AT_LEAST);
}

static void wrap(struct wire_client *client, struct wire_request *request, struct secret **ret)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

        request_aws(request, &sim, "file");
        request_wrap(request, 32);
        call_granted(client, request, &reply);
        request_unwrap(request, &reply, ret);
}

/* What the log of the service says of its last answer must be what the user is told. */
static void check_origin(const struct row *row, const struct wire_reply *reply)
{
        CLEANUP_FREE char *last = NULL;
        char id[sizeof(reply->diag.request_id) + 32];

        if (strcmp(row->stage, "state") != 0 && strcmp(row->stage, "error") != 0)
                return;
        ROW_ASSERT(reply->diag.code[0], row->fault);
        ROW_ASSERT(strchr(reply->diag.code, '#') == NULL, row->fault);
        ROW_ASSERT(reply->diag.http_status >= 400, row->fault);
        (void)sim_requests(&sim, &last);
        (void)snprintf(id, sizeof(id), "\"request_id\": \"%s\"", reply->diag.request_id);
        ROW_ASSERT(reply->diag.request_id[0] && strstr(last, id), row->fault);
}

static void check_row(const struct row *row, struct wire_client *client,
                      struct wire_request *request, const struct secret *plain)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        int verdict = expected_verdict(row);
        size_t before = sim_requests(&sim, NULL);
        uint64_t start, ms;
        int r;

        request->timeout_ms = ends_by_timeout(row->fault) ? SHORT_TIMEOUT_MS : TIMEOUT_MS;
        sim_fault(&sim, row->fault);
        start = clock_now_ms();
        r = wire_client_call(client, request, &reply);
        ms = clock_now_ms() - start;
        sim_fault(&sim, "");

        print_message("%-45s %-14s %5u ms %u %s\n", row->fault, verdict_name(r), (unsigned int)ms,
                      reply.diag.requests, reply.diag.message);
        ROW_ASSERT(ms < request->timeout_ms + SLACK_MS, row->fault);
        if (verdict == VERDICT_GRANTED) {
                ROW_ASSERT(r == VERDICT_GRANTED, row->fault);
                ROW_ASSERT(secret_equal(plain, reply.plain) != invisible(row->fault), row->fault);
        } else {
                assert_refusal(&reply, verdict, row->fault);
                check_origin(row, &reply);
        }
        /* A redirect that was followed would be one more than was sent. (A connection that was kept
         * and turns out to be closed is opened anew by libcurl, uncounted.) */
        if (strcmp(row->stage, "connection") != 0 && strcmp(row->fault, "drop") != 0)
                ROW_ASSERT(sim_requests(&sim, NULL) - before == reply.diag.requests, row->fault);
}

static void test_every_fault(void **state)
{
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;

        (void)state;
        wrap(client, &request, &plain);
        read_rows();
        for (size_t i = 0; i < row_count; i++)
                check_row(&rows[i], client, &request, plain);
}

/* Each denial under the statuses that the service may give it, and under some that are none. */
static void test_statuses_of_denials(void **state)
{
        static const struct {
                const char *fault;
                int verdict;
        } denials[] = {{"error DisabledException 409", VERDICT_KEY_STATE},
                       {"error-header DisabledException 409", VERDICT_KEY_STATE},
                       {"error NotFoundException 404", VERDICT_ACCESS_DENIED},
                       {"error AccessDeniedException 403", VERDICT_ACCESS_DENIED},
                       {"error DisabledException 408", VERDICT_UNAVAILABLE},
                       {"error AccessDeniedException 429", VERDICT_UNAVAILABLE},
                       {"error DisabledException 500", VERDICT_UNAVAILABLE}};
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;

        (void)state;
        wrap(client, &request, &plain);
        for (size_t i = 0; i < LENGTH(denials); i++) {
                CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

                sim_fault(&sim, denials[i].fault);
                (void)wire_client_call(client, &request, &reply);
                sim_fault(&sim, "");
                assert_refusal(&reply, denials[i].verdict, denials[i].fault);
        }
}

/* A fault that is over after one request must not be seen at all. */
static void test_passing_faults_are_retried(void **state)
{
        static const struct {
                const char *fault;
                unsigned int requests;
        } passing[] = {{"throttle x2", 3},
                       {"internal x1", 2},
                       {"503 x2", 3},
                       {"cut x1", 2},
                       {"retry-after 1 x1", 2}};
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;

        (void)state;
        wrap(client, &request, &plain);
        request.timeout_ms = TIMEOUT_MS;
        for (size_t i = 0; i < LENGTH(passing); i++) {
                CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
                uint64_t start = clock_now_ms();

                sim_fault(&sim, passing[i].fault);
                call_granted(client, &request, &reply);
                ROW_ASSERT(secret_equal(plain, reply.plain), passing[i].fault);
                ROW_ASSERT(reply.diag.requests == passing[i].requests, passing[i].fault);
                if (strncmp(passing[i].fault, "retry-after", 11) == 0)
                        assert_true(clock_now_ms() - start >= 1000);
        }
}

/* Refusals by the key's state or policy are answers, not accidents: one request each. */
static void test_answers_are_not_retried(void **state)
{
        static const char *const faults[] = {"disabled", "denied", "expired-token",
                                             "invalid-ciphertext"};
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SECRET struct secret *plain = NULL;

        (void)state;
        wrap(client, &request, &plain);
        for (size_t i = 0; i < LENGTH(faults); i++) {
                CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

                sim_fault(&sim, faults[i]);
                ROW_ASSERT(wire_client_call(client, &request, &reply) > 0, faults[i]);
                sim_fault(&sim, "");
                ROW_ASSERT(reply.diag.requests == 1, faults[i]);
        }
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
            cmocka_unit_test(test_every_fault),
            cmocka_unit_test(test_statuses_of_denials),
            cmocka_unit_test(test_passing_faults_are_retried),
            cmocka_unit_test(test_answers_are_not_retried),
        };
        int r = contract_setup(argc, argv);

        return r != 0 ? r : cmocka_run_group_tests_name("aws-faults", tests, setup, teardown);
}
