/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: which recipient -> [credentials -> KMS unwrap] -> header MAC. Opens the files that the
 * worker may not, and hands it descriptors. */

#include <pwd.h>

#include "base/fdio.h"
#include "cli/session.h"

/* Where profile:NAME is looked up: AWS's own habit. */
static void shared_credentials_path(char *buf, size_t size)
{
        const char *env = secure_getenv("AWS_SHARED_CREDENTIALS_FILE");
        const struct passwd *user = getpwuid(getuid());

        if (env)
                (void)snprintf(buf, size, "%s", env);
        else
                (void)snprintf(buf, size, "%s/.aws/credentials", user ? user->pw_dir : "/root");
}

static int open_credentials(const struct key_config *key, struct wire_request *request,
                            struct diag *diag)
{
        char path[CONFIG_PATH_MAX * 2];

        if (strncmp(key->credentials, "file:", 5) == 0) {
                (void)snprintf(path, sizeof(path), "%s", key->credentials + 5);
                (void)snprintf(request->credentials, sizeof(request->credentials), "file");
        } else {
                (void)snprintf(request->credentials, sizeof(request->credentials), "%s",
                               key->credentials);
                if (strncmp(key->credentials, "profile:", 8) != 0)
                        return 0;
                shared_credentials_path(path, sizeof(path));
        }
        return file_open_trusted(path, FILE_PRIVATE, &request->fds[WIRE_FD_CREDENTIALS], diag);
}

static void advise_platform_key(struct session *s, const struct key_config *key)
{
        if (strcmp(s->options->verb, "format") == 0)
                diag_advise(&s->diag,
                            "make a platform key: (umask 077; head -c 32 /dev/urandom >%s)",
                            key->key_file);
        else
                diag_advise(&s->diag,
                            "put the key file back from its backup; a new one opens nothing "
                            "that was wrapped under the old one");
}

/* The request's part that comes from config. An exit code. */
static int fill_request(struct session *s, const struct key_config *key,
                        const struct kms_context *context, struct wire_request *request)
{
        int r;

        wire_request_init(request);
        request->timeout_ms = key->timeout_ms;
        request->context = *context;
        (void)snprintf(request->uri, sizeof(request->uri), "%s", key->uri.text);
        (void)snprintf(request->endpoint, sizeof(request->endpoint), "%s", key->endpoint);
        r = open_credentials(key, request, &s->diag);
        if (r == 0 && key->ca_file[0])
                r = file_open_trusted(key->ca_file, 0, &request->fds[WIRE_FD_CA], &s->diag);
        if (r == 0 && key->key_file[0])
                r = file_open_trusted(key->key_file, FILE_PRIVATE, &request->fds[WIRE_FD_KEY],
                                      &s->diag);
        if (r < 0 && key->uri.kind == KEYURI_AWS)
                diag_advise(&s->diag,
                            "Credentials= or CAFile= of [Key %s] (%s) names it: is it there, and "
                            "are you root?",
                            key->name, key->where);
        if (r == -ENOENT && key->key_file[0])
                advise_platform_key(s, key);
        return r == 0 ? EXIT_OK : EXIT_CONFIG;
}

/* Keeps what the provider said for the final report; counts requests over all calls. */
static void take_diag(struct session *s, const struct wire_reply *reply)
{
        const unsigned int requests = s->diag.requests + reply->diag.requests;

        s->diag = reply->diag;
        s->diag.requests = requests;
}

static int call(struct session *s, struct wire_request *request, struct wire_reply *reply)
{
        int r = wire_client_call(s->worker, request, reply);

        if (r < 0)
                (void)diag_fail(&s->diag, r, "cannot talk to the KMS worker");
        else
                take_diag(s, reply);
        return exit_of_verdict(r);
}

int session_wrap(struct session *s, const struct key_config *key, const struct kms_context *context,
                 struct secret *plain, struct token_blob *ret, char *ret_version)
{
        struct wire_request request CLEANUP_REQUEST = {.op = 0};
        struct wire_reply reply CLEANUP_REPLY = {.verdict = 0};
        int code = fill_request(s, key, context, &request);

        if (code != EXIT_OK)
                return code;
        request.op = WIRE_WRAP;
        code = secret_copy(secret_bytes(plain), secret_size(plain), &request.plain);
        if (code < 0)
                return EXIT_ENVIRONMENT;
        code = call(s, &request, &reply);
        if (code != EXIT_OK)
                return code;
        if (reply.wrapped.len == 0 || reply.wrapped.len > sizeof(ret->data)) {
                (void)diag_fail(&s->diag, 0, "the wrapped secret is too large for a token");
                return EXIT_VERDICT + VERDICT_MISCONFIGURED;
        }
        ret->len = reply.wrapped.len;
        memcpy(ret->data, reply.wrapped.data, ret->len);
        (void)snprintf(ret_version, 128, "%s", reply.key_version);
        return EXIT_OK;
}

int session_unwrap(struct session *s, const struct key_config *key,
                   const struct kms_context *context, const struct token_blob *wrapped,
                   struct secret **ret)
{
        struct wire_request request CLEANUP_REQUEST = {.op = 0};
        struct wire_reply reply CLEANUP_REPLY = {.verdict = 0};
        int code = fill_request(s, key, context, &request);

        if (code != EXIT_OK)
                return code;
        request.op = WIRE_UNWRAP;
        request.wrapped.len = wrapped->len;
        memcpy(request.wrapped.data, wrapped->data, wrapped->len);
        code = call(s, &request, &reply);
        if (code != EXIT_OK)
                return code;
        if (!reply.plain)
                return EXIT_VERDICT + VERDICT_UNAVAILABLE;
        *ret = TAKE_PTR(reply.plain);
        return EXIT_OK;
}
