/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Picks the source of AWS credentials that local config names, and is the one place where a value
 * is judged fit to be a header's. No message ever quotes a value. */

#include "base/verdict.h"
#include "cred/source.h"

#define DEFAULT_PROFILE "default"

void cred_aws_done(struct cred_aws *cred)
{
        secret_free(cred->secret_access_key);
        secret_free(cred->session_token);
        *cred = (struct cred_aws){.access_key_id = ""};
}

/* Printable ASCII without blanks: nothing that could begin another header. */
static int check(const char *value, const char *name, size_t max, const char *where,
                 struct diag *diag)
{
        size_t len = strlen(value);

        if (len > max)
                return diag_refuse(diag, VERDICT_CREDENTIAL, "credentials",
                                   "%s of %s is longer than %zu characters", name, where, max);
        for (size_t i = 0; i < len; i++)
                if (value[i] <= 0x20 || value[i] >= 0x7f)
                        return diag_refuse(diag, VERDICT_CREDENTIAL, "credentials",
                                           "%s of %s holds a blank, a control or a non-ASCII "
                                           "character",
                                           name, where);
        return 0;
}

int cred_take(const struct cred_text *text, const char *where, struct cred_aws *ret,
              struct diag *diag)
{
        const char *id = text->access_key_id ? text->access_key_id : "";
        const char *key = text->secret_access_key ? text->secret_access_key : "";
        const char *token = text->session_token ? text->session_token : "";
        struct secret *new_key CLEANUP_SECRET = NULL, *new_token CLEANUP_SECRET = NULL;
        int r;

        if (!*id || !*key)
                return diag_refuse(diag, VERDICT_CREDENTIAL, "credentials",
                                   "%s has no %s access key", where, *id ? "secret" : "id of an");
        r = check(id, "the access key id", sizeof(ret->access_key_id) - 1, where, diag);
        if (r == 0)
                r = check(key, "the secret access key", CRED_SECRET_MAX, where, diag);
        if (r == 0)
                r = check(token, "the session token", CRED_TOKEN_MAX, where, diag);
        if (r == 0)
                r = secret_copy(key, strlen(key) + 1, &new_key);
        if (r == 0 && *token)
                r = secret_copy(token, strlen(token) + 1, &new_token);
        if (r != 0)
                return r;
        memcpy(ret->access_key_id, id, strlen(id) + 1);
        ret->secret_access_key = TAKE_PTR(new_key);
        ret->session_token = TAKE_PTR(new_token);
        return 0;
}

int cred_aws_load(const char *source, int fd, struct cred_aws *ret, struct diag *diag)
{
        if (strcmp(source, "env") == 0)
                return cred_env_load(ret, diag);
        if (strcmp(source, "file") == 0)
                return cred_file_load(DEFAULT_PROFILE, fd, ret, diag);
        if (strncmp(source, "profile:", 8) == 0 && source[8])
                return cred_file_load(source + 8, fd, ret, diag);
        (void)diag_refuse(diag, VERDICT_MISCONFIGURED, "credentials",
                          "Credentials=%s names no source of AWS credentials", source);
        diag_advise(diag, "use env, file:PATH or profile:NAME");
        return VERDICT_MISCONFIGURED;
}
