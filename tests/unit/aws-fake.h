/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A key service in the place of the network: a list of answers for the AWS KMS client, and a note
 * of what it asked. */

#include "base/verdict.h"
#include "kms/kms.h"
#include "unit.h"

#define ARN   "arn:aws:kms:eu-west-1:111122223333:key/11111111-aaaa-4aaa-8aaa-000000000001"
#define OTHER "arn:aws:kms:eu-west-1:111122223333:key/11111111-aaaa-4aaa-8aaa-000000000002"

/* Open sesame, sixteen bytes; and a blob of four. */
#define PLAIN_TEXT "T3BlbiwgU2VzYW1lIDEyMw=="
#define BLOB_TEXT  "AQIDBA=="
#define GRANT      "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"" PLAIN_TEXT "\"}"
#define WRAPPED    "{\"CiphertextBlob\":\"" BLOB_TEXT "\",\"KeyId\":\"" ARN "\"}"
/* An error of that type. */
#define TYPE(t, m) "{\"__type\":\"" t "\",\"message\":\"" m "\"}"

enum { NO_DATE = 1 << 30 };

struct answer {
        int result; /* of the transport: HTTP_E_... */
        int status;
        const char *body;
        const char *error_type;
        int skew; /* of the Date header; NO_DATE */
        unsigned int retry_after;
};

/* What answers, in order, the last one for ever; and the last request as it came. */
struct fake {
        struct answer answers[4];
        size_t count, used;
        char url[256], body[16384];
        char headers[HTTP_HEADERS_MAX][HTTP_HEADER_TEXT];
        size_t header_count;
};

/* The value of a header of the last request; NULL if it was not there. */
const char *fake_header(const struct fake *fake, const char *name);

/* One operation with credentials of the environment; the caller calls wire_reply_done(). */
void fake_serve(struct fake *fake, enum wire_op op, const char *endpoint, struct wire_reply *ret);

/* An unwrap that always gets this answer; the verdict. */
int fake_unwrap(const struct answer *answer, struct wire_reply *ret);

/* Group set-up: an environment that holds an access key and no session token. */
int fake_environment(void **state);
