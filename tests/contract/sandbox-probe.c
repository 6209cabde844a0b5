/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an intruder could still do: enters the worker's sandbox, tries the one thing that its
 * argument names, and exits with the errno of the attempt, or 0. A program of its own, so that a
 * test under valgrind has it run natively. */

#include <fcntl.h>
#include <linux/bpf.h>
#include <netdb.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "worker/sandbox.h"

static int result(long r)
{
        return r < 0 ? errno : 0;
}

static int try_execve(void)
{
        char *const none[] = {NULL};

        return result(execve("/bin/true", none, none));
}

static int try_fork(void)
{
        long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

        if (pid == 0)
                _exit(0);
        return result(pid);
}

static int try_setuid(void)
{
        return result(syscall(SYS_setresuid, 0, 0, 0));
}

static int try_ptrace(void)
{
        return result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int try_mount(void)
{
        return result(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int try_mknod(void)
{
        return result(mknod("/tmp/luks-kms-probe", S_IFBLK | 0600, 0));
}

static int try_bpf(void)
{
        return result(syscall(SYS_bpf, BPF_MAP_CREATE, NULL, 0));
}

static int try_kill(void)
{
        return result(kill(getppid(), 0));
}

static int try_module(void)
{
        return result(syscall(SYS_init_module, NULL, 0, ""));
}

static int try_handle(void)
{
        return result(syscall(SYS_open_by_handle_at, -1, NULL, 0));
}

static int try_listen(void)
{
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        return result(listen(fd, 1));
}

static int try_write_file(void)
{
        return result(open("/tmp/luks-kms-probe", O_WRONLY | O_CREAT, 0600));
}

static int try_unix_socket(void)
{
        return result(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int try_packet_socket(void)
{
        return result(socket(AF_PACKET, SOCK_RAW, 0));
}

static int try_tty_input(void)
{
        return result(ioctl(STDERR_FILENO, TIOCSTI, "x"));
}

static int try_executable_memory(void)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0);

        return p == MAP_FAILED ? errno : 0;
}

static int try_make_executable(void)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return p == MAP_FAILED ? 0 : result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int try_shadow(void)
{
        return result(open("/etc/shadow", O_RDONLY));
}

static int try_raise_limit(void)
{
        struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};

        return result(setrlimit(RLIMIT_NOFILE, &limit));
}

/* Who it is now, all through: 0 if it is this user of this group and of no other. By what the
 * kernel says in /proc, as the filter lets nobody ask for all of them. */
static int is_user(unsigned int uid, unsigned int gid)
{
        char line[256], uids[64], gids[64];
        FILE *status = fopen("/proc/self/status", "re");
        int found = 0;

        (void)snprintf(uids, sizeof(uids), "Uid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
        (void)snprintf(gids, sizeof(gids), "Gid:\t%u\t%u\t%u\t%u\n", gid, gid, gid, gid);
        while (status && fgets(line, sizeof(line), status))
                found += strcmp(line, uids) == 0 || strcmp(line, gids) == 0 ||
                         strcmp(line, "Groups:\t \n") == 0;
        if (status)
                (void)fclose(status);
        return found == 3 ? 0 : 1;
}

static int try_is_nobody(void)
{
        return is_user(65534, 65534);
}

/* As test-sandbox.c has it in /etc/passwd. */
static int try_is_own_user(void)
{
        return is_user(64321, 64322);
}

/* What must go on working. */
static int try_resolve(void)
{
        struct addrinfo *list = NULL;
        int r = getaddrinfo("localhost", "443", NULL, &list);

        if (r == 0)
                freeaddrinfo(list);
        return r == 0 ? 0 : 1;
}

static int try_read_file(void)
{
        return result(open("/etc/passwd", O_RDONLY));
}

static const struct {
        const char *name;
        int (*run)(void);
} attempts[] = {
    {"execve", try_execve},
    {"fork", try_fork},
    {"setuid", try_setuid},
    {"ptrace", try_ptrace},
    {"mount", try_mount},
    {"mknod", try_mknod},
    {"bpf", try_bpf},
    {"kill", try_kill},
    {"module", try_module},
    {"handle", try_handle},
    {"listen", try_listen},
    {"write-file", try_write_file},
    {"unix-socket", try_unix_socket},
    {"packet-socket", try_packet_socket},
    {"tty-input", try_tty_input},
    {"executable-memory", try_executable_memory},
    {"make-executable", try_make_executable},
    {"shadow", try_shadow},
    {"raise-limit", try_raise_limit},
    {"is-nobody", try_is_nobody},
    {"is-own-user", try_is_own_user},
    {"resolve", try_resolve},
    {"read-file", try_read_file},
};

int main(int argc, char **argv)
{
        struct diag diag = DIAG_INIT;

        if (argc != 2)
                return 255;
        if (sandbox_enter(&diag) < 0) {
                (void)fprintf(stderr, "%s\n", diag.message);
                return 254;
        }
        for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++)
                if (strcmp(attempts[i].name, argv[1]) == 0)
                        return attempts[i].run();
        return 255;
}
