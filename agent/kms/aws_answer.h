/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an answer of AWS KMS means; private to agent/kms. */

#include <stdbool.h>

#include "base/json.h"
#include "kms/kms.h"

enum { AWS_SKEW_MAX_S = 300 };

struct aws_outcome {
        int verdict; /* or -errno */
        bool retry;  /* another try may help */
        bool clock;  /* the service dislikes the time in our signature */
};

/* Reads an answer: VERDICT_GRANTED and, for a 200, the JSON object that it brought (it points into
 * response->body; the caller frees it before that); else what the service's error code means,
 * never the HTTP status alone. now is this machine's time in seconds: when the answer's Date is
 * further off than AWS_SKEW_MAX_S, no denial is believed. What is not the service's protocol (a
 * proxy's page, duplicate keys) is an outage. diag gets code, request id, status, one sentence and
 * advice. */
struct aws_outcome aws_answer_read(const struct http_response *response,
                                   const struct kms_call *call, int64_t now, struct json_doc **ret,
                                   struct diag *diag);

/* An answer of 200 whose JSON lacks what it should hold. */
int aws_answer_garbage(const struct kms_call *call, const char *what, struct diag *diag);
