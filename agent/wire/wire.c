/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records on the socket between the privileged side and the worker, with their descriptors. The
 * peer is not trusted: a record that is cut, brings more descriptors than it names, or fewer, is
 * refused, and every descriptor that came with it is closed. Nothing in a record is secret. */

#include "wire/wire.h"

#include <stdbool.h>
#include <sys/socket.h>

#include "wire/codec.h"
#include "wire/shared.h"

/* What a request may bring: the shared memory always, as the last one. Room for one more than that,
 * and beyond it the kernel says MSG_CTRUNC. */
enum { FDS_MAX = WIRE_FD_COUNT + 1, FDS_ROOM };

union control {
        struct cmsghdr align;
        char data[CMSG_SPACE(sizeof(int) * FDS_ROOM)];
};

void wire_request_init(struct wire_request *request)
{
        memset(request, 0, sizeof(*request));
        for (size_t i = 0; i < WIRE_FD_COUNT; i++)
                request->fds[i] = -1;
}

void wire_request_done(struct wire_request *request)
{
        secret_free(request->plain);
        request->plain = NULL;
        for (size_t i = 0; i < WIRE_FD_COUNT; i++)
                close_fd(take_fd(&request->fds[i]));
}

void wire_reply_done(struct wire_reply *reply)
{
        secret_free(reply->plain);
        reply->plain = NULL;
}

/* ---- sending ---- */

static int send_record(int fd, uint8_t *record, size_t len, const int *fds, size_t fd_count)
{
        union control control = {.data = ""};
        struct iovec iov = {.iov_base = record, .iov_len = len};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t n;

        if (fd_count > 0) {
                struct cmsghdr *c = &control.align;

                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
                memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
                msg.msg_control = control.data;
                msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        }
        do
                n = sendmsg(fd, &msg, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

/* Where there is none to put, none may be there from before. */
static int put_secret(const struct secret *secret, struct wire_shared *shared)
{
        if (shared)
                wire_shared_wipe(shared);
        if (!secret)
                return 0;
        return shared ? wire_shared_put(shared, secret) : -EINVAL;
}

int wire_send_request(int fd, const struct wire_request *request, struct wire_shared *shared)
{
        uint8_t record[WIRE_RECORD_MAX];
        int fds[FDS_MAX];
        size_t len, fd_count = 0;
        int r;

        r = codec_request(request, record, sizeof(record), &len);
        if (r == 0)
                r = put_secret(request->plain, shared);
        if (r < 0)
                return r;
        for (size_t i = 0; i < WIRE_FD_COUNT; i++)
                if (request->fds[i] >= 0)
                        fds[fd_count++] = request->fds[i];
        fds[fd_count++] = wire_shared_fd(shared);
        return send_record(fd, record, len, fds, fd_count);
}

int wire_send_reply(int fd, const struct wire_reply *reply, struct wire_shared *shared)
{
        uint8_t record[WIRE_RECORD_MAX];
        size_t len;
        int r;

        r = codec_reply(reply, record, sizeof(record), &len);
        if (r == 0)
                r = put_secret(reply->plain, shared);
        if (r == 0)
                r = send_record(fd, record, len, NULL, 0);
        if (r < 0 && shared)
                wire_shared_wipe(shared);
        else if (shared)
                wire_shared_leave(shared);
        return r;
}

/* ---- receiving ---- */

struct received {
        int fds[FDS_ROOM];
        size_t count;
};

static void received_close(struct received *received)
{
        while (received->count > 0)
                close_fd(received->fds[--received->count]);
}

/* Takes every descriptor out of the control data. False if there was anything else, or too many. */
static bool collect(struct msghdr *msg, struct received *received)
{
        bool good = !(msg->msg_flags & MSG_CTRUNC);

        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                size_t n;

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
                        good = false;
                        continue;
                }
                n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
                        if (received->count < FDS_ROOM) {
                                received->fds[received->count++] = fd;
                        } else {
                                close_fd(fd);
                                good = false;
                        }
                }
        }
        return good;
}

