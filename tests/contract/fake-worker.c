/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A worker that misbehaves, each time in the way that its file name says (the tests make symbolic
 * links to it), as one that an attacker has taken over might. Whatever it does, it has written to
 * the shared memory before, and leaves that there. */

#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/verdict.h"
#include "wire/codec.h"
#include "wire/shared.h"
#include "wire/wire.h"

enum { WIRE_FD = 3, LONG_MS = 60000 };

static void dirty(struct wire_shared *shared)
{
        struct secret *secret;

        if (secret_new(WIRE_SECRET_MAX, &secret) < 0)
                _exit(3);
        memset(secret_data(secret), 0xd5, WIRE_SECRET_MAX);
        if (wire_shared_put(shared, secret) < 0)
                _exit(3);
        wire_shared_leave(shared);
}

static void send_bytes(const void *bytes, size_t len)
{
        (void)send(WIRE_FD, bytes, len, MSG_NOSIGNAL);
}

static void garbage(void)
{
        char bytes[4096];

        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (char)(i * 37 + 11);
        send_bytes(bytes, sizeof(bytes));
}

static void too_long(void)
{
        static char bytes[WIRE_RECORD_MAX + 100];

        send_bytes(bytes, sizeof(bytes));
}

/* Granted, and a blob where a secret was asked for. */
static void wrong_operation(void)
{
        struct wire_reply reply = {.verdict = VERDICT_GRANTED, .wrapped = {.len = 100}};

        (void)wire_send_reply(WIRE_FD, &reply, NULL);
}

static void good_but_with_descriptor(void)
{
        int ends[2];
        char bytes[WIRE_RECORD_MAX];
        struct wire_reply reply = {.verdict = VERDICT_KEY_STATE};
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = "";
        struct iovec iov = {.iov_base = bytes};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        ssize_t n;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0 ||
            wire_send_reply(ends[0], &reply, NULL) < 0)
                return;
        n = recv(ends[1], bytes, sizeof(bytes), 0);
        iov.iov_len = n > 0 ? (size_t)n : 0;
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &ends[0], sizeof(int));
        (void)sendmsg(WIRE_FD, &msg, MSG_NOSIGNAL);
}

static void control_characters(void)
{
        struct wire_reply reply = {.verdict = VERDICT_KEY_STATE};

        strcpy(reply.diag.message, "\033]0;owned\007 the key is disabled\n");
        (void)wire_send_reply(WIRE_FD, &reply, NULL);
}

/* Granted, with more of a secret than can be. */
static void too_large_secret(void)
{
        struct wire_reply reply = {.verdict = VERDICT_GRANTED, .wrapped = {.len = 4}};
        uint8_t bytes[WIRE_RECORD_MAX];
        uint8_t *field;
        size_t len;

        if (codec_reply(&reply, bytes, sizeof(bytes), &len) < 0)
                return;
        field = memmem(bytes, len, (uint8_t[]){10, 0, 4, 0, 0, 0}, 6);
        if (!field)
                return;
        memcpy(field, (uint8_t[]){12, 0, 4, 0, 0, 0, 1, 0x10, 0, 0}, 10);
        send_bytes(bytes, len);
}

static void silent(void)
{
        (void)signal(SIGTERM, SIG_IGN);
}

static void crash(void)
{
        (void)raise(SIGTRAP);
}

static void leave(void)
{
        _exit(7);
}

static const struct {
        const char *name;
        void (*run)(void);
} modes[] = {
    {"garbage", garbage},
    {"too-long", too_long},
    {"wrong-operation", wrong_operation},
    {"descriptor", good_but_with_descriptor},
    {"too-large-secret", too_large_secret},
    {"control-characters", control_characters},
    {"silent", silent},
    {"crash", crash},
    {"leave", leave},
};

int main(void)
{
        const char *path = (const char *)getauxval(AT_EXECFN);
        const char *name = path && strrchr(path, '/') ? strrchr(path, '/') + 1 : "";
        struct wire_shared *shared;
        struct wire_request request;

        (void)fcntl(WIRE_FD, F_SETFL, 0); /* a service's wire does not block */
        for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
                if (strcmp(name, modes[i].name) == 0) {
                        if (wire_receive_request(WIRE_FD, &request, &shared) != 0)
                                return 1;
                        dirty(shared);
                        modes[i].run();
                        clock_sleep_ms(LONG_MS);
                }
        return 2;
}
