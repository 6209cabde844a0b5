/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names of keys: the only forms that config and tokens may hold.
 *     aws-kms://arn:PARTITION:kms:REGION:ACCOUNT:key/ID
 *     platform:file
 * An alias is refused: whoever may move an alias would choose the key. */

#include "base/diag.h"

enum { KEYURI_MAX = 512 };
enum keyuri_kind { KEYURI_AWS, KEYURI_PLATFORM_FILE };

struct keyuri {
        enum keyuri_kind kind;
        char text[KEYURI_MAX]; /* as written; two URIs name the same key if the texts are equal */
        char arn[KEYURI_MAX];  /* AWS: the key's ARN */
        char region[64];       /* AWS */
        char host[128];        /* AWS: kms.REGION.amazonaws.com, or .amazonaws.com.cn in aws-cn */
};

/* Returns 0, or KEYURI_E_INVALID with what was expected in diag (rule "key-uri"). */
enum { KEYURI_E_INVALID = 1 };
int keyuri_parse(const char *text, struct keyuri *ret, struct diag *diag);
