/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: which recipient -> [credentials -> KMS unwrap] -> header MAC. Opens the files that the
 * worker may not, and hands it descriptors. */

#include <pwd.h>

#include "base/fdio.h"
#include "unlock/unlock.h"

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

static void advise_platform_key(struct unlock *u, const struct key_config *key)
{
        if (u->enrolling)
                diag_advise(&u->diag,
                            "make a platform key: (umask 077; head -c 32 /dev/urandom >%s)",
                            key->key_file);
        else
                diag_advise(&u->diag,
                            "put the key file back from its backup; a new one opens nothing "
                            "that was wrapped under the old one");
}

/* The request's part that comes from config. An exit code. */
int unlock_request(struct unlock *u, const struct key_config *key,
                   const struct kms_context *context, struct wire_request *request)
{
        int r;

        wire_request_init(request);
        request->timeout_ms = key->timeout_ms;
        request->context = *context;
        (void)snprintf(request->uri, sizeof(request->uri), "%s", key->uri.text);
        (void)snprintf(request->endpoint, sizeof(request->endpoint), "%s", key->endpoint);
        r = open_credentials(key, request, &u->diag);
        if (r == 0 && key->ca_file[0])
                r = file_open_trusted(key->ca_file, 0, &request->fds[WIRE_FD_CA], &u->diag);
        if (r == 0 && key->key_file[0])
                r = file_open_trusted(key->key_file, FILE_PRIVATE, &request->fds[WIRE_FD_KEY],
                                      &u->diag);
        if (r < 0 && key->uri.kind == KEYURI_AWS)
                diag_advise(&u->diag,
                            "Credentials= or CAFile= of [Key %s] (%s) names it: is it there, and "
                            "are you root?",
                            key->name, key->where);
        if (r == -ENOENT && key->key_file[0])
                advise_platform_key(u, key);
        return r == 0 ? EXIT_OK : EXIT_CONFIG;
}

/* Keeps what the provider said for the final report; counts requests over all calls. */
static void take_diag(struct unlock *u, const struct wire_reply *reply)
{
        const unsigned int requests = u->diag.requests + reply->diag.requests;

        u->diag = reply->diag;
        u->diag.requests = requests;
}

static int call(struct unlock *u, struct wire_request *request, struct wire_reply *reply)
{
        int r = wire_client_call(u->worker, request, reply);

        if (r < 0)
                (void)diag_fail(&u->diag, r, "cannot talk to the KMS worker");
        else
                take_diag(u, reply);
        return exit_of_verdict(r);
}

int unlock_wrap(struct unlock *u, const struct key_config *key, const struct kms_context *context,
                struct secret *plain, struct token_blob *ret, char *ret_version)
{
        struct wire_request request CLEANUP_REQUEST = {.op = 0};
        struct wire_reply reply CLEANUP_REPLY = {.verdict = 0};
        int code = unlock_request(u, key, context, &request);

        if (code != EXIT_OK)
                return code;
        request.op = WIRE_WRAP;
        code = secret_copy(secret_bytes(plain), secret_size(plain), &request.plain);
        if (code < 0)
                return EXIT_ENVIRONMENT;
        code = call(u, &request, &reply);
        if (code != EXIT_OK)
                return code;
        if (reply.wrapped.len == 0 || reply.wrapped.len > sizeof(ret->data)) {
                (void)diag_fail(&u->diag, 0, "the wrapped secret is too large for a token");
                return EXIT_VERDICT + VERDICT_MISCONFIGURED;
        }
        ret->len = reply.wrapped.len;
        memcpy(ret->data, reply.wrapped.data, ret->len);
        (void)snprintf(ret_version, 128, "%s", reply.key_version);
        return EXIT_OK;
}

int unlock_unwrap(struct unlock *u, const struct key_config *key, const struct kms_context *context,
                  const struct token_blob *wrapped, struct secret **ret)
{
        struct wire_request request CLEANUP_REQUEST = {.op = 0};
        struct wire_reply reply CLEANUP_REPLY = {.verdict = 0};
        int code = unlock_request(u, key, context, &request);

        if (code != EXIT_OK)
                return code;
        request.op = WIRE_UNWRAP;
        request.wrapped.len = wrapped->len;
        memcpy(request.wrapped.data, wrapped->data, wrapped->len);
        code = call(u, &request, &reply);
        if (code != EXIT_OK)
                return code;
        if (!reply.plain)
                return EXIT_VERDICT + VERDICT_UNAVAILABLE;
        *ret = TAKE_PTR(reply.plain);
        return EXIT_OK;
}
