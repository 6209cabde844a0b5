/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where AWS credentials come from, and what is refused as one. */

#include <sys/mman.h>

#include "base/verdict.h"
#include "cred/cred.h"
#include "unit.h"

#define GOOD "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalr/XUtn+F\n"

static int file_of(const char *text)
{
        int fd = memfd_create("credentials", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        return fd;
}

static int load(const char *source, const char *text, struct cred_aws *ret, struct diag *diag)
{
        int fd CLEANUP_FD = file_of(text);

        *diag = DIAG_INIT;
        return cred_aws_load(source, fd, ret, diag);
}

static void check(const struct cred_aws *cred, const char *id, const char *key, const char *token)
{
        assert_string_equal(cred->access_key_id, id);
        assert_string_equal((const char *)secret_bytes(cred->secret_access_key), key);
        assert_int_equal(secret_size(cred->secret_access_key), strlen(key) + 1);
        if (token)
                assert_string_equal((const char *)secret_bytes(cred->session_token), token);
        else
                assert_null(cred->session_token);
}

static void test_sections(void **state)
{
        static const char text[] = "# by hand\n"
                                   "[default]\n" GOOD "region = eu-west-1\n"
                                   "\n"
                                   "[unlock]\r\n"
                                   "aws_access_key_id=ID2\r\n"
                                   "aws_secret_access_key=KEY2\r\n"
                                   "aws_session_token=TOKEN/2==\r\n"
                                   "[profile third]\n"
                                   "aws_secret_access_key=KEY3\n"
                                   "aws_access_key_id=ID3\n";
        static const struct {
                const char *source, *id, *key, *token;
        } rows[] = {
            {"file", "AKIDEXAMPLE", "wJalr/XUtn+F", NULL},
            {"profile:default", "AKIDEXAMPLE", "wJalr/XUtn+F", NULL},
            {"profile:unlock", "ID2", "KEY2", "TOKEN/2=="},
            {"profile:third", "ID3", "KEY3", NULL},
        };
        struct cred_aws cred;
        struct diag diag;

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                ROW_ASSERT(load(rows[i].source, text, &cred, &diag) == 0, rows[i].source);
                check(&cred, rows[i].id, rows[i].key, rows[i].token);
                cred_aws_done(&cred);
                assert_null(cred.secret_access_key);
        }
}

static void test_refusals(void **state)
{
        static const struct {
                const char *what, *source, *text;
                int verdict;
        } rows[] = {
            {"no such profile", "profile:other", "[default]\n" GOOD, VERDICT_MISCONFIGURED},
            {"part of a name", "profile:def", "[default]\n" GOOD, VERDICT_MISCONFIGURED},
            {"prefix of another word", "profile:x", "[profilex]\n" GOOD, VERDICT_MISCONFIGURED},
            {"before any section", "file", GOOD, VERDICT_MISCONFIGURED},
            {"not INI", "file", "[default]\nhello\n", VERDICT_MISCONFIGURED},
            {"empty file", "file", "", VERDICT_MISCONFIGURED},
            {"empty profile name", "profile:", "[default]\n" GOOD, VERDICT_MISCONFIGURED},
            {"unknown source", "instance", "[default]\n" GOOD, VERDICT_MISCONFIGURED},
            {"a key twice", "file", "[default]\n" GOOD GOOD, VERDICT_MISCONFIGURED},
            {"a key again in the other form", "profile:a", "[a]\n" GOOD "[profile a]\n" GOOD,
             VERDICT_MISCONFIGURED},
            {"no key id", "file", "[default]\naws_secret_access_key=a\n", VERDICT_CREDENTIAL},
            {"no secret", "file", "[default]\naws_access_key_id=a\n", VERDICT_CREDENTIAL},
            {"empty secret", "file", "[default]\naws_access_key_id=a\naws_secret_access_key=\n",
             VERDICT_CREDENTIAL},
            {"a blank inside", "file",
             "[default]\naws_access_key_id=a b\naws_secret_access_key=SESAME\n",
             VERDICT_CREDENTIAL},
            {"a tab inside", "file",
             "[default]\naws_access_key_id=a\naws_secret_access_key=SES\tAME\n",
             VERDICT_CREDENTIAL},
            {"a letter beyond ASCII", "file",
             "[default]\naws_access_key_id=a\naws_secret_access_key=SES\xc3\xa4"
             "AME\n",
             VERDICT_CREDENTIAL},
            {"a carriage return inside", "file",
             "[default]\naws_access_key_id=a\naws_secret_access_key=SES\rX-Evil:AME\n",
             VERDICT_MISCONFIGURED},
            {"a continued line", "file",
             "[default]\naws_access_key_id=a\naws_secret_access_key=SES\\\nAME\n",
             VERDICT_CREDENTIAL},
        };
        struct cred_aws cred = {.access_key_id = "untouched"};
        struct diag diag;

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                int r = load(rows[i].source, rows[i].text, &cred, &diag);

                ROW_ASSERT(r == rows[i].verdict, rows[i].what);
                ROW_ASSERT(diag.message[0], rows[i].what);
                ROW_ASSERT(!strstr(diag.message, "SES"), rows[i].what);
        }
        assert_string_equal(cred.access_key_id, "untouched");
}

