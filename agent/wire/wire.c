/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records on the socket between the privileged side and the worker, with their descriptors. The
 * peer is not trusted: a record that is cut, brings more descriptors than it names, or fewer, is
 * refused, and every descriptor that came with it is closed. */

#include "wire/wire.h"

#include <stdbool.h>
#include <sys/socket.h>

#include "wire/codec.h"

/* Room for one descriptor more than a record may bring: more than that and the kernel says
 * MSG_CTRUNC. */
enum { FDS_ROOM = WIRE_FD_COUNT + 1 };

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

static int send_record(int fd, struct secret *record, const int *fds, size_t fd_count)
{
        union control control = {.data = ""};
        struct iovec iov = {.iov_base = secret_data(record), .iov_len = secret_size(record)};
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

int wire_send_request(int fd, const struct wire_request *request)
{
        CLEANUP_SECRET struct secret *record = NULL;
        int fds[WIRE_FD_COUNT];
        size_t len, fd_count = 0;
        int r;

        r = secret_new(WIRE_RECORD_MAX, &record);
        if (r < 0)
                return r;
        r = codec_request(request, secret_data(record), secret_size(record), &len);
        if (r < 0)
                return r;
        for (size_t i = 0; i < WIRE_FD_COUNT; i++)
                if (request->fds[i] >= 0)
                        fds[fd_count++] = request->fds[i];
        secret_truncate(record, len);
        return send_record(fd, record, fds, fd_count);
}

int wire_send_reply(int fd, const struct wire_reply *reply)
{
        CLEANUP_SECRET struct secret *record = NULL;
        size_t len;
        int r;

        r = secret_new(WIRE_RECORD_MAX, &record);
        if (r < 0)
                return r;
        r = codec_reply(reply, secret_data(record), secret_size(record), &len);
        if (r < 0)
                return r;
        secret_truncate(record, len);
        return send_record(fd, record, NULL, 0);
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

static int receive_record(int fd, struct secret *record, size_t *ret_len, struct received *received)
{
        union control control;
        struct iovec iov = {.iov_base = secret_data(record), .iov_len = secret_size(record)};
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
static int hand_over_fds(uint32_t mask, struct received *received, struct wire_request *request)
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
        return next == received->count ? 0 : -EBADMSG;
}

int wire_receive_request(int fd, struct wire_request *ret)
{
        CLEANUP(received_close) struct received received = {.count = 0};
        CLEANUP_SECRET struct secret *record = NULL;
        CLEANUP_REQUEST struct wire_request request;
        uint32_t mask;
        size_t len;
        int r;

        wire_request_init(&request);
        r = secret_new(WIRE_RECORD_MAX, &record);
        if (r < 0)
                return r;
        r = receive_record(fd, record, &len, &received);
        if (r < 0)
                return r;
        r = codec_parse_request(secret_bytes(record), len, &request, &mask);
        if (r < 0)
                return r;
        r = hand_over_fds(mask, &received, &request);
        if (r < 0)
                return r;
        *ret = request;
        wire_request_init(&request);
        return 0;
}

int wire_receive_reply(int fd, struct wire_reply *ret)
{
        CLEANUP(received_close) struct received received = {.count = 0};
        CLEANUP_SECRET struct secret *record = NULL;
        size_t len;
        int r;

        r = secret_new(WIRE_RECORD_MAX, &record);
        if (r < 0)
                return r;
        r = receive_record(fd, record, &len, &received);
        if (r < 0)
                return r;
        if (received.count > 0)
                return -EBADMSG;
        return codec_parse_reply(secret_bytes(record), len, ret);
}

int wire_parse_request(const uint8_t *data, size_t len, struct wire_request *ret)
{
        CLEANUP_REQUEST struct wire_request request;
        uint32_t mask;
        int r;

        wire_request_init(&request);
        r = codec_parse_request(data, len, &request, &mask);
        if (r < 0)
                return r;
        if (mask != 0)
                return -EBADMSG;
        *ret = request;
        request.plain = NULL;
        return 0;
}

int wire_parse_reply(const uint8_t *data, size_t len, struct wire_reply *ret)
{
        return codec_parse_reply(data, len, ret);
}
