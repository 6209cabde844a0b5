/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Words for people beside a result: which rule refused, one sentence why, and what to type next.
 * Only non-secret text goes in. Whoever finds the cause fills it; callers may add to it. */

#include <stdarg.h>

#include "base/cleanup.h"

struct diag {
        char rule[48];         /* name of the refusal: "cipher", "header-mac", "key-not-allowed" */
        char message[384];     /* one sentence, without a final full stop */
        char advice[384];      /* what to type or look at next; may be empty */
        char code[96];         /* the provider's own error code: "DisabledException" */
        char request_id[96];   /* the provider's request id */
        int http_status;       /* 0 if there was no answer */
        unsigned int requests; /* requests that were sent to the provider */
        unsigned int retry_after; /* seconds the provider asked us to wait, 0 if it did not say */
};

#define DIAG_INIT ((struct diag){.rule = ""})

/* Each returns result, so that a refusal is one statement:
 *     return diag_refuse(diag, RULE_REFUSED, "cipher", "the data segment uses %s", name);
 * diag may be NULL. Control and non-ASCII characters are shown as '?'. Both clear an older advice.
 * diag_fail() has no rule; it adds ": " and errno's words to a negative result's message, unless
 * they are in it. */
int diag_refuse(struct diag *diag, int result, const char *rule, const char *fmt, ...) PRINTF(4, 5);
int diag_fail(struct diag *diag, int result, const char *fmt, ...) PRINTF(3, 4);
void diag_advise(struct diag *diag, const char *fmt, ...) PRINTF(2, 3);

/* Copies text into a field of fixed size; control and non-ASCII characters become '?'. */
void diag_text(char *field, size_t size, const char *text);
