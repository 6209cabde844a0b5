/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the signer refuses, and what it does beyond the cases of tests/vectors. */

#include <errno.h>

#include "net/sigv4.h"
#include "unit.h"

#define DAY 1440938160 /* 2015-08-30 12:36:00 UTC */

static const struct sigv4_credentials credentials = {
    .access_key_id = "AKIDEXAMPLE",
    .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

static struct sigv4_request request_of(const struct sigv4_header *headers, size_t count)
{
        return (struct sigv4_request){.region = "us-east-1",
                                      .service = "service",
                                      .time = DAY,
                                      .headers = headers,
                                      .header_count = count};
}

static int sign(const struct sigv4_header *headers, size_t count, struct sigv4_result *ret)
{
        struct sigv4_request request = request_of(headers, count);

        return sigv4_sign(&request, &credentials, ret);
}

static void test_refused_headers(void **state)
{
        static const struct {
                const char *what;
                struct sigv4_header headers[2];
        } rows[] = {
            {"no host", {{"X-A", "1"}, {"X-B", "2"}}},
            {"the same twice", {{"Host", "h"}, {"host", "h"}}},
            {"a line feed in a value", {{"Host", "h"}, {"X-A", "1\nX-B: 2"}}},
            {"a carriage return in a value", {{"Host", "h"}, {"X-A", "1\r"}}},
            {"a blank in a name", {{"Host", "h"}, {"X A", "1"}}},
            {"a colon in a name", {{"Host", "h"}, {"X:A", "1"}}},
            {"no name", {{"Host", "h"}, {"", "1"}}},
        };
        struct sigv4_result result = {.signature = "untouched"};

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++)
                ROW_ASSERT(sign(rows[i].headers, 2, &result) == -EINVAL, rows[i].what);
        assert_string_equal(result.signature, "untouched");
}

static void test_too_many_headers(void **state)
{
        struct sigv4_header headers[17] = {{"Host", "h"}};
        char names[17][4];
        struct sigv4_result result;

        (void)state;
        for (size_t i = 1; i < LENGTH(headers); i++) {
                (void)snprintf(names[i], sizeof(names[i]), "x%zu", i);
                headers[i] = (struct sigv4_header){names[i], "v"};
        }
        /* one place is for x-amz-date */
        assert_int_equal(sign(headers, 15, &result), 0);
        assert_int_equal(sign(headers, 16, &result), -EINVAL);
        assert_int_equal(sign(headers, 17, &result), -EINVAL);
}

static void test_blanks_are_folded(void **state)
{
        static const struct sigv4_header wide[] = {{"Host", " h"}, {"X-A", "\t a   b\t\tc  "}};
        static const struct sigv4_header narrow[] = {{"X-A", "a b c"}, {"HOST", "h"}};
        struct sigv4_result a, b;

        (void)state;
        assert_int_equal(sign(wide, 2, &a), 0);
        assert_int_equal(sign(narrow, 2, &b), 0);
        assert_string_equal(a.authorization, b.authorization);
}

static void test_everything_is_signed(void **state)
{
        static const struct sigv4_header headers[] = {{"Host", "h"}, {"X-A", "1"}};
        static const struct sigv4_header others[] = {{"Host", "h"}, {"X-A", "2"}};
        struct sigv4_request request = request_of(headers, 2);
        struct sigv4_credentials other = credentials;
        struct sigv4_result base, changed;

        (void)state;
        assert_int_equal(sigv4_sign(&request, &credentials, &base), 0);
#define CHANGED(field, new)                                                                        \
        do {                                                                                       \
                struct sigv4_request copy = request;                                               \
                copy.field = new;                                                                  \
                assert_int_equal(sigv4_sign(&copy, &credentials, &changed), 0);                    \
                assert_string_not_equal(changed.signature, base.signature);                        \
        } while (0)
        CHANGED(region, "us-east-2");
        CHANGED(service, "kms");
        CHANGED(time, DAY + 1);
        CHANGED(headers, others);
        CHANGED(header_count, 1);
        request.body = "x";
        CHANGED(body_len, 1);
        other.secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEy";
        assert_int_equal(sigv4_sign(&request, &other, &changed), 0);
        assert_string_not_equal(changed.signature, base.signature);
}

static void test_small_buffers(void **state)
{
        static const struct sigv4_header headers[] = {{"Host", "h"}};
        struct sigv4_request request = request_of(headers, 1);
        char text[512], small[512];
        size_t len;

        (void)state;
        assert_int_equal(sigv4_canonical_request(&request, &credentials, text, sizeof(text)), 0);
        len = strlen(text);
        assert_int_equal(sigv4_canonical_request(&request, &credentials, small, len + 1), 0);
        assert_string_equal(small, text);
        assert_int_equal(sigv4_canonical_request(&request, &credentials, small, len), -ENOBUFS);
        assert_int_equal(sigv4_string_to_sign(&request, &credentials, small, 40), -ENOBUFS);
}

static void test_long_values(void **state)
{
        static const struct sigv4_header headers[] = {{"Host", "h"}};
        struct sigv4_request request = request_of(headers, 1);
        struct sigv4_credentials long_one = credentials;
        struct sigv4_result result;
        char text[9000];

        (void)state;
        memset(text, 'a', sizeof(text));
        text[4096] = '\0';
        long_one.session_token = text;
        assert_int_equal(sigv4_sign(&request, &long_one, &result), 0);
        text[4096] = 'a';
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(sigv4_sign(&request, &long_one, &result), -ENOBUFS);
        long_one = credentials;
        long_one.secret_access_key = text;
        assert_int_equal(sigv4_sign(&request, &long_one, &result), -EINVAL);
        long_one.secret_access_key = "";
        assert_int_equal(sigv4_sign(&request, &long_one, &result), -EINVAL);
}

static void test_dates(void **state)
{
        static const struct sigv4_header headers[] = {{"Host", "h"}};
        struct sigv4_request request = request_of(headers, 1);
        struct sigv4_result result;

        (void)state;
        request.time = 0;
        assert_int_equal(sigv4_sign(&request, &credentials, &result), 0);
        assert_string_equal(result.amz_date, "19700101T000000Z");
        request.time = 253402300799;
        assert_int_equal(sigv4_sign(&request, &credentials, &result), 0);
        assert_string_equal(result.amz_date, "99991231T235959Z");
        request.time = 253402300800;
        assert_int_equal(sigv4_sign(&request, &credentials, &result), -EINVAL);
        request.time = -1;
        assert_int_equal(sigv4_sign(&request, &credentials, &result), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_refused_headers),
            cmocka_unit_test(test_too_many_headers),
            cmocka_unit_test(test_blanks_are_folded),
            cmocka_unit_test(test_everything_is_signed),
            cmocka_unit_test(test_small_buffers),
            cmocka_unit_test(test_long_values),
            cmocka_unit_test(test_dates),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
