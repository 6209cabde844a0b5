/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every verb that asks a key service begins and ends with. */

#include "cli/session.h"

static int uses_env(const struct volume_config *volume)
{
        for (size_t i = 0; i < volume->key_count; i++)
                if (strcmp(volume->keys[i]->credentials, "env") == 0)
                        return 1;
        return 0;
}

int session_begin(struct session *s, const struct options *o)
{
        int r;

        *s = (struct session){.options = o};
        s->u.enrolling = strcmp(o->verb, "format") == 0;
        r = config_load(o->config_dir, &s->config, &s->u.diag);
        if (r == 0)
                r = config_volume(s->config, o->args[0], &s->u.volume, &s->u.diag);
        if (r != 0)
                return session_fail(s, exit_of_config(r));
        r = wire_client_start(WORKER_PATH, uses_env(s->u.volume), &s->u.worker, &s->u.diag);
        if (r < 0) {
                diag_advise(&s->u.diag, "is luks-kms installed whole? ls -l %s", WORKER_PATH);
                return session_fail(s, EXIT_ENVIRONMENT);
        }
        return EXIT_OK;
}

void session_end(struct session *s)
{
        wire_client_free(s->u.worker);
        config_free(s->config);
        s->u.worker = NULL;
        s->config = NULL;
}

int session_fail(struct session *s, int code)
{
        return report_failure(s->options, s->options->args[0], code, &s->u.diag);
}
