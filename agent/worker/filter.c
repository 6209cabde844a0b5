/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The worker's system calls: those that libcurl, the resolver, OpenSSL and malloc were seen to
 * make (strace -f over real requests), and no others. What they ask for without needing it gets
 * EPERM; what only an intruder would ask for ends the process. */

#include "worker/sandbox.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>

#ifdef SANITIZED

/* The sanitizers' run time makes system calls of its own (ptrace among them, for leaks). */
int filter_load(struct diag *diag)
{
        (void)diag;
        return 0;
}

#else

DEFINE_CLEANUP(scmp_filter_ctx, seccomp_release)

static const int allowed[] = {
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mlock), SCMP_SYS(mremap), SCMP_SYS(munlock),
    SCMP_SYS(munmap),
    /* descriptors; files are opened for reading only, below */
    SCMP_SYS(access), SCMP_SYS(close), SCMP_SYS(faccessat2), SCMP_SYS(fcntl), SCMP_SYS(fstat),
    SCMP_SYS(getdents64), SCMP_SYS(lseek), SCMP_SYS(newfstatat), SCMP_SYS(pread64), SCMP_SYS(read),
    SCMP_SYS(readv), SCMP_SYS(stat), SCMP_SYS(statx), SCMP_SYS(write), SCMP_SYS(writev),
    SCMP_SYS(readlink), SCMP_SYS(pipe2), SCMP_SYS(eventfd2),
    /* sockets; which ones are opened is said below */
    SCMP_SYS(bind), SCMP_SYS(connect), SCMP_SYS(getpeername), SCMP_SYS(getsockname),
    SCMP_SYS(getsockopt), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendmmsg),
    SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
    /* waiting and time */
    SCMP_SYS(alarm), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(futex),
    SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(restart_syscall), SCMP_SYS(select), SCMP_SYS(setitimer), SCMP_SYS(time),
    /* the process and its threads */
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(geteuid), SCMP_SYS(getegid), SCMP_SYS(getgid),
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getrandom), SCMP_SYS(gettid), SCMP_SYS(getuid),
    SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list),
    SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(getrusage)};

static const int deadly[] = {SCMP_SYS(execve),
                             SCMP_SYS(execveat),
                             SCMP_SYS(fork),
                             SCMP_SYS(vfork),
                             SCMP_SYS(ptrace),
                             SCMP_SYS(process_vm_readv),
                             SCMP_SYS(process_vm_writev),
                             SCMP_SYS(mount),
                             SCMP_SYS(umount2),
                             SCMP_SYS(move_mount),
                             SCMP_SYS(fsopen),
                             SCMP_SYS(fsmount),
                             SCMP_SYS(open_tree),
                             SCMP_SYS(pivot_root),
                             SCMP_SYS(chroot),
                             SCMP_SYS(setns),
                             SCMP_SYS(unshare),
                             SCMP_SYS(mknod),
                             SCMP_SYS(mknodat),
                             SCMP_SYS(init_module),
                             SCMP_SYS(finit_module),
                             SCMP_SYS(delete_module),
                             SCMP_SYS(bpf),
                             SCMP_SYS(perf_event_open),
                             SCMP_SYS(open_by_handle_at),
                             SCMP_SYS(name_to_handle_at),
                             SCMP_SYS(userfaultfd),
                             SCMP_SYS(io_uring_setup),
                             SCMP_SYS(kexec_load),
                             SCMP_SYS(kexec_file_load),
                             SCMP_SYS(reboot),
                             SCMP_SYS(swapon),
                             SCMP_SYS(swapoff),
                             SCMP_SYS(setuid),
                             SCMP_SYS(setgid),
                             SCMP_SYS(setreuid),
                             SCMP_SYS(setregid),
                             SCMP_SYS(setresuid),
                             SCMP_SYS(setresgid),
                             SCMP_SYS(setfsuid),
                             SCMP_SYS(setfsgid),
                             SCMP_SYS(setgroups),
                             SCMP_SYS(capset),
                             SCMP_SYS(keyctl),
                             SCMP_SYS(add_key),
                             SCMP_SYS(request_key),
                             SCMP_SYS(acct),
                             SCMP_SYS(settimeofday),
                             SCMP_SYS(clock_settime),
                             SCMP_SYS(iopl),
                             SCMP_SYS(ioperm),
                             SCMP_SYS(kill),
                             SCMP_SYS(tkill),
                             SCMP_SYS(pidfd_send_signal),
                             SCMP_SYS(pidfd_getfd),
                             SCMP_SYS(listen),
                             SCMP_SYS(accept),
                             SCMP_SYS(accept4)};

