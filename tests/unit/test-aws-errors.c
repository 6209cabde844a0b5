/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which verdict the AWS KMS client draws from each error, and from what is no answer at all. */

#include "aws-fake.h"

struct error_row {
        const char *type, *message;
        int status, verdict;
        unsigned int requests;
};

static void check_error(const struct error_row *row)
{
        struct wire_reply reply CLEANUP_REPLY;
        char body[512];

        (void)snprintf(body, sizeof(body), TYPE("%s", "%s"), row->type, row->message);
        (void)fake_unwrap(&(struct answer){.status = row->status, .body = body}, &reply);
        if (reply.verdict != row->verdict || reply.diag.requests != row->requests)
                fail_msg("%s, %s: %s after %u", row->type, row->message,
                         verdict_name(reply.verdict), reply.diag.requests);
        ROW_ASSERT(strstr(reply.diag.message, ARN), row->type);
        ROW_ASSERT(reply.diag.advice[0], row->type);
        ROW_ASSERT(strncmp(reply.diag.code, row->type, strlen(reply.diag.code)) == 0, row->type);
        ROW_ASSERT(reply.diag.http_status == row->status, row->type);
        ROW_ASSERT(!reply.plain, row->type);
}

static void test_errors(void **state)
{
        static const struct error_row rows[] = {
            {"DisabledException", ARN " is disabled.", 400, VERDICT_KEY_STATE, 1},
            {"KMSInvalidStateException", ARN " is pending deletion.", 400, VERDICT_KEY_STATE, 1},
            {"KMSInvalidStateException", ARN " is Pending Import.", 400, VERDICT_KEY_STATE, 1},
            {"KMSInvalidStateException", ARN " is unavailable.", 400, VERDICT_UNAVAILABLE, 1},
            {"KMSInvalidStateException", ARN " is creating.", 400, VERDICT_UNAVAILABLE, 1},
            {"KMSInvalidStateException", ARN " is updating.", 400, VERDICT_UNAVAILABLE, 1},
            {"KMSInvalidStateException", "", 400, VERDICT_UNAVAILABLE, 1},
            {"AccessDeniedException", "User is not authorized", 400, VERDICT_ACCESS_DENIED, 1},
            {"NotFoundException", "does not exist", 400, VERDICT_ACCESS_DENIED, 1},
            {"ExpiredTokenException", "expired", 400, VERDICT_CREDENTIAL, 1},
            {"ExpiredToken", "expired", 403, VERDICT_CREDENTIAL, 1},
            {"UnrecognizedClientException", "invalid", 400, VERDICT_CREDENTIAL, 1},
            {"InvalidClientTokenId", "invalid", 403, VERDICT_CREDENTIAL, 1},
            {"InvalidSignatureException", "does not match", 400, VERDICT_CREDENTIAL, 1},
            {"SignatureDoesNotMatch", "does not match", 403, VERDICT_CREDENTIAL, 1},
            {"IncompleteSignatureException", "", 400, VERDICT_CREDENTIAL, 1},
            {"MissingAuthenticationTokenException", "", 400, VERDICT_CREDENTIAL, 1},
            {"IncorrectKeyException", "", 400, VERDICT_MISCONFIGURED, 1},
            {"InvalidKeyUsageException", "", 400, VERDICT_MISCONFIGURED, 1},
            {"InvalidArnException", "", 400, VERDICT_MISCONFIGURED, 1},
            {"ValidationException", "", 400, VERDICT_MISCONFIGURED, 1},
            {"ValidationError", "", 400, VERDICT_MISCONFIGURED, 1},
            {"InvalidCiphertextException", "", 400, VERDICT_TAMPERED, 1},
            {"ThrottlingException", "Rate exceeded", 400, VERDICT_UNAVAILABLE, 3},
            {"KMSInternalException", "", 500, VERDICT_UNAVAILABLE, 3},
            {"KeyUnavailableException", "", 500, VERDICT_UNAVAILABLE, 3},
            {"DependencyTimeoutException", "", 503, VERDICT_UNAVAILABLE, 3},
            {"CloudHsmClusterNotActiveException", "", 400, VERDICT_UNAVAILABLE, 1},
            {"CustomKeyStoreInvalidStateException", "", 400, VERDICT_UNAVAILABLE, 1},
            {"XksProxyUriUnreachableException", "", 400, VERDICT_UNAVAILABLE, 1},
            {"SomethingNewException", "", 400, VERDICT_UNAVAILABLE, 1},
            {"SomethingNewException", "", 403, VERDICT_UNAVAILABLE, 1},
            {"SomethingNewException", "", 502, VERDICT_UNAVAILABLE, 3},
            {"SomethingNewException", "", 429, VERDICT_UNAVAILABLE, 3},
            /* a word is not its beginning, nor its end */
            {"DisabledExceptionally", "", 400, VERDICT_UNAVAILABLE, 1},
            {"NotDisabledException", "", 400, VERDICT_UNAVAILABLE, 1},
            {"Dis", "", 400, VERDICT_UNAVAILABLE, 1},
            /* the statuses of the service's model */
            {"DisabledException", "", 409, VERDICT_KEY_STATE, 1},
            {"KMSInvalidStateException", ARN " is pending deletion.", 409, VERDICT_KEY_STATE, 1},
            {"KMSInvalidStateException", ARN " is creating.", 409, VERDICT_UNAVAILABLE, 1},
            {"NotFoundException", "", 404, VERDICT_ACCESS_DENIED, 1},
            {"AccessDeniedException", "", 403, VERDICT_ACCESS_DENIED, 1},
            /* a request that may come again, or a server's failure, denies nothing */
            {"DisabledException", "", 408, VERDICT_UNAVAILABLE, 1},
            {"AccessDeniedException", "", 429, VERDICT_UNAVAILABLE, 1},
            {"DisabledException", "", 302, VERDICT_UNAVAILABLE, 1},
            {"DisabledException", "", 201, VERDICT_UNAVAILABLE, 1},
            {"DisabledException", "", 500, VERDICT_UNAVAILABLE, 1},
            {"AccessDeniedException", "", 503, VERDICT_UNAVAILABLE, 1},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++)
                check_error(&rows[i]);
}

