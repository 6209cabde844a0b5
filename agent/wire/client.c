/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The privileged side's end of the wire: starts the worker or connects to one, asks it, and is done
 * with it. What the worker says is parsed by wire.c and trusted no further than its form; that it
 * answers at all is not trusted: every wait ends by a deadline, every started process is reaped,
 * and the memory that is shared for a call is wiped when the call is over, however it ended. */

#include "wire/client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/verdict.h"
#include "wire/connect.h"
#include "wire/launch.h"
#include "wire/shared.h"

enum {
        GRACE_MS = 3000, /* the worker keeps the request's deadline itself; this is the backstop */
        END_MS = 250,    /* for an idle worker to see the end of file and leave */
};

struct wire_client {
        pid_t pid; /* 0: none is running, or it is no child of ours */
        int pidfd; /* -1: the kernel has none */
        int fd;    /* -1: no worker */
        int pass_env;
        bool service; /* connects to path instead of starting it */

        /* The call under way; op is 0 if there is none. */
        enum wire_op op;
        uint64_t deadline;
        const char *failed; /* it cannot succeed any more, as the worker ... */
        struct wire_shared *shared;

        char path[];
};

static int launch(struct wire_client *client, struct diag *diag)
{
        CLEANUP_FD int ours = -1;
        CLEANUP_FD int theirs = -1;
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return diag_fail(diag, -errno, "cannot make a socket for the KMS worker");
        ours = pair[0];
        theirs = pair[1];
        if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
                return diag_fail(diag, -errno, "cannot set up the socket for the KMS worker");
        r = launch_worker(client->path, theirs, client->pass_env, &client->pid);
        if (r < 0)
                return diag_fail(diag, r, "cannot run the KMS worker %s", client->path);
        client->pidfd = pidfd_open(client->pid, 0);
        client->fd = take_fd(&ours);
        return 0;
}

static int start(struct wire_client *client, struct diag *diag)
{
        return client->service ? connect_worker(client->path, &client->fd, diag)
                               : launch(client, diag);
}

static int client_new(const char *path, int pass_env, bool service, struct wire_client **ret,
                      struct diag *diag)
{
        CLEANUP_CLIENT struct wire_client *client = NULL;
        size_t size = strlen(path) + 1;
        int r;

