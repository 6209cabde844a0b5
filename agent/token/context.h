/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* KMS context: what a wrapped secret is bound to. A KMS with additional authenticated data checks
 * it at each unwrap, and the customer sees it in the provider's audit log, in clear. */

#define CONTEXT_UUID "luks-kms:uuid"
#define CONTEXT_ROLE "luks-kms:role"
#define CONTEXT_USE  "luks-kms:use"

enum { UUID_TEXT_MAX = 37, ROLE_TEXT_MAX = 16 };

struct kms_context {
        char uuid[UUID_TEXT_MAX]; /* LUKS UUID, lower case */
        char role[ROLE_TEXT_MAX]; /* os, persistence, backup, temp */
        char use[ROLE_TEXT_MAX];  /* keyslot, probe */
};
