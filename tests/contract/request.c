/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests as the command makes them, and the programs under test as their arguments name them. */

#include <fcntl.h>
#include <sys/mman.h>

#include "contract.h"

struct programs programs;

int contract_setup(int argc, char **argv)
{
        if (argc != 5) {
                (void)fprintf(stderr, "usage: %s WORKER SIMULATOR FAKE-WORKER PROBE\n", argv[0]);
                return 2;
        }
        if (geteuid() != 0) {
                (void)fprintf(stderr, "skipped: needs root, for the worker to give it up\n");
                return 77;
        }
        /* Absolute, for they are linked to and run from elsewhere; freed with the process. */
        programs = (struct programs){realpath(argv[1], NULL), realpath(argv[2], NULL),
                                     realpath(argv[3], NULL), realpath(argv[4], NULL)};
        if (!programs.worker || !programs.sim || !programs.fake || !programs.probe) {
                (void)fprintf(stderr, "%s: a program among the arguments is missing\n", argv[0]);
                return 2;
        }
        return 0;
}

static void request_new(struct wire_request *request)
{
        wire_request_init(request);
        request->op = WIRE_UNWRAP;
        request->timeout_ms = 5000;
        strcpy(request->context.uuid, "0b0f4f5c-9b1c-4f0e-8d57-0f0e4b2b7a11");
        strcpy(request->context.role, "persistence");
        strcpy(request->context.use, "keyslot");
}

void request_platform(struct wire_request *request, uint8_t key_seed)
{
        uint8_t key[32];
        int fd = memfd_create("platform-key", MFD_CLOEXEC);

        memset(key, key_seed, sizeof(key));
        assert_true(fd >= 0);
        assert_int_equal(write(fd, key, sizeof(key)), sizeof(key));
        request_new(request);
        strcpy(request->uri, "platform:file");
        request->fds[WIRE_FD_KEY] = fd;
}

void request_aws(struct wire_request *request, const struct sim *sim, const char *credentials)
{
        request_new(request);
        strcpy(request->uri, "aws-kms://" SIM_KEY);
        strcpy(request->endpoint, sim->url);
        strcpy(request->credentials, credentials);
        if (strcmp(credentials, "env") != 0)
                request->fds[WIRE_FD_CREDENTIALS] = sim_open(sim, "credentials");
        request->fds[WIRE_FD_CA] = sim_open(sim, "ca.pem");
}

void request_set_fd(struct wire_request *request, enum wire_fd which, int fd)
{
        close_fd(request->fds[which]);
        request->fds[which] = fd;
}

int text_file(const char *text)
{
        int fd = memfd_create("text", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        return fd;
}

void request_wrap(struct wire_request *request, size_t size)
{
        request->op = WIRE_WRAP;
        request->wrapped.len = 0;
        secret_free(request->plain);
        request->plain = NULL;
        assert_int_equal(secret_random(size, &request->plain), 0);
}

void request_unwrap(struct wire_request *request, const struct wire_reply *wrapped,
                    struct secret **ret_plain)
{
        request->op = WIRE_UNWRAP;
        request->wrapped = wrapped->wrapped;
        if (ret_plain)
                *ret_plain = TAKE_PTR(request->plain);
        secret_free(request->plain);
        request->plain = NULL;
}

struct wire_client *start_worker(const char *path, int pass_env)
{
        struct wire_client *client = NULL;
        struct diag diag = DIAG_INIT;

        if (wire_client_start(path, pass_env, &client, &diag) != 0)
                fail_msg("%s", diag.message);
        return client;
}

void call_granted(struct wire_client *client, const struct wire_request *request,
                  struct wire_reply *ret)
{
        int r = wire_client_call(client, request, ret);

        if (r != VERDICT_GRANTED)
                fail_msg("%s: %d (%s): %s", request->uri, r, verdict_name(r),
                         r > 0 ? ret->diag.message : "");
}

void assert_refusal(const struct wire_reply *reply, int verdict, const char *name)
{
        if (reply->verdict != verdict)
                fail_msg("%s: %s instead of %s: %s", name, verdict_name(reply->verdict),
                         verdict_name(verdict), reply->diag.message);
        ROW_ASSERT(!reply->plain && reply->wrapped.len == 0, name);
        ROW_ASSERT(strlen(reply->diag.message) > 20 && strchr(reply->diag.message, ' '), name);
        ROW_ASSERT(reply->diag.message[strlen(reply->diag.message) - 1] != '.', name);
        ROW_ASSERT(strlen(reply->diag.advice) > 10, name);
}

void wrap_and_unwrap(struct wire_client *client, struct wire_request *request,
                     struct secret **ret_plain)
{
        CLEANUP_REPLY struct wire_reply wrapped = {.plain = NULL};
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};

        request_wrap(request, 32);
        call_granted(client, request, &wrapped);
        request_unwrap(request, &wrapped, ret_plain);
        call_granted(client, request, &reply);
        assert_true(secret_equal(*ret_plain, reply.plain));
}
