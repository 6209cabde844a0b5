/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The transport that tests/unit gives the AWS KMS client instead of libcurl. */

#include "aws-fake.h"

#include <time.h>

static int fake_perform(void *ctx, const struct http_request *request, struct http_response *ret,
                        struct diag *diag)
{
        struct fake *fake = ctx;
        const struct answer *answer = &fake->answers[fake->used];

        if (fake->used + 1 < fake->count)
                fake->used++;
        (void)snprintf(fake->url, sizeof(fake->url), "%s", request->url);
        (void)snprintf(fake->body, sizeof(fake->body), "%.*s", (int)request->body_len,
                       request->body);
        fake->header_count = request->header_count;
        for (size_t i = 0; i < request->header_count; i++)
                (void)snprintf(fake->headers[i], HTTP_HEADER_TEXT, "%s", request->headers[i]);

        if (answer->result != 0)
                return diag_fail(diag, answer->result, "no answer");
        *ret = (struct http_response){.status = answer->status, .retry_after = answer->retry_after};
        if (answer->skew != NO_DATE)
                ret->date = (int64_t)time(NULL) + answer->skew;
        if (answer->error_type)
                (void)snprintf(ret->error_type, sizeof(ret->error_type), "%s", answer->error_type);
        (void)snprintf(ret->request_id, sizeof(ret->request_id), "req-1");
        if (answer->body && *answer->body)
                assert_int_equal(secret_copy(answer->body, strlen(answer->body), &ret->body), 0);
        return 0;
}

const char *fake_header(const struct fake *fake, const char *name)
{
        size_t len = strlen(name);

        for (size_t i = 0; i < fake->header_count; i++)
                if (strncmp(fake->headers[i], name, len) == 0 &&
                    strncmp(fake->headers[i] + len, ": ", 2) == 0)
                        return fake->headers[i] + len + 2;
        return NULL;
}

void fake_serve(struct fake *fake, enum wire_op op, const char *endpoint, struct wire_reply *ret)
{
        const struct http_transport transport = {.perform = fake_perform, .ctx = fake};
        struct wire_request request CLEANUP_REQUEST = {.op = op};

        wire_request_init(&request);
        request.op = op;
        request.timeout_ms = 3000;
        (void)snprintf(request.uri, sizeof(request.uri), "aws-kms://" ARN);
        (void)snprintf(request.endpoint, sizeof(request.endpoint), "%s", endpoint);
        (void)snprintf(request.credentials, sizeof(request.credentials), "env");
        (void)snprintf(request.context.uuid, sizeof(request.context.uuid), "uuid-1");
        (void)snprintf(request.context.role, sizeof(request.context.role), "backup");
        (void)snprintf(request.context.use, sizeof(request.context.use), "probe");
        if (op == WIRE_WRAP) {
                assert_int_equal(secret_copy("Open, Sesame 123", 16, &request.plain), 0);
        } else {
                memcpy(request.wrapped.data, "\1\2\3\4", 4);
                request.wrapped.len = 4;
        }
        fake->used = 0;
        kms_serve(&request, &transport, ret);
}

int fake_unwrap(const struct answer *answer, struct wire_reply *ret)
{
        struct fake fake = {.answers = {*answer}, .count = 1};

        fake_serve(&fake, WIRE_UNWRAP, "", ret);
        return ret->verdict;
}

int fake_environment(void **state)
{
        (void)state;
        return unsetenv("AWS_SESSION_TOKEN") || setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1) ||
               setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 1);
}
