/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The worker's way from root to nobody, before it has read a byte from anybody. The order matters:
 * what only root may do (limits, bounding set, changing the user) comes first, the filter last.
 * Nothing here is best effort but the locking of future pages: a sandbox with a hole is none. */

#include "worker/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/secret.h"

#define WORKER_USER "luks-kms"

enum { NOBODY = 65534 };

struct identity {
        uid_t uid;
        gid_t gid;
};

/* From the file, not through the name service: its modules have no business in a root process. */
static struct identity find_identity(void)
{
        struct identity found = {.uid = NOBODY, .gid = NOBODY};
        CLEANUP_FILE FILE *passwd = fopen("/etc/passwd", "re");
        const struct passwd *entry;

        while (passwd && (entry = fgetpwent(passwd)))
                if (strcmp(entry->pw_name, WORKER_USER) == 0 && entry->pw_uid != 0 &&
                    entry->pw_gid != 0)
                        return (struct identity){.uid = entry->pw_uid, .gid = entry->pw_gid};
        return found;
}

static int change_user(struct diag *diag)
{
        struct identity id;

        if (getuid() != 0 && geteuid() != 0)
                return 0;
        id = find_identity();
        if (setgroups(0, NULL) < 0 || setresgid(id.gid, id.gid, id.gid) < 0 ||
            setresuid(id.uid, id.uid, id.uid) < 0)
                return diag_fail(diag, -errno, "cannot become user %u", id.uid);
        if (setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0 || geteuid() != id.uid)
                return diag_fail(diag, -EPERM, "could become root again");
        return 0;
}

/* The bounding set needs a capability itself, so it goes before the user is changed; without that
 * capability there is nothing that execve(2) could give back, as no_new_privs is set. */
static int drop_bounding_set(struct diag *diag)
{
        int held;

        for (unsigned long cap = 0; (held = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) >= 0; cap++)
                if (held > 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
                    (errno != EPERM || geteuid() == 0))
                        return diag_fail(diag, -errno, "cannot drop capability %lu", cap);
        return 0;
}

static int drop_capabilities(struct diag *diag)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{.effective = 0}};

        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
            syscall(SYS_capset, &header, none) < 0)
                return diag_fail(diag, -errno, "cannot drop capabilities");
        return 0;
}

static int set_limits(struct diag *diag)
{
        static const struct {
                int resource;
                rlim_t value;
        } limits[] = {
            {RLIMIT_CORE, 0},     {RLIMIT_FSIZE, 0}, {RLIMIT_NOFILE, 64},
            {RLIMIT_NPROC, 128}, /* counts all workers of the user, and their resolver threads */
            {RLIMIT_MSGQUEUE, 0},
        };

        for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
                struct rlimit limit;
                int r = getrlimit((__rlimit_resource_t)limits[i].resource, &limit);

                /* A unit's may be lower, and nobody but root could raise them. */
                if (r == 0 && limit.rlim_max > limits[i].value)
                        limit.rlim_max = limits[i].value;
                limit.rlim_cur = limit.rlim_max;
                if (r < 0 || setrlimit((__rlimit_resource_t)limits[i].resource, &limit) < 0)
                        return diag_fail(diag, -errno, "cannot set resource limit %d",
                                         limits[i].resource);
        }
        return 0;
}

/* Whoever started us may be gone while a request is on its way; changing the user has undone the
 * signal that was asked for then, and made the process dumpable as sysctl fs.suid_dumpable says. */
static int renew_process_settings(pid_t parent, struct diag *diag)
{
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return diag_fail(diag, -errno, "cannot renew the process settings");
        if (getppid() != parent)
                return diag_fail(diag, -ESRCH, "whoever started the worker is gone");
        return 0;
}

int sandbox_enter(struct diag *diag)
{
        pid_t parent = getppid();
        int r;

        (void)umask(077);
        if (chdir("/") < 0)
                return diag_fail(diag, -errno, "cannot go to /");
        r = secret_harden_process();
        if (r < 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
                return diag_fail(diag, r, "cannot protect the memory");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return diag_fail(diag, -errno, "cannot refuse new privileges");
        r = drop_bounding_set(diag);
        if (r == 0)
                r = change_user(diag);
        if (r == 0)
                r = drop_capabilities(diag);
        if (r == 0)
                r = set_limits(diag);
        if (r == 0)
                r = renew_process_settings(parent, diag);
        if (r == 0)
                r = filter_load(diag);
        return r;
}
