/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The AWS KMS client: what it sends, what it returns of a grant, and when it tries again. */

#include "aws-fake.h"

#include <errno.h>

#include "base/clock.h"
#include "base/json.h"

static void test_granted(void **state)
{
        struct fake fake = {.answers = {{.status = 200, .body = GRANT}}, .count = 1};
        struct wire_reply reply CLEANUP_REPLY;

        (void)state;
        fake_serve(&fake, WIRE_UNWRAP, "", &reply);
        assert_int_equal(reply.verdict, VERDICT_GRANTED);
        assert_int_equal(secret_size(reply.plain), 16);
        assert_memory_equal(secret_bytes(reply.plain), "Open, Sesame 123", 16);
        assert_int_equal(reply.diag.requests, 1);
        assert_int_equal(reply.diag.http_status, 200);
        assert_string_equal(reply.diag.request_id, "req-1");
        assert_string_equal(reply.diag.message, "");
        wire_reply_done(&reply);

        fake.answers[0].body = WRAPPED;
        fake_serve(&fake, WIRE_WRAP, "", &reply);
        assert_int_equal(reply.verdict, VERDICT_GRANTED);
        assert_int_equal(reply.wrapped.len, 4);
        assert_memory_equal(reply.wrapped.data, "\1\2\3\4", 4);
        assert_string_equal(reply.key_version, "");
}

static void check_body(const struct fake *fake, const char *field, const char *value)
{
        struct json_doc *json CLEANUP_JSON = NULL;
        const struct json_node *root, *context;

        assert_int_equal(json_parse(fake->body, strlen(fake->body), &json, NULL), 0);
        root = json_root(json);
        assert_int_equal(json_count(root), 3);
        assert_true(json_string_is(json_get(root, "KeyId"), ARN));
        assert_true(json_string_is(json_get(root, field), value));
        context = json_get(root, "EncryptionContext");
        assert_int_equal(json_count(context), 3);
        assert_true(json_string_is(json_get(context, "luks-kms:uuid"), "uuid-1"));
        assert_true(json_string_is(json_get(context, "luks-kms:role"), "backup"));
        assert_true(json_string_is(json_get(context, "luks-kms:use"), "probe"));
}

static void test_what_is_sent(void **state)
{
        static const char scope[] = "/eu-west-1/kms/aws4_request, SignedHeaders=content-type;host;"
                                    "x-amz-date;x-amz-target, Signature=";
        static const char with_token[] = ";x-amz-date;x-amz-security-token;x-amz-target,";
        struct fake fake = {.answers = {{.status = 200, .body = GRANT}}, .count = 1};
        struct wire_reply reply CLEANUP_REPLY;

        (void)state;
        fake_serve(&fake, WIRE_UNWRAP, "", &reply);
        wire_reply_done(&reply);
        assert_string_equal(fake.url, "https://kms.eu-west-1.amazonaws.com/");
        assert_string_equal(fake_header(&fake, "Host"), "kms.eu-west-1.amazonaws.com");
        assert_string_equal(fake_header(&fake, "Content-Type"), "application/x-amz-json-1.1");
        assert_string_equal(fake_header(&fake, "X-Amz-Target"), "TrentService.Decrypt");
        assert_int_equal(strlen(fake_header(&fake, "X-Amz-Date")), 16);
        assert_non_null(strstr(fake_header(&fake, "Authorization"), scope));
        assert_null(fake_header(&fake, "X-Amz-Security-Token"));
        check_body(&fake, "CiphertextBlob", BLOB_TEXT);

        assert_int_equal(setenv("AWS_SESSION_TOKEN", "TOKEN", 1), 0);
        fake_serve(&fake, WIRE_WRAP, "https://[::1]:8443", &reply);
        assert_int_equal(unsetenv("AWS_SESSION_TOKEN"), 0);
        assert_string_equal(fake.url, "https://[::1]:8443/");
        assert_string_equal(fake_header(&fake, "Host"), "[::1]:8443");
        assert_string_equal(fake_header(&fake, "X-Amz-Target"), "TrentService.Encrypt");
        assert_string_equal(fake_header(&fake, "X-Amz-Security-Token"), "TOKEN");
        assert_non_null(strstr(fake_header(&fake, "Authorization"), with_token));
        check_body(&fake, "Plaintext", PLAIN_TEXT);
        wire_reply_done(&reply);

        fake_serve(&fake, WIRE_UNWRAP, "https://vpce-1.example:443/", &reply);
        assert_string_equal(fake.url, "https://vpce-1.example/");
        assert_string_equal(fake_header(&fake, "Host"), "vpce-1.example");
}

static void test_endpoints_that_are_refused(void **state)
{
        static const char *const rows[] = {
            "http://h",    "https://",    "https://u@h",       "https://h/path",
            "https://h:0", "https://h:",  "https://h:65536",   "https://h:1:2",
            "https://h?q", "https://h h", "HTTPS://h",         "https://[::1",
            "https://[]",  "https://h#f", "https://h\r\nX: y", "https://h:99999999999",
        };
        struct fake fake = {.answers = {{.status = 200, .body = GRANT}}, .count = 1};
        struct wire_reply reply CLEANUP_REPLY = {.verdict = 0};

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                fake_serve(&fake, WIRE_UNWRAP, rows[i], &reply);
                ROW_ASSERT(reply.verdict == VERDICT_MISCONFIGURED, rows[i]);
                ROW_ASSERT(reply.diag.requests == 0, rows[i]);
                ROW_ASSERT(strcmp(reply.diag.rule, "endpoint") == 0, rows[i]);
                wire_reply_done(&reply);
        }
}

