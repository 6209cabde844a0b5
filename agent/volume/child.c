/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A child for what must not stay in this process. The result comes back over a pipe. */

#include "volume/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "volume/header.h"

enum { KILL_WAIT_MS = 500 };

struct report {
        int result;
        struct diag diag;
};

static void run(int fd, int (*work)(void *, struct diag *), void *arg)
{
        struct report report = {.diag = DIAG_INIT};

        (void)prctl(PR_SET_DUMPABLE, 0);
        report.result = work(arg, &report.diag);
        (void)write_full(fd, &report, sizeof(report));
        _exit(0);
}

/* 1 when there is something to read (or the end), 0 when time is up. */
static int wait_readable(int fd, uint64_t deadline_ms)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int left, r;

        do {
                left = clock_left_ms(deadline_ms);
                r = poll(&p, 1, left);
        } while (r < 0 && errno == EINTR);
        return r > 0;
}

/* Kills a child that is late. One that does not hang inside the kernel is gone at once. */
static void give_up(pid_t pid)
{
        const uint64_t deadline = clock_now_ms() + KILL_WAIT_MS;

        (void)kill(pid, SIGKILL);
        while (waitpid(pid, NULL, WNOHANG) == 0 && clock_left_ms(deadline) > 0)
                clock_sleep_ms(2);
}

int child_run(int (*work)(void *arg, struct diag *diag), void *arg, int timeout_ms,
              struct diag *diag)
{
        const uint64_t deadline = clock_now_ms() + (uint64_t)timeout_ms;
        struct report report;
        int pipe_fd[2], in_time, r;
        sigset_t all, mask;
        ssize_t n = 0;
        pid_t pid;

        if (pipe2(pipe_fd, O_CLOEXEC) < 0)
                return -errno;
        /* a signal to the whole process group must not leave a mapping half made */
        sigfillset(&all);
        (void)sigprocmask(SIG_SETMASK, &all, &mask);
        pid = fork();
        if (pid == 0) {
                close_fd(pipe_fd[0]);
                run(pipe_fd[1], work, arg);
        }
        r = pid < 0 ? -errno : 0;
        (void)sigprocmask(SIG_SETMASK, &mask, NULL);
        close_fd(pipe_fd[1]);
        if (r < 0) {
                close_fd(pipe_fd[0]);
                return r;
        }
        in_time = wait_readable(pipe_fd[0], deadline);
        if (in_time)
                n = read(pipe_fd[0], &report, sizeof(report)); /* at most PIPE_BUF: one piece */
        else
                give_up(pid);
        close_fd(pipe_fd[0]);
        if (!in_time)
                return diag_refuse(diag, VOLUME_E_TIMEOUT, "timeout",
                                   "the kernel did not finish within %d ms", timeout_ms);
        (void)waitpid(pid, NULL, 0);
        if (n != sizeof(report))
                return diag_fail(diag, VOLUME_E_DIED, "the activation process died");
        if (diag && report.result != 0)
                *diag = report.diag;
        return report.result;
}

_Static_assert(sizeof(struct report) <= 4096, "a report must fit one atomic pipe write");