static void test_key_stores_are_named(void **state)
{
        static const char *const rows[] = {
            TYPE("CloudHsmClusterNotActiveException", ""),
            TYPE("CustomKeyStoreInvalidStateException", ""),
            TYPE("XksProxyUriUnreachableException", ""),
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct wire_reply reply CLEANUP_REPLY = {.verdict = 0};

                (void)fake_unwrap(&(struct answer){.status = 400, .body = rows[i]}, &reply);
                ROW_ASSERT(strstr(reply.diag.message, "key store"), rows[i]);
                ROW_ASSERT(strstr(reply.diag.advice, "describe-custom-key-stores"), rows[i]);
        }
}

/* What to do about a key that is to be deleted, in whichever words the service says so. */
static void test_deletion_is_named(void **state)
{
        static const char *const rows[] = {
            TYPE("KMSInvalidStateException", ARN " is pending deletion."),
            TYPE("DisabledException", ARN " is pending deletion (or pending replica deletion)."),
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct wire_reply reply CLEANUP_REPLY = {.verdict = 0};

                (void)fake_unwrap(&(struct answer){.status = 409, .body = rows[i]}, &reply);
                ROW_ASSERT(reply.verdict == VERDICT_KEY_STATE, rows[i]);
                ROW_ASSERT(strstr(reply.diag.message, "scheduled for deletion"), rows[i]);
                ROW_ASSERT(strstr(reply.diag.advice, "cancel-key-deletion"), rows[i]);
                ROW_ASSERT(strstr(reply.diag.advice, "enable-key"), rows[i]);
        }
}

static void test_forms_of_an_error(void **state)
{
        static const struct {
                const char *what;
                struct answer answer;
                int verdict;
        } rows[] = {
            {"name space",
             {.status = 400, .body = TYPE("com.amazonaws.kms#DisabledException", "")},
             VERDICT_KEY_STATE},
            {"suffix",
             {.status = 400, .body = TYPE("DisabledException:http://int/coral/", "")},
             VERDICT_KEY_STATE},
            {"both",
             {.status = 400, .body = TYPE("a.b#DisabledException:http://int#x", "")},
             VERDICT_KEY_STATE},
            {"Message",
             {.status = 400,
              .body = "{\"__type\":\"KMSInvalidStateException\","
                      "\"Message\":\"is pending deletion.\"}"},
             VERDICT_KEY_STATE},
            {"header, empty object",
             {.status = 400, .body = "{}", .error_type = "DisabledException:http://int/"},
             VERDICT_KEY_STATE},
            {"header, no body",
             {.status = 400, .error_type = "AccessDeniedException"},
             VERDICT_ACCESS_DENIED},
            {"body before header",
             {.status = 400,
              .body = TYPE("ThrottlingException", ""),
              .error_type = "DisabledException"},
             VERDICT_UNAVAILABLE},
            {"header with a page",
             {.status = 400, .body = "<html></html>", .error_type = "DisabledException"},
             VERDICT_UNAVAILABLE},
            {"type is a number",
             {.status = 400, .body = "{\"__type\":1}", .error_type = "DisabledException"},
             VERDICT_UNAVAILABLE},
            {"message is a list",
             {.status = 400,
              .body = "{\"__type\":\"DisabledException\","
                      "\"message\":[]}"},
             VERDICT_UNAVAILABLE},
            {"type twice",
             {.status = 400,
              .body = "{\"__type\":\"DisabledException\","
                      "\"__type\":\"DisabledException\"}"},
             VERDICT_UNAVAILABLE},
            {"error in a 200",
             {.status = 200, .body = TYPE("DisabledException", "")},
             VERDICT_UNAVAILABLE},
            {"grant in a 400", {.status = 400, .body = GRANT}, VERDICT_UNAVAILABLE},
            {"grant in a 201", {.status = 201, .body = GRANT}, VERDICT_UNAVAILABLE},
            {"no type at all", {.status = 400, .body = "{}"}, VERDICT_UNAVAILABLE},
            {"redirect", {.status = 302}, VERDICT_UNAVAILABLE},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct wire_reply reply CLEANUP_REPLY = {.verdict = 0};

                ROW_ASSERT(fake_unwrap(&rows[i].answer, &reply) == rows[i].verdict, rows[i].what);
                ROW_ASSERT(!reply.plain, rows[i].what);
        }
}

