/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* AWS's own cases for Signature Version 4, stage by stage, so that a failure shows where the
 * signer left the path. */

#include "../unit/unit.h"
#include "net/sigv4.h"
#include "vectors.h"

static const char *path;

/* The headers of a block, "Name:value". */
static size_t read_headers(const struct vector *vector, struct sigv4_header *headers, char *names)
{
        size_t count = 0;

        for (size_t i = 0; i < vector->count; i++) {
                char *name = names + 64 * count;
                const char *text = vector->fields[i].value;
                size_t len = strcspn(text, ":");

                if (strcmp(vector->fields[i].key, "header") != 0)
                        continue;
                assert_true(count < 8 && len < 64 && text[len] == ':');
                memcpy(name, text, len);
                name[len] = '\0';
                headers[count++] = (struct sigv4_header){name, text + len + 1};
        }
        return count;
}

static void check_text(const struct vector *vector, const char *stage, const char *made)
{
        const char *expected = vector_find(vector, stage);

        if (expected && strcmp(made, expected) != 0)
                fail_msg("%s, %s:\n%s\n-- instead of --\n%s", vector_get(vector, "name"), stage,
                         made, expected);
}

/* "..., SignedHeaders=a;b;c, Signature=HEX" */
static void check_authorization(const struct vector *vector, const char *made)
{
        const char *headers = vector_find(vector, "signed-headers"), *at;

        assert_non_null(strstr(made, vector_get(vector, "signature")));
        assert_int_equal(strncmp(made, "AWS4-HMAC-SHA256 Credential=", 28), 0);
        if (!headers)
                return;
        at = strstr(made, "SignedHeaders=");
        assert_non_null(at);
        assert_int_equal(strncmp(at + 14, headers, strlen(headers)), 0);
        assert_int_equal(at[14 + strlen(headers)], ',');
}

/* The number of stages that the block could be compared in. */
static unsigned int check_case(const struct vector *vector)
{
        const char *body = vector_find(vector, "body");
        struct sigv4_header headers[8];
        char names[8 * 64], text[4096];
        struct sigv4_credentials credentials = {
            .access_key_id = vector_get(vector, "access-key-id"),
            .secret_access_key = vector_get(vector, "secret-access-key"),
            .session_token = vector_find(vector, "session-token"),
        };
        struct sigv4_request request = {
            .region = vector_get(vector, "region"),
            .service = vector_get(vector, "service"),
            .time = strtoll(vector_get(vector, "time"), NULL, 10),
            .headers = headers,
            .header_count = read_headers(vector, headers, names),
            .body = body,
            .body_len = body ? strlen(body) : 0,
        };
        static const char *const stages[] = {"canonical-request", "string-to-sign", "signature"};
        struct sigv4_result result;
        unsigned int compared = 0;

        assert_int_equal(sigv4_canonical_request(&request, &credentials, text, sizeof(text)), 0);
        check_text(vector, "canonical-request", text);
        assert_int_equal(sigv4_string_to_sign(&request, &credentials, text, sizeof(text)), 0);
        check_text(vector, "string-to-sign", text);
        assert_int_equal(sigv4_sign(&request, &credentials, &result), 0);
        check_text(vector, "signature", result.signature);
        if (vector_find(vector, "signature"))
                check_authorization(vector, result.authorization);
        for (size_t i = 0; i < LENGTH(stages); i++)
                compared += vector_find(vector, stages[i]) ? 1 : 0;
        return compared;
}

static void test_suite(void **state)
{
        unsigned int cases = 0, stages = 0;
        struct vector vector;
        FILE *file = fopen(path, "re");

        (void)state;
        assert_non_null(file);
        while (vector_next(file, &vector)) {
                unsigned int n = check_case(&vector);

                assert_true(n > 0);
                stages += n;
                cases++;
                vector_done(&vector);
        }
        fclose(file);
        printf("# %u cases, %u stages\n", cases, stages);
        assert_int_equal(cases, 9);
        assert_int_equal(stages, 7 * 3 + 1 + 1);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_suite)};

        if (argc != 2)
                return 2;
        path = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