static int add_lists(scmp_filter_ctx ctx)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < sizeof(allowed) / sizeof(*allowed); i++)
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
        for (size_t i = 0; r == 0 && i < sizeof(deadly) / sizeof(*deadly); i++)
                r = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
        return r;
}

#define RULE(action, call, ...)                                                                    \
        do {                                                                                       \
                if (r == 0)                                                                        \
                        r = seccomp_rule_add(ctx, action, SCMP_SYS(call), __VA_ARGS__);            \
        } while (0)
#define EQ(n, value)         SCMP_CMP64(n, SCMP_CMP_EQ, value)
#define BITS(n, mask, value) SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, mask, value)

enum { FILE_WRITE_FLAGS = O_ACCMODE | O_CREAT | O_TRUNC };

static int add_files_and_memory(scmp_filter_ctx ctx)
{
        int r = 0;

        RULE(SCMP_ACT_ALLOW, openat, 1, BITS(2, FILE_WRITE_FLAGS, O_RDONLY));
        RULE(SCMP_ACT_ALLOW, open, 1, BITS(1, FILE_WRITE_FLAGS, O_RDONLY));
        /* Shared libraries are loaded late (name service, OpenSSL providers), so PROT_EXEC must
         * stay for mappings of files; never for anonymous memory, nor added to what is mapped. */
        RULE(SCMP_ACT_ALLOW, mmap, 1, BITS(2, PROT_EXEC, 0));
        RULE(SCMP_ACT_ALLOW, mmap, 2, BITS(2, PROT_EXEC | PROT_WRITE, PROT_EXEC),
             BITS(3, MAP_ANONYMOUS, 0));
        RULE(SCMP_ACT_ALLOW, mprotect, 1, BITS(2, PROT_EXEC, 0));
        RULE(SCMP_ACT_ALLOW, ioctl, 1, EQ(1, FIONBIO));
        RULE(SCMP_ACT_ALLOW, ioctl, 1, EQ(1, FIONREAD));
        RULE(SCMP_ACT_ALLOW, ioctl, 1, EQ(1, TCGETS));
        /* Standard error may be the terminal of whoever called the command. */
        RULE(SCMP_ACT_KILL_PROCESS, ioctl, 1, EQ(1, TIOCSTI));
        RULE(SCMP_ACT_KILL_PROCESS, ioctl, 1, EQ(1, TIOCLINUX));
        return r;
}

static int add_sockets_and_threads(scmp_filter_ctx ctx)
{
        const uint64_t thread = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
        const uint64_t elsewhere = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                   CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
        int r = 0;

        RULE(SCMP_ACT_ALLOW, socket, 1, EQ(0, AF_INET));
        RULE(SCMP_ACT_ALLOW, socket, 1, EQ(0, AF_INET6));
        RULE(SCMP_ACT_ALLOW, socket, 2, EQ(0, AF_NETLINK), EQ(2, NETLINK_ROUTE));
        RULE(SCMP_ACT_ALLOW, socketpair, 1, EQ(0, AF_UNIX));
        RULE(SCMP_ACT_ALLOW, clone, 1, BITS(0, thread | elsewhere, thread));
        /* Its flags are in memory, where no filter sees them: libc falls back to clone(2). */
        RULE(SCMP_ACT_ERRNO(ENOSYS), clone3, 0);
        RULE(SCMP_ACT_ALLOW, prlimit64, 2, EQ(0, 0), EQ(2, 0));
        return r;
}

int filter_load(struct diag *diag)
{
        scmp_filter_ctx ctx CLEANUP(seccomp_releasep) = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        int r;

        if (!ctx)
                return diag_fail(diag, -ENOMEM, "cannot make a system call filter");
        /* A binary tree: the default is one comparison after the other. */
        r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        if (r == 0)
                r = add_lists(ctx);
        if (r == 0)
                r = add_files_and_memory(ctx);
        if (r == 0)
                r = add_sockets_and_threads(ctx);
        if (r == 0)
                r = seccomp_load(ctx);
        return r < 0 ? diag_fail(diag, r, "cannot load the system call filter") : 0;
}

#endif