        client = calloc(1, sizeof(*client) + size);
        if (!client)
                return -ENOMEM;
        client->pidfd = client->fd = -1;
        client->pass_env = pass_env;
        client->service = service;
        memcpy(client->path, path, size);
        r = start(client, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(client);
        return 0;
}

int wire_client_start(const char *path, int pass_env, struct wire_client **ret, struct diag *diag)
{
        return client_new(path, pass_env, false, ret, diag);
}

int wire_client_connect(const char *path, struct wire_client **ret, struct diag *diag)
{
        return client_new(path, 0, true, ret, diag);
}

/* ---- the end of a worker ---- */

/* True once the process is over; waits at most timeout_ms. */
static bool has_ended(const struct wire_client *client, int timeout_ms)
{
        struct pollfd pollfd = {.fd = client->pidfd, .events = POLLIN};
        siginfo_t info = {.si_pid = 0};

        if (client->pidfd >= 0 && poll(&pollfd, 1, timeout_ms) < 0)
                return false;
        return waitid(P_PID, (id_t)client->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               info.si_pid == client->pid;
}

/* Closes the wire, gives the worker a moment to leave by itself, kills it if it does not, and
 * reaps it. The process number stays ours until waitid() has reaped it. Only then is the shared
 * memory wiped, for until then the worker may write to it. A service's worker is no child of ours:
 * that the wire is closed ends it, and what it cannot send any more it wipes itself. */
static void end(struct wire_client *client, int patience_ms, siginfo_t *ret_info)
{
        *ret_info = (siginfo_t){.si_pid = 0};
        close_fd(take_fd(&client->fd));
        if (client->pid > 0) {
                if (!has_ended(client, patience_ms) &&
                    (client->pidfd < 0 || pidfd_send_signal(client->pidfd, SIGKILL, NULL, 0) < 0))
                        (void)kill(client->pid, SIGKILL);
                while (waitid(P_PID, (id_t)client->pid, ret_info, WEXITED) < 0 && errno == EINTR)
                        ;
                close_fd(take_fd(&client->pidfd));
                client->pid = 0;
        }
        wire_shared_free(TAKE_PTR(client->shared));
        client->op = 0;
        client->failed = NULL;
}

void wire_client_hang_up(struct wire_client *client)
{
        if (client->fd >= 0)
                (void)shutdown(client->fd, SHUT_WR);
}

void wire_client_free(struct wire_client *client)
{
        siginfo_t info;

        if (!client)
                return;
        /* One that is busy would not see the end of file. */
        end(client, client->op ? 0 : END_MS, &info);
        free(client);
}

static int unavailable(struct wire_reply *ret, const char *what)
{
        struct wire_reply reply = {.diag = DIAG_INIT};

        reply.verdict =
            diag_refuse(&reply.diag, VERDICT_UNAVAILABLE, "worker", "the KMS worker %s", what);
        diag_advise(&reply.diag, "try again; if it stays so, look at what luks-kms-worker wrote to "
                                 "standard error or to the journal");
        *ret = reply;
        return VERDICT_UNAVAILABLE;
}

static int ended_by_itself(struct wire_client *client, struct wire_reply *ret)
{
        const bool child = client->pid > 0;
        char what[96];
        siginfo_t info;

        end(client, END_MS, &info);
        if (!child)
                (void)snprintf(what, sizeof(what), "closed the connection instead of answering");
        else if (info.si_code == CLD_EXITED)
                (void)snprintf(what, sizeof(what), "ended with exit status %d instead of answering",
                               info.si_status);
        else
                (void)snprintf(what, sizeof(what), "was ended by signal %d (%s) before it answered",
                               info.si_status, strsignal(info.si_status));
        return unavailable(ret, what);
}

static int killed(struct wire_client *client, struct wire_reply *ret, const char *why)
{
        const char *and = client->pid > 0 ? " and was ended" : "";
        char what[96];
        siginfo_t info;

        end(client, 0, &info);
        (void)snprintf(what, sizeof(what), "%s%s", why, and);
        return unavailable(ret, what);
}

static int give_up(struct wire_client *client, int r)
{
        siginfo_t info;

        end(client, 0, &info);
        return r;
}

/* ---- one call ---- */

/* In the place of a wire that could not be had: a descriptor that is readable at once, so that an
 * event loop comes to wire_client_finish(). */
static int hollow_wire(struct wire_client *client)
{
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return -errno;
        close_fd(pair[1]);
        client->fd = pair[0];
        return 0;
}

/* Nothing is wrong with the request: what is wrong with the worker is the call's outcome. */
static int send_request(struct wire_client *client, const struct wire_request *request)
{
        int r;

        if (client->failed)
                return 0;
        r = wire_send_request(client->fd, request, client->shared);
        if (r == -EAGAIN) {
                client->failed = "takes no requests";
                client->deadline = clock_now_ms();
                return 0;
        }
        /* An end of file then waits to be read. */
        return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

int wire_client_begin(struct wire_client *client, const struct wire_request *request)
{
        CLEANUP_SHARED struct wire_shared *shared = NULL;
        int r;

        if (client->op)
                return -EBUSY;
        r = wire_shared_new(&shared);
        if (r < 0)
                return r;
        if (client->fd < 0 && start(client, NULL) < 0) {
                client->failed =
                    client->service ? "cannot be reached any more" : "could not be started again";
                r = hollow_wire(client);
                if (r < 0)
                        return r;
        }
        client->deadline = clock_now_ms() + request->timeout_ms + GRACE_MS;
        client->shared = TAKE_PTR(shared);
        r = send_request(client, request);
        if (r < 0)
                wire_shared_free(TAKE_PTR(client->shared));
        else
                client->op = request->op;
        return r;
}

int wire_client_fd(const struct wire_client *client)
{
        return client->fd;
}

uint64_t wire_client_deadline(const struct wire_client *client)
{
        return client->deadline;
}

/* The parser has checked the reply by itself; this is whether it answers what was asked. */
static bool answers(enum wire_op op, const struct wire_reply *reply)
{
        if (reply->verdict != VERDICT_GRANTED)
                return true;
        return op == WIRE_UNWRAP ? reply->plain != NULL : reply->wrapped.len > 0;
}

int wire_client_finish(struct wire_client *client, struct wire_reply *ret)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        int r;

        if (!client->op)
                return -EINVAL;
        if (client->failed)
                return killed(client, ret, client->failed);
        r = wire_receive_reply(client->fd, client->shared, &reply);
        if (r == -EAGAIN)
                return r;
        if (r == -ECONNRESET)
                return ended_by_itself(client, ret);
        if (r == -EBADMSG || (r == 0 && !answers(client->op, &reply)))
                return killed(client, ret, "answered out of form");
        if (r < 0)
                return give_up(client, r);
        wire_shared_free(TAKE_PTR(client->shared));
        client->op = 0;
        *ret = reply;
        reply.plain = NULL;
        return ret->verdict;
}

int wire_client_expire(struct wire_client *client, struct wire_reply *ret)
{
        if (!client->op)
                return -EINVAL;
        return killed(client, ret, client->failed ? client->failed : "did not answer in time");
}

int wire_client_call(struct wire_client *client, const struct wire_request *request,
                     struct wire_reply *ret)
{
        int r = wire_client_begin(client, request);

        if (r < 0)
                return r;
        for (;;) {
                struct pollfd pollfd = {.fd = client->fd, .events = POLLIN};

                r = poll(&pollfd, 1, clock_left_ms(client->deadline));
                if (r < 0 && errno != EINTR)
                        return give_up(client, -errno);
                if (r == 0)
                        return wire_client_expire(client, ret);
                r = r > 0 ? wire_client_finish(client, ret) : -EAGAIN;
                if (r != -EAGAIN)
                        return r;
        }
}
