/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A client of a varlink server that lives in the same process: what the client waits for, the
 * server's event loop is run for. */

#include "unit.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "agentd/varlink.h"
#include "base/clock.h"

enum { PATIENCE_MS = 20000 };

static sd_event *loop;
static struct sockaddr_un address;
static socklen_t address_len;

/* Listens on an abstract address of the kernel's choice. */
static inline int listen_somewhere(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        address = (struct sockaddr_un){.sun_family = AF_UNIX};
        address_len = sizeof(address);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &address_len), 0);
        assert_int_equal(listen(fd, 64), 0);
        return fd;
}

static inline void turn(void)
{
        while (sd_event_run(loop, 0) > 0)
                ;
}

static inline int dial(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, address_len), 0);
        turn();
        return fd;
}

static inline void say_bytes(int fd, const char *text, size_t len)
{
        while (len > 0) {
                ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

                if (n < 0 && errno != EAGAIN)
                        fail_msg("cannot send: %s", strerror(errno));
                if (n > 0) {
                        text += n;
                        len -= (size_t)n;
                }
                turn();
        }
}

static inline void say(int fd, const char *text)
{
        say_bytes(fd, text, strlen(text) + 1);
}

/* The next message without its NUL, in a buffer of this function's; NULL if the server hung up. */
static inline const char *hear(int fd)
{
        static char buf[VARLINK_REPLY_MAX + 1];
        const uint64_t deadline = clock_now_ms() + PATIENCE_MS;
        size_t len = 0;

        while (clock_now_ms() < deadline) {
                ssize_t n;

                turn();
                n = recv(fd, buf + len, 1, 0);
                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        return NULL;
                if (n < 0) {
                        (void)sd_event_run(loop, 10000);
                        continue;
                }
                if (buf[len++] == '\0')
                        return buf;
                assert_true(len < sizeof(buf));
                /* The rest is there: no need to run the loop for each byte. */
                while (recv(fd, buf + len, 1, 0) == 1)
                        if (buf[len++] == '\0')
                                return buf;
        }
        fail_msg("nothing was heard");
        return NULL;
}

#define ASK(fd, text, answer)                                                                      \
        do {                                                                                       \
                const char *heard_;                                                                \
                say(fd, text);                                                                     \
                heard_ = hear(fd);                                                                 \
                assert_non_null(heard_);                                                           \
                assert_string_equal(heard_, answer);                                               \
        } while (0)

/* The server has no word for this client any more. */
static inline void assert_dropped(int fd)
{
        assert_null(hear(fd));
        (void)close(fd);
}
