/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A child for what must not stay in this process. The result comes back over a pipe. Trusts its
 * parent, of which it is a copy; leaves no secret in the pages that go back to the kernel. */

#include "volume/child.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "volume/dm.h"
#include "volume/header.h"

enum { KILL_WAIT_MS = 500, ABANDON_WAIT_MS = 100, STACK_WIPED = 128 << 10 };

struct report {
        int result;
        struct diag diag;
};

/* What the libraries that work called have left below this frame. */
__attribute__((noinline)) static void wipe_stack(void)
{
        uint8_t used[STACK_WIPED];

        explicit_bzero(used, sizeof(used));
}

/* A child that hangs would keep connections of its parent open. Pipes stay: a caller's work may
 * need one, and none leads to another program. */
static void close_sockets(void)
{
        DIR *dir = opendir("/proc/self/fd");
        const struct dirent *d;
        struct stat st;

        if (!dir)
                return;
        while ((d = readdir(dir))) {
                const int fd = (int)strtol(d->d_name, NULL, 10);

                if (fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
                        close_fd(fd);
        }
        (void)closedir(dir);
}

static void run(int fd, int (*work)(void *, struct diag *), void *arg)
{
        struct report report = {.diag = DIAG_INIT};

        (void)prctl(PR_SET_DUMPABLE, 0);
        close_sockets();
        report.result = work(arg, &report.diag);
        secret_wipe_all();
        wipe_stack();
        (void)write_full(fd, &report, sizeof(report));
        _exit(0);
}

static void run_detached(int (*work)(void *), void *arg, int keep_fd)
{
        int r;

        (void)prctl(PR_SET_DUMPABLE, 0);
        dm_lib_release(); /* its descriptor is about to be closed */
        secret_wipe_all();
        if (keep_fd > STDERR_FILENO + 1)
                (void)close_range(STDERR_FILENO + 1, (unsigned int)keep_fd - 1, 0);
        (void)close_range((unsigned int)(keep_fd > STDERR_FILENO ? keep_fd : STDERR_FILENO) + 1,
                          ~0U, 0);
        r = work(arg);
        _exit(r < 0 ? -r & 0xff : 0);
}

/* fork(2) with all signals blocked: one to the whole process group must not leave a mapping half
 * made. 0 in the child, with *ret_mask untouched. */
static pid_t fork_blocked(void)
{
        sigset_t every, mask;
        pid_t pid;

        (void)sigfillset(&every);
        (void)sigprocmask(SIG_SETMASK, &every, &mask);
        pid = fork();
        if (pid == 0)
                return 0;
        if (pid < 0)
                pid = -errno;
        (void)sigprocmask(SIG_SETMASK, &mask, NULL);
        return pid;
}

int child_start(int (*work)(void *arg, struct diag *diag), void *arg, struct child *ret)
{
        int pipe_fd[2];
        pid_t pid;

        if (pipe2(pipe_fd, O_CLOEXEC) < 0)
                return -errno;
        pid = fork_blocked();
        if (pid == 0) {
                close_fd(pipe_fd[0]);
                run(pipe_fd[1], work, arg);
        }
        close_fd(pipe_fd[1]);
        if (pid < 0) {
                close_fd(pipe_fd[0]);
                return (int)pid;
        }
        *ret = (struct child){.pid = pid, .fd = pipe_fd[0]};
        return 0;
}

pid_t child_detach(int (*work)(void *arg), void *arg, int keep_fd)
{
        const pid_t pid = fork_blocked();

        if (pid == 0)
                run_detached(work, arg, keep_fd);
        return pid;
}

int child_finish(struct child *child, struct diag *diag)
{
        struct report report;
        ssize_t n;

        do /* at most PIPE_BUF: one piece */
                n = read(child->fd, &report, sizeof(report));
        while (n < 0 && errno == EINTR);
        close_fd(take_fd(&child->fd));
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        child->pid = -1;
        if (n != sizeof(report))
                return diag_fail(diag, VOLUME_E_DIED, "the process that was to do it died");
        if (diag && report.result != 0)
                *diag = report.diag;
        return report.result;
}

int child_gone(struct child *child)
{
        pid_t r;

        if (child->pid < 0)
                return 1;
        r = waitpid(child->pid, NULL, WNOHANG);
        if (r == 0 || (r < 0 && errno != ECHILD))
                return 0;
        child->pid = -1;
        return 1;
}

/* One that does not hang inside the kernel is gone at once. */
static int kill_and_wait(struct child *child, int patience_ms)
{
        const uint64_t deadline = clock_now_ms() + (uint64_t)patience_ms;

        close_fd(take_fd(&child->fd));
        if (child->pid > 0)
                (void)kill(child->pid, SIGKILL);
        while (!child_gone(child)) {
                if (clock_left_ms(deadline) == 0)
                        return 0;
                clock_sleep_ms(2);
        }
        return 1;
}

int child_abandon(struct child *child)
{
        return kill_and_wait(child, ABANDON_WAIT_MS);
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

int child_run(int (*work)(void *arg, struct diag *diag), void *arg, int timeout_ms,
              struct diag *diag)
{
        const uint64_t deadline = clock_now_ms() + (uint64_t)timeout_ms;
        struct child child;
        int r = child_start(work, arg, &child);

        if (r < 0)
                return r;
        if (wait_readable(child.fd, deadline))
                return child_finish(&child, diag);
        (void)kill_and_wait(&child, KILL_WAIT_MS);
        return diag_refuse(diag, VOLUME_E_TIMEOUT, "timeout",
                           "the kernel did not finish within %d ms", timeout_ms);
}

_Static_assert(sizeof(struct report) <= 4096, "a report must fit one atomic pipe write");
