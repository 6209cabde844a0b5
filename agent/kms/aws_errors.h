/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The error codes of AWS KMS and what each means; private to agent/kms. */

#include <stdbool.h>

#include "base/diag.h"
#include "token/keyuri.h"

enum aws_advice {
        ADVICE_STATE,
        ADVICE_ENABLE,
        ADVICE_KEEP,
        ADVICE_DENIED,
        ADVICE_CREDENTIALS,
        ADVICE_CLOCK,
        ADVICE_LATER,
        ADVICE_STORE,
        ADVICE_ENDPOINT,
        ADVICE_KEY,
        ADVICE_HEADER,
};

struct aws_error {
        const char *code;           /* without "Exception"; a final '*' stands for any rest */
        const char *in_message;     /* must occur in the message, in any case; NULL = any message */
        int verdict;                /* never VERDICT_GRANTED */
        bool retry;                 /* another try may help: throttled, a server's own failure */
        bool clock;                 /* the service dislikes the time in our signature */
        const char *before, *after; /* the sentence around the key's name */
        enum aws_advice advice;
};

/* code: bare, without namespace. Never NULL: an unknown code is an outage. */
const struct aws_error *aws_error_find(const char *code, const char *message, int status);

/* One sentence and advice into diag, whose http_status is set. */
void aws_error_explain(const struct aws_error *error, const struct keyuri *key, struct diag *diag);
