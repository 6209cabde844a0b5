/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* To a worker that a service manager starts for each connection. Whoever answers there gets
 * credentials and secrets, so the socket must be root's own: looked at on a descriptor, through
 * which the connection is then made, so that nobody can exchange the file in between. */

#include "wire/connect.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"

static int check_file(const char *path, int fd, struct diag *diag)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return diag_fail(diag, -errno, "cannot examine %s", path);
        if (!S_ISSOCK(st.st_mode))
                return diag_fail(diag, -ENOTSOCK, "%s is no socket", path);
        if (st.st_uid != 0)
                return diag_fail(diag, -EPERM, "%s belongs to user %u instead of root", path,
                                 (unsigned int)st.st_uid);
        if (st.st_mode & (S_IWGRP | S_IWOTH))
                return diag_fail(diag, -EPERM, "%s is open to others than root (mode %04o)", path,
                                 (unsigned int)st.st_mode & 07777U);
        return 0;
}

/* Who called listen(2): the service manager. */
static int check_peer(const char *path, int fd, struct diag *diag)
{
        struct ucred peer = {.uid = (uid_t)-1};
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return diag_fail(diag, -errno, "cannot tell who listens at %s", path);
        if (peer.uid != 0)
                return diag_fail(diag, -EPERM, "user %u listens at %s instead of root",
                                 (unsigned int)peer.uid, path);
        return 0;
}

int connect_worker(const char *path, int *ret_fd, struct diag *diag)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        CLEANUP_FD int file = -1;
        CLEANUP_FD int fd = -1;
        int r;

        file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (file < 0)
                return diag_fail(diag, -errno, "cannot open the KMS worker's socket %s", path);
        r = check_file(path, file, diag);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return diag_fail(diag, -errno, "cannot make a socket for the KMS worker");
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", file);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return diag_fail(diag, -errno, "cannot connect to the KMS worker at %s", path);
        r = check_peer(path, fd, diag);
        if (r < 0)
                return r;
        *ret_fd = take_fd(&fd);
        return 0;
}