static void test_lengths(void **state)
{
        char text[8192], token[4200];
        struct cred_aws cred;
        struct diag diag;

        (void)state;
        memset(token, 't', sizeof(token));
        token[4096] = '\0';
        (void)snprintf(text, sizeof(text), "[default]\n" GOOD "aws_session_token=%s\n", token);
        assert_int_equal(load("file", text, &cred, &diag), 0);
        cred_aws_done(&cred);
        token[4096] = 't';
        token[4097] = '\0';
        (void)snprintf(text, sizeof(text), "[default]\n" GOOD "aws_session_token=%s\n", token);
        assert_int_equal(load("file", text, &cred, &diag), VERDICT_CREDENTIAL);
}

static void test_files_that_are_none(void **state)
{
        static const char nul[] = "[default]\n" GOOD "\0[default]\n";
        int pipes[2], fd CLEANUP_FD = -1, large CLEANUP_FD = -1;
        struct cred_aws cred;
        struct diag diag = DIAG_INIT;

        (void)state;
        assert_int_equal(cred_aws_load("file", -1, &cred, &diag), VERDICT_MISCONFIGURED);
        assert_int_equal(pipe(pipes), 0);
        assert_int_equal(cred_aws_load("file", pipes[0], &cred, &diag), VERDICT_MISCONFIGURED);
        close_fd(pipes[0]);
        close_fd(pipes[1]);
        fd = memfd_create("nul", MFD_CLOEXEC);
        assert_int_equal(write(fd, nul, sizeof(nul) - 1), sizeof(nul) - 1);
        assert_int_equal(cred_aws_load("file", fd, &cred, &diag), VERDICT_MISCONFIGURED);
        large = memfd_create("large", MFD_CLOEXEC);
        assert_int_equal(ftruncate(large, 65537), 0);
        assert_int_equal(cred_aws_load("file", large, &cred, &diag), VERDICT_MISCONFIGURED);
}

static void test_the_offset_does_not_matter(void **state)
{
        int fd CLEANUP_FD = file_of("[default]\n" GOOD);
        struct cred_aws cred;
        struct diag diag = DIAG_INIT;

        (void)state;
        for (int i = 0; i < 2; i++) {
                assert_int_equal(cred_aws_load("file", fd, &cred, &diag), 0);
                cred_aws_done(&cred);
        }
}

static void test_environment(void **state)
{
        struct cred_aws cred;
        struct diag diag = DIAG_INIT;

        (void)state;
        /* Not clearenv(): cmocka finds there how it is to report. */
        assert_int_equal(unsetenv("AWS_ACCESS_KEY_ID"), 0);
        assert_int_equal(unsetenv("AWS_SECRET_ACCESS_KEY"), 0);
        assert_int_equal(unsetenv("AWS_SESSION_TOKEN"), 0);
        assert_int_equal(cred_aws_load("env", -1, &cred, &diag), VERDICT_CREDENTIAL);
        assert_non_null(strstr(diag.advice, "AWS_ACCESS_KEY_ID"));
        assert_int_equal(setenv("AWS_ACCESS_KEY_ID", "ID", 1), 0);
        assert_int_equal(cred_aws_load("env", -1, &cred, &diag), VERDICT_CREDENTIAL);
        assert_int_equal(setenv("AWS_SECRET_ACCESS_KEY", "KEY", 1), 0);
        assert_int_equal(setenv("AWS_SESSION_TOKEN", "", 1), 0);
        assert_int_equal(cred_aws_load("env", -1, &cred, &diag), 0);
        check(&cred, "ID", "KEY", NULL);
        cred_aws_done(&cred);
        assert_int_equal(setenv("AWS_SESSION_TOKEN", "TOKEN", 1), 0);
        assert_int_equal(cred_aws_load("env", -1, &cred, &diag), 0);
        check(&cred, "ID", "KEY", "TOKEN");
        cred_aws_done(&cred);
        assert_int_equal(setenv("AWS_SECRET_ACCESS_KEY", "SES\nAME", 1), 0);
        assert_int_equal(cred_aws_load("env", -1, &cred, &diag), VERDICT_CREDENTIAL);
        assert_null(strstr(diag.message, "SES"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_sections),
            cmocka_unit_test(test_refusals),
            cmocka_unit_test(test_lengths),
            cmocka_unit_test(test_files_that_are_none),
            cmocka_unit_test(test_the_offset_does_not_matter),
            cmocka_unit_test(test_environment),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
