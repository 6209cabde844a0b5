/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Credentials from the environment, under the names that AWS's own tools use. Whoever set the
 * environment is trusted; the values are checked like any other. */

#include "cred/source.h"

int cred_env_load(struct cred_aws *ret, struct diag *diag)
{
        const struct cred_text text = {
            .access_key_id = getenv("AWS_ACCESS_KEY_ID"),
            .secret_access_key = getenv("AWS_SECRET_ACCESS_KEY"),
            .session_token = getenv("AWS_SESSION_TOKEN"),
        };
        int r = cred_take(&text, "the environment", ret, diag);

        if (r > 0)
                diag_advise(diag, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and "
                                  "AWS_SESSION_TOKEN with temporary credentials), or name a file "
                                  "with Credentials=file:PATH");
        return r;
}
