/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The contract of a key service: the same cases for every provider in kms_providers, through a real
 * worker. A provider that has no fixture here fails the test: whoever adds one adds both. */

#include "contract.h"
#include "kms/kms.h"

static struct sim sim;

static void platform(struct wire_request *request, bool other_key)
{
        request_platform(request, other_key ? 2 : 1);
}

static void aws(struct wire_request *request, bool other_key)
{
        request_aws(request, &sim, "file");
        if (other_key)
                strcpy(request->uri, "aws-kms://" SIM_OTHER_KEY);
}

struct fixture {
        const struct kms_ops *ops;
        void (*request)(struct wire_request *request, bool other_key);
        unsigned int requests; /* to the service, for one unwrap */
};

static const struct fixture fixtures[] = {
    {&kms_aws, aws, 1},
    {&kms_platform_file, platform, 0},
};

static const struct fixture *fixture_of(const struct kms_ops *ops)
{
        for (size_t i = 0; i < LENGTH(fixtures); i++)
                if (fixtures[i].ops == ops)
                        return &fixtures[i];
        fail_msg("the provider %s has no fixture in this test", ops->name);
        return NULL;
}

typedef void (*case_fn)(const struct fixture *fixture, struct wire_client *client);

static void for_each_provider(case_fn run)
{
        size_t providers = 0;

        for (; kms_providers[providers]; providers++) {
                CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);

                run(fixture_of(kms_providers[providers]), client);
        }
        assert_true(providers >= 2);
}

/* Wraps size bytes and leaves *request ready to unwrap them again. */
static void wrap(const struct fixture *fixture, struct wire_client *client, size_t size,
                 struct wire_request *request, struct secret **ret_plain)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

        fixture->request(request, false);
        request_wrap(request, size);
        call_granted(client, request, &reply);
        assert_true(reply.wrapped.len > size);
        assert_null(reply.plain);
        request_unwrap(request, &reply, ret_plain);
}

static void refuse(const struct fixture *fixture, struct wire_client *client,
                   const struct wire_request *request, int verdict)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

        assert_int_equal(wire_client_call(client, request, &reply), verdict);
        assert_refusal(&reply, verdict, fixture->ops->name);
}

/* ---- the cases ---- */

static void round_trip(const struct fixture *fixture, struct wire_client *client)
{
        static const size_t sizes[] = {32, WIRE_SECRET_MAX};

        for (size_t i = 0; i < LENGTH(sizes); i++) {
                CLEANUP_REQUEST struct wire_request request;
                CLEANUP_SECRET struct secret *plain = NULL;
                CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
                size_t before;

                wrap(fixture, client, sizes[i], &request, &plain);
                before = sim_requests(&sim, NULL);
                call_granted(client, &request, &reply);
                assert_true(secret_equal(plain, reply.plain));
                assert_int_equal(reply.wrapped.len, 0);
                assert_int_equal(reply.diag.requests, fixture->requests);
                assert_int_equal(sim_requests(&sim, NULL) - before, fixture->requests);
        }
}

static void wrong_context(const struct fixture *fixture, struct wire_client *client)
{
        CLEANUP_REQUEST struct wire_request request;
        struct kms_context right;

        wrap(fixture, client, 32, &request, NULL);
        right = request.context;
        request.context.uuid[0] = 'f';
        refuse(fixture, client, &request, VERDICT_TAMPERED);
        request.context = right;
        strcpy(request.context.role, "os");
        refuse(fixture, client, &request, VERDICT_TAMPERED);
        request.context = right;
        strcpy(request.context.use, "probe");
        refuse(fixture, client, &request, VERDICT_TAMPERED);
}

static void wrong_key(const struct fixture *fixture, struct wire_client *client)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REQUEST struct wire_request other;

        wrap(fixture, client, 32, &request, NULL);
        fixture->request(&other, true);
        other.wrapped = request.wrapped;
        refuse(fixture, client, &other, VERDICT_MISCONFIGURED);
}

static void tampered(const struct fixture *fixture, struct wire_client *client)
{
        CLEANUP_REQUEST struct wire_request request;
        uint8_t *last;

        wrap(fixture, client, 32, &request, NULL);
        last = &request.wrapped.data[request.wrapped.len - 1];
        *last ^= 1;
        refuse(fixture, client, &request, VERDICT_TAMPERED);
        *last ^= 1;
        request.wrapped.len--;
        refuse(fixture, client, &request, VERDICT_TAMPERED);
}

static void two_wraps_differ(const struct fixture *fixture, struct wire_client *client)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REPLY struct wire_reply first = {.plain = NULL};
        CLEANUP_REPLY struct wire_reply second = {.plain = NULL};

        fixture->request(&request, false);
        request_wrap(&request, 32);
        call_granted(client, &request, &first);
        call_granted(client, &request, &second);
        assert_int_equal(first.wrapped.len, second.wrapped.len);
        assert_memory_not_equal(first.wrapped.data, second.wrapped.data, first.wrapped.len);
}

static void test_round_trip(void **state)
{
        (void)state;
        for_each_provider(round_trip);
}

static void test_wrong_context(void **state)
{
        (void)state;
        for_each_provider(wrong_context);
}

static void test_wrong_key(void **state)
{
        (void)state;
        for_each_provider(wrong_key);
}

static void test_tampered(void **state)
{
        (void)state;
        for_each_provider(tampered);
}

static void test_two_wraps_differ(void **state)
{
        (void)state;
        for_each_provider(two_wraps_differ);
}

/* ---- what no provider may see ---- */

static void test_bad_uris_send_nothing(void **state)
{
        static const char *const uris[] = {
            "",
            "aws-kms://alias/luks-kms-main",
            "aws-kms://arn:aws:kms:eu-west-1:111122223333:alias/luks-kms-main",
            "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/../x",
            ("aws-kms://arn:aws:kms:evil.example#:111122223333:key/"
             "11111111-aaaa-4aaa-8aaa-000000000001"),
            "gcp-kms://projects/p",
            "platform:file2",
            "https://127.0.0.1/",
        };
        CLEANUP_CLIENT struct wire_client *client = start_worker(programs.worker, 0);
        size_t requests = sim_requests(&sim, NULL), connections = sim_connections(&sim);

        (void)state;
        for (size_t i = 0; i < LENGTH(uris); i++) {
                CLEANUP_REQUEST struct wire_request request;
                CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

                request_aws(&request, &sim, "file");
                strcpy(request.uri, uris[i]);
                request.wrapped.len = 100;
                assert_int_equal(wire_client_call(client, &request, &reply), VERDICT_MISCONFIGURED);
                assert_refusal(&reply, VERDICT_MISCONFIGURED, uris[i]);
                assert_string_equal(reply.diag.rule, "key-uri");
                assert_int_equal(reply.diag.requests, 0);
        }
        assert_int_equal(sim_requests(&sim, NULL), requests);
        assert_int_equal(sim_connections(&sim), connections);
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
            cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_wrong_context),
            cmocka_unit_test(test_wrong_key),        cmocka_unit_test(test_tampered),
            cmocka_unit_test(test_two_wraps_differ), cmocka_unit_test(test_bad_uris_send_nothing),
        };
        int r = contract_setup(argc, argv);

        return r != 0 ? r : cmocka_run_group_tests_name("providers", tests, setup, teardown);
}
