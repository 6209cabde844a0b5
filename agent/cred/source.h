/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the sources of credentials share; private to agent/cred. */

#include "cred/cred.h"

enum { CRED_SECRET_MAX = 256, CRED_TOKEN_MAX = 4096 };

/* The three values as found, NULL or "" where there is none; text of the source's, which it goes
 * on owning. where names the source in messages. Checks and copies into secrets.
 * Returns 0, VERDICT_CREDENTIAL, -errno. */
struct cred_text {
        const char *access_key_id, *secret_access_key, *session_token;
};
int cred_take(const struct cred_text *text, const char *where, struct cred_aws *ret,
              struct diag *diag);

int cred_env_load(struct cred_aws *ret, struct diag *diag);
int cred_file_load(const char *profile, int fd, struct cred_aws *ret, struct diag *diag);
