/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* token/keyuri.h: the forms that name a key, and near misses that a hostile token could try. */

#include "unit.h"

#include "token/keyuri.h"

#define ID "1234abcd-12ab-34cd-56ef-1234567890ab"

static const struct {
        const char *text, *region, *host;
} aws[] = {
    {"aws-kms://arn:aws:kms:eu-west-1:111122223333:key/" ID, "eu-west-1",
     "kms.eu-west-1.amazonaws.com"},
    {"aws-kms://arn:aws-cn:kms:cn-north-1:111122223333:key/" ID, "cn-north-1",
     "kms.cn-north-1.amazonaws.com.cn"},
    {"aws-kms://arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/" ID, "us-gov-west-1",
     "kms.us-gov-west-1.amazonaws.com"},
    {"aws-kms://arn:aws:kms:us-east-1:000000000000:key/mrk-1234abcd12ab34cd56ef1234567890ab",
     "us-east-1", "kms.us-east-1.amazonaws.com"},
};

static void test_aws(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(aws); i++) {
                struct diag diag = DIAG_INIT;
                struct keyuri uri;

                if (keyuri_parse(aws[i].text, &uri, &diag) != 0)
                        fail_msg("%s: %s", aws[i].text, diag.message);
                assert_int_equal(uri.kind, KEYURI_AWS);
                assert_string_equal(uri.text, aws[i].text);
                assert_string_equal(uri.arn, aws[i].text + strlen("aws-kms://"));
                assert_string_equal(uri.region, aws[i].region);
                assert_string_equal(uri.host, aws[i].host);
        }
}

static void test_platform(void **state)
{
        struct keyuri uri;

        (void)state;
        memset(&uri, 'x', sizeof(uri));
        assert_int_equal(keyuri_parse("platform:file", &uri, NULL), 0);
        assert_int_equal(uri.kind, KEYURI_PLATFORM_FILE);
        assert_string_equal(uri.text, "platform:file");
        assert_string_equal(uri.arn, "");
        assert_string_equal(uri.region, "");
        assert_string_equal(uri.host, "");
}

static const char *const bad[] = {
    "",
    " ",
    "platform:",
    "platform:tpm2",
    "platform:file ",
    "platform:file/etc/passwd",
    "Platform:file",
    "aws-kms://",
    "AWS-KMS://arn:aws:kms:eu-west-1:111122223333:key/" ID,
    "aws-kms:arn:aws:kms:eu-west-1:111122223333:key/" ID,
    "arn:aws:kms:eu-west-1:111122223333:key/" ID,
    " aws-kms://arn:aws:kms:eu-west-1:111122223333:key/" ID,
    "aws-kms://alias/x",
    "aws-kms://" ID,
    "aws-kms:///arn:aws:kms:eu-west-1:111122223333:key/" ID,
    "aws-kms://evil.example/arn:aws:kms:eu-west-1:111122223333:key/" ID,
    "aws-kms://arn:aws:kms:eu-west-1:111122223333:alias/x",
    "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/alias/x",
    "aws-kms://arn:aws-evil:kms:eu-west-1:111122223333:key/" ID,
    "aws-kms://arn::kms:eu-west-1:111122223333:key/" ID,
    "aws-kms://arn:aws:s3:eu-west-1:111122223333:key/" ID,
    "aws-kms://arn:aws:kms::111122223333:key/" ID,
    "aws-kms://arn:aws:kms:eu.evil.example:111122223333:key/" ID,
    "aws-kms://arn:aws:kms:eu-west-1/x:111122223333:key/" ID,
    "aws-kms://arn:aws:kms:x@evil:111122223333:key/" ID,
    "aws-kms://arn:aws:kms:EU-WEST-1:111122223333:key/" ID,
    "aws-kms://arn:aws:kms:-eu:111122223333:key/" ID,
    "aws-kms://arn:aws:kms:eu-:111122223333:key/" ID,
    "aws-kms://arn:aws:kms:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:"
    "111122223333:key/" ID,
    "aws-kms://arn:aws:kms:eu-west-1::key/" ID,
    "aws-kms://arn:aws:kms:eu-west-1:11112222333:key/" ID,
    "aws-kms://arn:aws:kms:eu-west-1:1111222233334:key/" ID,
    "aws-kms://arn:aws:kms:eu-west-1:11112222333x:key/" ID,
    "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/",
    "aws-kms://arn:aws:kms:eu-west-1:111122223333:key",
    "aws-kms://arn:aws:kms:eu-west-1:111122223333:KEY/" ID,
    "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/" ID " ",
    "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/" ID "\n",
    "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/" ID "?x",
    "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/../x",
    "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/\"x",
    "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/\xc3\xa9",
};

static void test_refuses(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(bad); i++) {
                struct keyuri uri = {.text = "untouched"};
                struct diag diag = DIAG_INIT;

                ROW_ASSERT(keyuri_parse(bad[i], &uri, &diag) == KEYURI_E_INVALID, bad[i]);
                ROW_ASSERT(strcmp(uri.text, "untouched") == 0, bad[i]);
                ROW_ASSERT(strcmp(diag.rule, "key-uri") == 0, bad[i]);
                ROW_ASSERT(strstr(diag.message, "expected ") != NULL, bad[i]);
                ROW_ASSERT(diag.advice[0] != '\0', bad[i]);
        }
}

static void test_alias_says_why(void **state)
{
        struct diag diag = DIAG_INIT;
        struct keyuri uri;

        (void)state;
        (void)keyuri_parse("aws-kms://arn:aws:kms:eu-west-1:111122223333:alias/x", &uri, &diag);
        assert_non_null(strstr(diag.message, "alias"));
}

/* Ids of every length: what fits is kept whole, what does not is refused, nothing is cut. */
static void test_lengths(void **state)
{
        static const char prefix[] = "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/";
        size_t accepted = 0;

        (void)state;
        for (size_t n = 1; n < 600; n++) {
                char text[700];
                struct keyuri uri;

                memcpy(text, prefix, sizeof(prefix));
                memset(text + sizeof(prefix) - 1, 'a', n);
                text[sizeof(prefix) - 1 + n] = '\0';
                if (keyuri_parse(text, &uri, NULL) == 0) {
                        assert_string_equal(uri.text, text);
                        assert_string_equal(uri.arn, text + strlen("aws-kms://"));
                        assert_int_equal(++accepted, n);
                }
        }
        assert_in_range(accepted, 36, 400);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_aws),     cmocka_unit_test(test_platform),
            cmocka_unit_test(test_refuses), cmocka_unit_test(test_alias_says_why),
            cmocka_unit_test(test_lengths),
        };

        return cmocka_run_group_tests_name("keyuri", tests, NULL, NULL);
}
