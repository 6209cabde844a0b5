/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the privileged side's process to the worker's: what the worker gets is listed here, and it
 * gets nothing else. vfork(2), because the caller may have much memory locked, and a copy of its
 * page tables would cost more than all else here; so child() touches nothing but its arguments. */

#include "wire/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/cleanup.h"

enum {
        WIRE_FD = 3,
        CLEAR_OF_WIRE = 10, /* where descriptors wait until dup2() puts them in their places */
};

static const char *const passed_variables[] = {
    "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN="};
enum { VARIABLES = sizeof(passed_variables) / sizeof(*passed_variables) };

/* Debian's libcurl brings a second TLS library, for a protocol that we do not speak; its
 * constructor would make a megabyte of it resident. */
static char no_gnutls[] = "GNUTLS_NO_IMPLICIT_INIT=1";

struct plan {
        const char *path;
        char *environment[VARIABLES + 2]; /* pointers into the caller's: no copies of secrets */
        int wire, null, report;           /* CLOEXEC; null and report are above the wire's place */
        pid_t parent;
};

/* Nothing above the wire survives the execve(2). */
static int close_the_rest(void)
{
        struct rlimit limit;

        if (close_range(WIRE_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
                return 0;
        if (errno != ENOSYS && errno != EINVAL)
                return -1;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -1;
        for (rlim_t fd = WIRE_FD + 1; fd < limit.rlim_cur; fd++)
                (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
        return 0;
}

/* Handlers are reset by execve(2); what is ignored would stay so. */
static void reset_signals(void)
{
        struct sigaction normal = {.sa_handler = SIG_DFL};
        sigset_t none;

        for (int i = 1; i < NSIG; i++)
                (void)sigaction(i, &normal, NULL);
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int take_places(const struct plan *plan)
{
        int wire;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -1;
        if (getppid() != plan->parent) {
                errno = ESRCH;
                return -1;
        }
        /* First, for it may stand in another's place; and dup2() onto itself would keep CLOEXEC. */
        wire = fcntl(plan->wire, F_DUPFD_CLOEXEC, CLEAR_OF_WIRE);
        if (wire < 0 || dup2(wire, WIRE_FD) < 0)
                return -1;
        if (dup2(plan->null, STDIN_FILENO) < 0 || dup2(plan->null, STDOUT_FILENO) < 0)
                return -1;
        if (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(plan->null, STDERR_FILENO) < 0)
                return -1;
        return close_the_rest();
}

static _Noreturn void child(const struct plan *plan)
{
        char name[] = "luks-kms-worker";
        char *argv[] = {name, NULL};
        ssize_t n;
        int failed;

        reset_signals();
        if (take_places(plan) == 0)
                (void)execve(plan->path, argv, plan->environment);
        failed = errno;
        n = write(plan->report, &failed, sizeof(failed));
        (void)n;
        _exit(127);
}

static void choose_environment(struct plan *plan, int pass_env)
{
        size_t n = 0;

        plan->environment[n++] = no_gnutls;
        for (char **e = environ; pass_env && e && *e; e++)
                for (size_t i = 0; i < VARIABLES; i++)
                        if (n <= VARIABLES &&
                            strncmp(*e, passed_variables[i], strlen(passed_variables[i])) == 0)
                                plan->environment[n++] = *e;
}

/* Moves a descriptor out of the way of the places 0 to 3. */
static int move_up(int *fd)
{
        int up = fcntl(*fd, F_DUPFD_CLOEXEC, CLEAR_OF_WIRE);

        if (up < 0)
                return -errno;
        close_fd(*fd);
        *fd = up;
        return 0;
}

/* What the child reports before it gives up; 0 once the program runs, as the pipe closes then. */
static int outcome(int report)
{
        int failed;
        ssize_t n;

        do
                n = read(report, &failed, sizeof(failed));
        while (n < 0 && errno == EINTR);
        if (n == 0)
                return 0;
        return n == sizeof(failed) ? -failed : -EIO;
}

static pid_t start(const struct plan *plan)
{
        sigset_t all, before;
        pid_t pid;

        /* No handler of ours may run in the child, whose memory is ours until it execs. */
        sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        pid = vfork();
        if (pid == 0)
                child(plan);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        return pid;
}

int launch_worker(const char *path, int wire, int pass_env, pid_t *ret_pid)
{
        struct plan plan = {.path = path, .parent = getpid()};
        CLEANUP_FD int null = -1;
        CLEANUP_FD int ours = -1;
        CLEANUP_FD int theirs = -1;
        int ends[2], r;
        pid_t pid;

        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0 || pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        ours = ends[0];
        theirs = ends[1];
        r = move_up(&null);
        if (r == 0)
                r = move_up(&theirs);
        if (r < 0)
                return r;
        plan.wire = wire;
        plan.null = null;
        plan.report = theirs;
        choose_environment(&plan, pass_env);
        pid = start(&plan);
        if (pid < 0)
                return -errno;
        close_fd(take_fd(&theirs));
        r = outcome(ours);
        if (r < 0) {
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
                return r;
        }
        *ret_pid = pid;
        return 0;
}