static void test_another_key_answers(void **state)
{
        static const char body[] = "{\"KeyId\":\"" OTHER "\",\"Plaintext\":\"" PLAIN_TEXT
                                   "\",\"CiphertextBlob\":\"" BLOB_TEXT "\"}";
        struct fake fake = {.answers = {{.status = 200, .body = body}}, .count = 1};
        struct wire_reply reply CLEANUP_REPLY;

        (void)state;
        fake_serve(&fake, WIRE_UNWRAP, "", &reply);
        assert_int_equal(reply.verdict, VERDICT_TAMPERED);
        assert_string_equal(reply.diag.rule, "key-id");
        assert_non_null(strstr(reply.diag.message, OTHER));
        assert_null(reply.plain);
        wire_reply_done(&reply);
        fake_serve(&fake, WIRE_WRAP, "", &reply);
        assert_int_equal(reply.verdict, VERDICT_MISCONFIGURED);
        assert_int_equal(reply.wrapped.len, 0);
}

static void test_sizes_that_fit(void **state)
{
        static char body[16384];
        struct fake fake = {.answers = {{.status = 200, .body = body}}, .count = 1};
        struct wire_reply reply CLEANUP_REPLY;
        char text[8300];

        (void)state;
        memset(text, 'A', sizeof(text));
        (void)snprintf(body, sizeof(body), "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"%.5460sAA==\"}",
                       text);
        fake_serve(&fake, WIRE_UNWRAP, "", &reply);
        assert_int_equal(reply.verdict, VERDICT_GRANTED);
        assert_int_equal(secret_size(reply.plain), 4096);
        wire_reply_done(&reply);
        (void)snprintf(body, sizeof(body), "{\"KeyId\":\"" ARN "\",\"CiphertextBlob\":\"%.8192s\"}",
                       text);
        fake_serve(&fake, WIRE_WRAP, "", &reply);
        assert_int_equal(reply.verdict, VERDICT_GRANTED);
        assert_int_equal(reply.wrapped.len, 6144);
}

static void test_retries(void **state)
{
        struct fake fake = {.answers = {{.status = 400, .body = TYPE("ThrottlingException", "")},
                                        {.result = HTTP_E_CONNECT},
                                        {.status = 200, .body = GRANT}},
                            .count = 3};
        uint64_t begun = clock_now_ms();
        struct wire_reply reply CLEANUP_REPLY;

        (void)state;
        fake_serve(&fake, WIRE_UNWRAP, "", &reply);
        assert_int_equal(reply.verdict, VERDICT_GRANTED);
        assert_int_equal(reply.diag.requests, 3);
        assert_string_equal(reply.diag.code, "");
        assert_string_equal(reply.diag.message, "");
        assert_in_range(clock_now_ms() - begun, 0, 1500);
        wire_reply_done(&reply);

        /* longer than there is time: not even begun */
        fake = (struct fake){.answers = {{.status = 503, .retry_after = 60}}, .count = 1};
        begun = clock_now_ms();
        fake_serve(&fake, WIRE_UNWRAP, "", &reply);
        assert_int_equal(reply.verdict, VERDICT_UNAVAILABLE);
        assert_int_equal(reply.diag.requests, 1);
        assert_int_equal(reply.diag.retry_after, 60);
        assert_in_range(clock_now_ms() - begun, 0, 1500);
}

static void test_transport_failures(void **state)
{
        static const struct {
                int result, verdict;
                unsigned int requests;
        } rows[] = {
            {HTTP_E_RESOLVE, VERDICT_UNAVAILABLE, 3}, {HTTP_E_CONNECT, VERDICT_UNAVAILABLE, 3},
            {HTTP_E_TIMEOUT, VERDICT_UNAVAILABLE, 3}, {HTTP_E_PROTOCOL, VERDICT_UNAVAILABLE, 3},
            {HTTP_E_TLS, VERDICT_UNAVAILABLE, 1},     {HTTP_E_TOO_LARGE, VERDICT_UNAVAILABLE, 1},
            {HTTP_E_URL, VERDICT_MISCONFIGURED, 1},   {-ENOMEM, VERDICT_UNAVAILABLE, 1},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct wire_reply reply CLEANUP_REPLY = {.verdict = 0};

                (void)fake_unwrap(&(struct answer){.result = rows[i].result}, &reply);
                if (reply.verdict != rows[i].verdict || reply.diag.requests != rows[i].requests)
                        fail_msg("%d: %s after %u", rows[i].result, verdict_name(reply.verdict),
                                 reply.diag.requests);
        }
}

static void test_no_credentials(void **state)
{
        struct fake fake = {.answers = {{.status = 200, .body = GRANT}}, .count = 1};
        struct wire_reply reply CLEANUP_REPLY;

        (void)state;
        assert_int_equal(unsetenv("AWS_ACCESS_KEY_ID"), 0);
        fake_serve(&fake, WIRE_UNWRAP, "", &reply);
        assert_int_equal(setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1), 0);
        assert_int_equal(reply.verdict, VERDICT_CREDENTIAL);
        assert_int_equal(reply.diag.requests, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_granted),
            cmocka_unit_test(test_what_is_sent),
            cmocka_unit_test(test_endpoints_that_are_refused),
            cmocka_unit_test(test_another_key_answers),
            cmocka_unit_test(test_sizes_that_fit),
            cmocka_unit_test(test_retries),
            cmocka_unit_test(test_transport_failures),
            cmocka_unit_test(test_no_credentials),
        };

        return cmocka_run_group_tests(tests, fake_environment, NULL);
}
