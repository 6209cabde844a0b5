/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a service manager does for a socket with Accept=yes: one worker a connection, which it gets
 * at descriptor 3. In a process of its own, so that workers are no children of the test's. */

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/fdio.h"
#include "contract.h"

enum { UNIT_USER = 65533 };

/* User=, CapabilityBoundingSet=, NoNewPrivileges=, Limit...=: the worker must do with what is left.
 */
static void enter_unit(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{.effective = 0}};
        struct rlimit few = {.rlim_cur = 64, .rlim_max = 64};
        struct rlimit memory = {.rlim_cur = 8 << 20, .rlim_max = 8 << 20};

        for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
                ;
        if (setrlimit(RLIMIT_NPROC, &few) < 0 || setrlimit(RLIMIT_MEMLOCK, &memory) < 0 ||
            setresgid(UNIT_USER, UNIT_USER, UNIT_USER) < 0 ||
            setresuid(UNIT_USER, UNIT_USER, UNIT_USER) < 0 ||
            syscall(SYS_capset, &header, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                _exit(126);
}

static _Noreturn void run_worker(int wire, enum service_kind kind, const char *worker)
{
        char name[] = "luks-kms-worker", fds[] = "LISTEN_FDS=1",
             names[] = "LISTEN_FDNAMES=connection";
        char *argv[] = {name, NULL}, *environment[] = {fds, names, NULL};
        int null = open("/dev/null", O_RDWR);

        if (wire == 3) {
                if (fcntl(wire, F_SETFD, 0) < 0)
                        _exit(126);
        } else if (dup2(wire, 3) < 0) {
                _exit(126);
        }
        if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || close_range(4, ~0U, 0) < 0)
                _exit(126);
        if (kind == SERVICE_UNIT)
                enter_unit();
        (void)execve(worker, argv, environment);
        _exit(127);
}

/* One record from one end to the other; what it holds goes to the log. False at the end. */
static bool relay_record(int from, int to, int log)
{
        static char bytes[WIRE_RECORD_MAX];
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * 8)];
        struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(from, &msg, 0);
        const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

        if (n <= 0 || write_full(log, bytes, (size_t)n) < 0)
                return false;
        iov.iov_len = (size_t)n;
        if (sendmsg(to, &msg, MSG_NOSIGNAL) != n)
                return false;
        for (size_t i = 0; c && i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
                int fd;

                memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
                close_fd(fd);
        }
        return true;
}

static _Noreturn void relay(int wire, const char *worker, const char *log_path)
{
        int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        struct pollfd ends[2] = {{.fd = wire, .events = POLLIN}, {.events = POLLIN}};
        int pair[2];
        pid_t pid;

        if (log < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                _exit(126);
        pid = fork();
        if (pid == 0)
                run_worker(pair[1], SERVICE_PLAIN, worker);
        close_fd(pair[1]);
        ends[1].fd = pair[0];
        for (bool more = pid > 0; more && poll(ends, 2, -1) > 0;)
                more = (!ends[0].revents || relay_record(ends[0].fd, ends[1].fd, log)) &&
                       (!ends[1].revents || relay_record(ends[1].fd, ends[0].fd, log));
        close_fd(pair[0]);
        (void)waitpid(pid, NULL, 0);
        _exit(0);
}

static _Noreturn void serve(int listener, enum service_kind kind, const char *worker,
                            const char *log_path)
{
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGCHLD, SIG_IGN);
        for (;;) {
                int wire = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (wire < 0)
                        _exit(1);
                if (fork() == 0) {
                        /* No worker may outlive the test, not even one that misbehaves. */
                        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                        (void)signal(SIGCHLD, SIG_DFL);
                        close_fd(listener);
                        if (kind == SERVICE_RELAY && fcntl(wire, F_SETFL, 0) == 0)
                                relay(wire, worker, log_path);
                        run_worker(wire, kind, worker);
                }
                close_fd(wire);
        }
}

void service_start(struct service *service, enum service_kind kind, const char *worker)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        assert_true(listener >= 0);
        strcpy(service->dir, "/tmp/luks-kms-service.XXXXXX");
        assert_non_null(mkdtemp(service->dir));
        (void)snprintf(service->path, sizeof(service->path), "%s/worker", service->dir);
        (void)snprintf(service->log, sizeof(service->log), "%s/log", service->dir);
        strcpy(address.sun_path, service->path);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(chmod(service->path, 0600), 0);
        assert_int_equal(listen(listener, 8), 0);
        service->pid = fork();
        assert_true(service->pid >= 0);
        if (service->pid == 0)
                serve(listener, kind, worker, service->log);
        close_fd(listener);
}

void service_stop(struct service *service)
{
        assert_int_equal(kill(service->pid, SIGKILL), 0);
        assert_int_equal(waitpid(service->pid, NULL, 0), service->pid);
        (void)unlink(service->path);
        (void)unlink(service->log);
        assert_int_equal(rmdir(service->dir), 0);
}