static void test_messages_are_not_shown(void **state)
{
        struct wire_reply reply CLEANUP_REPLY;

        (void)state;
        (void)fake_unwrap(&(struct answer){.status = 400,
                                           .body = TYPE("InvalidSignatureException",
                                                        "should be 'POST " PLAIN_TEXT "'")},
                          &reply);
        assert_int_equal(reply.verdict, VERDICT_CREDENTIAL);
        assert_null(strstr(reply.diag.message, "POST"));
        wire_reply_done(&reply);
        (void)fake_unwrap(&(struct answer){.status = 400, .body = TYPE("Bad\\u001b[2J/x", "")},
                          &reply);
        assert_string_equal(reply.diag.code, "Bad");
}

static void test_garbage(void **state)
{
        static char long_plain[8192], long_blob[16384];
        const char *const rows[] = {
            "",
            "<html>",
            "[]",
            "null",
            "\"a\"",
            "{}",
            GRANT "x",
            "{\"KeyId\":\"" ARN "\"",
            "{\"KeyId\":\"" ARN "\"}",
            "{\"Plaintext\":\"" PLAIN_TEXT "\"}",
            "{\"KeyId\":1,\"Plaintext\":\"" PLAIN_TEXT "\"}",
            "{\"KeyId\":\"" ARN "\",\"Plaintext\":1}",
            "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"\"}",
            "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"AAA\"}",
            "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"A_-A\"}",
            "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"AAA\\u0041\"}",
            "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"AAAA\",\"Plaintext\":\"" PLAIN_TEXT "\"}",
            long_plain,
            long_blob,
        };
        char text[8300];

        (void)state;
        memset(text, 'A', sizeof(text));
        /* 4098 and 6147 bytes */
        (void)snprintf(long_plain, sizeof(long_plain),
                       "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"%.5464s\"}", text);
        (void)snprintf(long_blob, sizeof(long_blob),
                       "{\"KeyId\":\"" ARN "\",\"CiphertextBlob\":\"%.8196s\"}", text);
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct fake fake = {.answers = {{.status = 200, .body = rows[i]}}, .count = 1};
                struct wire_reply reply CLEANUP_REPLY = {.verdict = 0};

                fake_serve(&fake, WIRE_UNWRAP, "", &reply);
                ROW_ASSERT(reply.verdict == VERDICT_UNAVAILABLE, rows[i]);
                ROW_ASSERT(reply.diag.requests == 1 && !reply.plain, rows[i]);
                ROW_ASSERT(strcmp(reply.diag.rule, "kms-answer") == 0, rows[i]);
                ROW_ASSERT(reply.diag.advice[0], rows[i]);
                fake_serve(&fake, WIRE_WRAP, "", &reply);
                ROW_ASSERT(reply.verdict == VERDICT_UNAVAILABLE, rows[i]);
                ROW_ASSERT(reply.wrapped.len == 0, rows[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_errors),
            cmocka_unit_test(test_key_stores_are_named),
            cmocka_unit_test(test_deletion_is_named),
            cmocka_unit_test(test_forms_of_an_error),
            cmocka_unit_test(test_messages_are_not_shown),
            cmocka_unit_test(test_garbage),
        };

        return cmocka_run_group_tests(tests, fake_environment, NULL);
}
