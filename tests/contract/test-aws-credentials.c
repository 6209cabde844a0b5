/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Credentials: good ones from each source, and what dead, wrong or missing ones are called. */

#include "contract.h"

static struct sim sim;
static struct wire_client *client;
static struct wire_blob wrapped; /* under SIM_KEY, by the default identity */

static void new_unwrap(struct wire_request *request, const char *credentials)
{
        request_aws(request, &sim, credentials);
        request->wrapped = wrapped;
}

/* Refused, and the service has (or has not) been asked. */
static void refuse(const struct wire_request *request, int verdict, size_t requests,
                   const char *name)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        size_t before = sim_requests(&sim, NULL);

        ROW_ASSERT(wire_client_call(client, request, &reply) >= 0, name);
        assert_refusal(&reply, verdict, name);
        ROW_ASSERT(sim_requests(&sim, NULL) - before == requests, name);
}

static void test_identities(void **state)
{
        static const struct {
                const char *credentials;
                int verdict;
                size_t requests;
        } rows[] = {
            {"profile:expired", VERDICT_CREDENTIAL, 1},
            {"profile:other-account", VERDICT_ACCESS_DENIED, 1},
            {"profile:encrypt-only", VERDICT_ACCESS_DENIED, 1},
            {"profile:no-such-profile", VERDICT_MISCONFIGURED, 0},
            {"instance", VERDICT_MISCONFIGURED, 0},
            {"", VERDICT_MISCONFIGURED, 0},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_REQUEST struct wire_request request;

                new_unwrap(&request, rows[i].credentials);
                refuse(&request, rows[i].verdict, rows[i].requests, rows[i].credentials);
        }
}

static void test_good_identities(void **state)
{
        static const char *const rows[] = {"file", "profile:default", "profile:session"};

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_REQUEST struct wire_request request;
                CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

                new_unwrap(&request, rows[i]);
                call_granted(client, &request, &reply);
        }
}

static void test_credentials_files(void **state)
{
        static const struct {
                const char *text;
                int verdict;
                size_t requests;
        } rows[] = {
            {"[default]\naws_access_key_id = AKIASIMKMSDEFAULT001\naws_secret_access_key = wrong\n",
             VERDICT_CREDENTIAL, 1},
            {"[default]\naws_access_key_id = AKIANOBODYKNOWS00001\naws_secret_access_key = any\n",
             VERDICT_CREDENTIAL, 1},
            {"[default]\naws_access_key_id = AKIASIMKMSDEFAULT001\n", VERDICT_CREDENTIAL, 0},
            {"[default]\naws_access_key_id = AKIA KEY\naws_secret_access_key = any\n",
             VERDICT_CREDENTIAL, 0},
            {"[other]\naws_access_key_id = AKIA\naws_secret_access_key = any\n",
             VERDICT_MISCONFIGURED, 0},
            {"not a credentials file", VERDICT_MISCONFIGURED, 0},
            {"", VERDICT_MISCONFIGURED, 0},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_REQUEST struct wire_request request;

                new_unwrap(&request, "file");
                request_set_fd(&request, WIRE_FD_CREDENTIALS, text_file(rows[i].text));
                refuse(&request, rows[i].verdict, rows[i].requests, rows[i].text);
                request_set_fd(&request, WIRE_FD_CREDENTIALS, -1);
                refuse(&request, VERDICT_MISCONFIGURED, 0, "no file");
        }
}

/* Puts [default] of the simulator's credentials into our environment. */
static void set_environment(void)
{
        char value[128];

        sim_credential(&sim, "default", "aws_access_key_id", value, sizeof(value));
        assert_int_equal(setenv("AWS_ACCESS_KEY_ID", value, 1), 0);
        sim_credential(&sim, "default", "aws_secret_access_key", value, sizeof(value));
        assert_int_equal(setenv("AWS_SECRET_ACCESS_KEY", value, 1), 0);
}

static void test_environment(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        CLEANUP_CLIENT struct wire_client *with = NULL;

        (void)state;
        set_environment();
        new_unwrap(&request, "env");
        refuse(&request, VERDICT_CREDENTIAL, 0, "an environment that was not passed on");
        with = start_worker(programs.worker, 1);
        call_granted(with, &request, &reply);
        (void)unsetenv("AWS_ACCESS_KEY_ID");
        (void)unsetenv("AWS_SECRET_ACCESS_KEY");
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
            cmocka_unit_test(test_identities),
            cmocka_unit_test(test_good_identities),
            cmocka_unit_test(test_credentials_files),
            cmocka_unit_test(test_environment),
        };
        int r = contract_setup(argc, argv);

        return r != 0 ? r : cmocka_run_group_tests_name("aws-credentials", tests, setup, teardown);
}