static int receive_record(int fd, uint8_t *record, size_t size, size_t *ret_len,
                          struct received *received)
{
        union control control;
        struct iovec iov = {.iov_base = record, .iov_len = size};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.data,
                             .msg_controllen = sizeof(control.data)};
        ssize_t n;

        do
                n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if (!collect(&msg, received) || msg.msg_flags & MSG_TRUNC)
                return -EBADMSG;
        if (n == 0)
                return received->count > 0 ? -EBADMSG : -ECONNRESET;
        *ret_len = (size_t)n;
        return 0;
}

/* The mask is the sender's word; the count is the kernel's. */
static int hand_over_fds(uint32_t mask, struct received *received, struct wire_request *request,
                         int *ret_shared)
{
        size_t next = 0;

        if (mask >> WIRE_FD_COUNT)
                return -EBADMSG;
        for (size_t i = 0; i < WIRE_FD_COUNT; i++)
                if (mask & 1U << i) {
                        if (next == received->count)
                                return -EBADMSG;
                        request->fds[i] = take_fd(&received->fds[next++]);
                }
        if (received->count != next + 1)
                return -EBADMSG;
        *ret_shared = take_fd(&received->fds[next]);
        return 0;
}

/* A copy comes first, and all that is decided is decided on it: the other side may write to that
 * memory at any time. */
static int take_secret(const struct codec_beside *beside, struct wire_shared *shared,
                       struct secret **ret)
{
        if (beside->secret_size > 0)
                return shared ? wire_shared_take(shared, beside->secret_size, ret) : -EBADMSG;
        if (shared)
                wire_shared_wipe(shared);
        return 0;
}

int wire_receive_request(int fd, struct wire_request *ret, struct wire_shared **ret_shared)
{
        CLEANUP(received_close) struct received received = {.count = 0};
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_SHARED struct wire_shared *shared = NULL;
        CLEANUP_FD int shared_fd = -1;
        uint8_t record[WIRE_RECORD_MAX];
        struct codec_beside beside;
        size_t len;
        int r;

        wire_request_init(&request);
        r = receive_record(fd, record, sizeof(record), &len, &received);
        if (r == 0)
                r = codec_parse_request(record, len, &request, &beside);
        if (r == 0)
                r = hand_over_fds(beside.mask, &received, &request, &shared_fd);
        if (r == 0)
                r = wire_shared_open(shared_fd, &shared);
        if (r < 0)
                return r;
        (void)take_fd(&shared_fd);
        r = take_secret(&beside, shared, &request.plain);
        if (r < 0)
                return r;
        if (!codec_request_valid(&request))
                return -EBADMSG;
        *ret = request;
        *ret_shared = TAKE_PTR(shared);
        wire_request_init(&request);
        return 0;
}

int wire_receive_reply(int fd, struct wire_shared *shared, struct wire_reply *ret)
{
        CLEANUP(received_close) struct received received = {.count = 0};
        uint8_t record[WIRE_RECORD_MAX];
        size_t len;
        int r;

        r = receive_record(fd, record, sizeof(record), &len, &received);
        if (r < 0)
                return r;
        if (received.count > 0)
                return -EBADMSG;
        return wire_parse_reply(record, len, shared, ret);
}

int wire_parse_request(const uint8_t *data, size_t len, struct wire_shared *shared,
                       struct wire_request *ret)
{
        CLEANUP_REQUEST struct wire_request request;
        struct codec_beside beside;
        int r;

        wire_request_init(&request);
        r = codec_parse_request(data, len, &request, &beside);
        if (r == 0)
                r = take_secret(&beside, shared, &request.plain);
        if (r < 0)
                return r;
        if (beside.mask != 0 || !codec_request_valid(&request))
                return -EBADMSG;
        *ret = request;
        request.plain = NULL;
        return 0;
}

int wire_parse_reply(const uint8_t *data, size_t len, struct wire_shared *shared,
                     struct wire_reply *ret)
{
        CLEANUP_REPLY struct wire_reply reply = {.plain = NULL};
        struct codec_beside beside;
        int r;

        r = codec_parse_reply(data, len, &reply, &beside);
        if (r == 0)
                r = take_secret(&beside, shared, &reply.plain);
        if (r < 0)
                return r;
        if (beside.mask != 0 || !codec_reply_valid(&reply))
                return -EBADMSG;
        *ret = reply;
        reply.plain = NULL;
        return 0;
}
