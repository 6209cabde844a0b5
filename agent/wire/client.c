/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The privileged side's end of the wire: starts the worker, asks it, and is done with it. What the
 * worker says is parsed by wire.c and trusted no further than its form; that it answers at all is
 * not trusted: every wait ends by a deadline, and every started process is reaped. */

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
#include "wire/launch.h"

enum {
        GRACE_MS = 3000, /* the worker keeps the request's deadline itself; this is the backstop */
        END_MS = 250,    /* for an idle worker to see the end of file and leave */
};

struct wire_client {
        pid_t pid; /* 0: none is running */
        int pidfd; /* -1: the kernel has none */
        int fd;
        int pass_env;
        char path[];
};

static int start(struct wire_client *client, struct diag *diag)
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

int wire_client_start(const char *path, int pass_env, struct wire_client **ret, struct diag *diag)
{
        CLEANUP_CLIENT struct wire_client *client = NULL;
        size_t size = strlen(path) + 1;
        int r;

        client = calloc(1, sizeof(*client) + size);
        if (!client)
                return -ENOMEM;
        client->pidfd = client->fd = -1;
        client->pass_env = pass_env;
        memcpy(client->path, path, size);
        r = start(client, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(client);
        return 0;
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
 * reaps it. The process number stays ours until waitid() has reaped it. */
static void end(struct wire_client *client, int patience_ms, siginfo_t *ret_info)
{
        *ret_info = (siginfo_t){.si_pid = 0};
        close_fd(take_fd(&client->fd));
        if (client->pid <= 0)
                return;
        if (!has_ended(client, patience_ms)) {
                if (client->pidfd < 0 || pidfd_send_signal(client->pidfd, SIGKILL, NULL, 0) < 0)
                        (void)kill(client->pid, SIGKILL);
        }
        while (waitid(P_PID, (id_t)client->pid, ret_info, WEXITED) < 0 && errno == EINTR)
                ;
        close_fd(take_fd(&client->pidfd));
        client->pid = 0;
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
        end(client, END_MS, &info);
        free(client);
}

/* ---- one call ---- */

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
        char what[96];
        siginfo_t info;

        end(client, END_MS, &info);
        if (info.si_code == CLD_EXITED)
                (void)snprintf(what, sizeof(what), "ended with exit status %d instead of answering",
                               info.si_status);
        else
                (void)snprintf(what, sizeof(what), "was ended by signal %d (%s) before it answered",
                               info.si_status, strsignal(info.si_status));
        return unavailable(ret, what);
}

static int killed(struct wire_client *client, struct wire_reply *ret, const char *what)
{
        siginfo_t info;

        end(client, 0, &info);
        return unavailable(ret, what);
}

/* The parser has checked the reply by itself; this is whether it answers what was asked. */
static bool answers(const struct wire_request *request, const struct wire_reply *reply)
{
        if (reply->verdict != VERDICT_GRANTED)
                return true;
        return request->op == WIRE_UNWRAP ? reply->plain != NULL : reply->wrapped.len > 0;
}

static int await_reply(struct wire_client *client, uint64_t deadline, struct wire_reply *ret)
{
        for (;;) {
                struct pollfd pollfd = {.fd = client->fd, .events = POLLIN};
                int r;

                r = poll(&pollfd, 1, clock_left_ms(deadline));
                if (r == 0)
                        return -ETIMEDOUT;
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r < 0)
                        continue;
                r = wire_receive_reply(client->fd, ret);
                if (r != -EAGAIN)
                        return r;
        }
}

int wire_client_call(struct wire_client *client, const struct wire_request *request,
                     struct wire_reply *ret)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        uint64_t deadline = clock_now_ms() + request->timeout_ms + GRACE_MS;
        int r;

        if (client->pid <= 0) {
                r = start(client, NULL);
                if (r < 0)
                        return unavailable(ret, "could not be started again");
        }
        r = wire_send_request(client->fd, request);
        if (r == -EPIPE || r == -ECONNRESET)
                return ended_by_itself(client, ret);
        if (r == -EAGAIN)
                return killed(client, ret, "takes no requests and was ended");
        if (r < 0)
                return r;
        r = await_reply(client, deadline, &reply);
        if (r == -ETIMEDOUT)
                return killed(client, ret, "did not answer in time and was ended");
        if (r == -ECONNRESET)
                return ended_by_itself(client, ret);
        if (r == -EBADMSG || (r == 0 && !answers(request, &reply)))
                return killed(client, ret, "answered out of form and was ended");
        if (r < 0) {
                (void)killed(client, ret, "could not be heard");
                return r;
        }
        *ret = reply;
        reply.plain = NULL;
        return ret->verdict;
}
