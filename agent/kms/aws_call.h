/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One operation of AWS KMS, retries included; private to agent/kms. */

#include "base/json.h"
#include "kms/kms.h"

/* An answer; json points into response.body. */
struct aws_reply {
        struct http_response response;
        struct json_doc *json; /* an object */
};

void aws_reply_done(struct aws_reply *reply);
#define CLEANUP_AWS_REPLY CLEANUP(aws_reply_done)

/* Signs and sends body (JSON text of exactly that size) as TrentService.OPERATION to the key's
 * endpoint, again where that may help, within call->deadline_ms.
 * Returns 0 and the reply, a verdict, or -errno; diag->requests counts what was sent. */
int aws_call(const struct kms_call *call, const char *operation, const struct secret *body,
             struct aws_reply *ret, struct diag *diag);
