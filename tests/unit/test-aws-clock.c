/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the AWS KMS client does when its clock and the service's disagree. */

#include "aws-fake.h"

#include <time.h>

static void test_denials_need_a_right_clock(void **state)
{
        static const char *const types[] = {TYPE("DisabledException", ""),
                                            TYPE("AccessDeniedException", "")};
        static const int verdicts[] = {VERDICT_KEY_STATE, VERDICT_ACCESS_DENIED};

        (void)state;
        for (size_t i = 0; i < LENGTH(types); i++) {
                static const struct {
                        int skew, believed;
                } rows[] = {{0, 1},   {290, 1},  {-290, 1},   {NO_DATE, 1},
                            {310, 0}, {-310, 0}, {1 << 29, 0}};

                for (size_t j = 0; j < LENGTH(rows); j++) {
                        struct wire_reply reply CLEANUP_REPLY = {.verdict = 0};
                        struct answer answer = {
                            .status = 400, .body = types[i], .skew = rows[j].skew};

                        assert_int_equal(fake_unwrap(&answer, &reply),
                                         rows[j].believed ? verdicts[i] : VERDICT_UNAVAILABLE);
                        if (!rows[j].believed)
                                assert_string_equal(reply.diag.rule, "clock");
                }
        }
}

/* Seconds between the time that a request was signed for and now. */
static long signed_ahead(const struct fake *fake)
{
        struct tm tm = {.tm_sec = 0};

        assert_non_null(strptime(fake_header(fake, "X-Amz-Date"), "%Y%m%dT%H%M%SZ", &tm));
        return timegm(&tm) - time(NULL);
}

static void test_signing_again_by_the_services_clock(void **state)
{
        static const char *const bodies[] = {
            TYPE("InvalidSignatureException", "Signature expired: 1 is now earlier than 2"),
            TYPE("InvalidSignatureException", "Signature not yet current: 2 is still later than 1"),
            TYPE("RequestExpired", ""),
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(bodies); i++) {
                struct fake fake = {.answers = {{.status = 400, .body = bodies[i], .skew = 7200},
                                                {.status = 200, .body = GRANT, .skew = 7200}},
                                    .count = 2};
                struct wire_reply reply CLEANUP_REPLY = {.verdict = 0};

                fake_serve(&fake, WIRE_UNWRAP, "", &reply);
                ROW_ASSERT(reply.verdict == VERDICT_GRANTED, bodies[i]);
                ROW_ASSERT(reply.diag.requests == 2, bodies[i]);
                assert_in_range(signed_ahead(&fake), 7190, 7210);
        }
}

static void test_signing_again_once_only(void **state)
{
        struct answer clock = {.status = 400,
                               .body = TYPE("InvalidSignatureException", "Signature expired: 1"),
                               .skew = -7200};
        struct fake fake = {.answers = {clock}, .count = 1};
        struct wire_reply reply CLEANUP_REPLY;

        (void)state;
        fake_serve(&fake, WIRE_UNWRAP, "", &reply);
        assert_int_equal(reply.verdict, VERDICT_UNAVAILABLE);
        assert_int_equal(reply.diag.requests, 2);
        assert_non_null(strstr(reply.diag.message, "7200 seconds behind"));
        wire_reply_done(&reply);

        /* not even after another try */
        fake = (struct fake){
            .answers = {clock, {.status = 400, .body = TYPE("ThrottlingException", "")}, clock},
            .count = 3};
        fake_serve(&fake, WIRE_UNWRAP, "", &reply);
        assert_int_equal(reply.verdict, VERDICT_UNAVAILABLE);
        assert_int_equal(reply.diag.requests, 3);
        wire_reply_done(&reply);

        /* without a Date there is nothing to sign by */
        fake.answers[0].skew = NO_DATE;
        fake_serve(&fake, WIRE_UNWRAP, "", &reply);
        assert_int_equal(reply.verdict, VERDICT_UNAVAILABLE);
        assert_int_equal(reply.diag.requests, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_denials_need_a_right_clock),
            cmocka_unit_test(test_signing_again_by_the_services_clock),
            cmocka_unit_test(test_signing_again_once_only),
        };

        return cmocka_run_group_tests(tests, fake_environment, NULL);
}
