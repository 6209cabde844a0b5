/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where AWS credentials come from, one file each: the environment, or a file in the form of AWS's
 * shared-credentials file that the privileged side opened. Secrets stay in one struct secret. */

#include "base/diag.h"
#include "base/secret.h"

struct cred_aws {
        char access_key_id[129];
        struct secret *secret_access_key; /* NUL-terminated text */
        struct secret *session_token;     /* NUL-terminated text, or NULL */
};

void cred_aws_done(struct cred_aws *cred);

/* Returns 0; VERDICT_CREDENTIAL (none there, bad characters) or VERDICT_MISCONFIGURED (no such
 * profile, not such a file) with words in diag; -errno.
 * source: "env" | "file" ([default] of the file) | "profile:NAME". fd: the open file, or -1. */
int cred_aws_load(const char *source, int fd, struct cred_aws *ret, struct diag *diag);
