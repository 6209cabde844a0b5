/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The control socket's server: takes connections, as many as there is room for, and asks the kernel
 * who calls (SO_PEERCRED); nothing that the client says of itself is asked for. Logs nothing: what
 * a hostile client does is no news. */

#include "agentd/varlink.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "agentd/varlink_peer.h"

enum { PAUSE_USEC = 1000000, LISTEN_BATCH = 8 };

static bool has_room(const struct varlink_server *server, uid_t uid)
{
        return server->peer_count < VARLINK_CLIENTS_MAX &&
               (uid == 0 || peer_count_plain(server) < VARLINK_CLIENTS_MAX - VARLINK_CLIENTS_ROOT);
}

static void welcome(struct varlink_server *server, int fd)
{
        struct ucred peer;
        socklen_t len = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
            !has_room(server, peer.uid)) {
                close_fd(fd);
                return;
        }
        (void)peer_new(server, fd, peer.uid);
}

static int on_listen(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct varlink_server *server = userdata;

        (void)events;
        for (int i = 0; i < LISTEN_BATCH; i++) {
                int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (peer >= 0) {
                        welcome(server, peer);
                        continue;
                }
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                        /* The connection stays in the queue and would wake us at once, forever. */
                        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
                        (void)sd_event_source_set_time_relative(server->pause, PAUSE_USEC);
                        (void)sd_event_source_set_enabled(server->pause, SD_EVENT_ONESHOT);
                }
                break;
        }
        return 0;
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct varlink_server *server = userdata;

        (void)source;
        (void)usec;
        return sd_event_source_set_enabled(server->listen, SD_EVENT_ON);
}

static int on_reap(sd_event_source *source, void *userdata)
{
        (void)source;
        (void)peer_reap(userdata);
        return 0;
}

static int add_sources(struct varlink_server *server)
{
        int r =
            sd_event_add_io(server->event, &server->listen, server->fd, EPOLLIN, on_listen, server);

        if (r >= 0)
                r = sd_event_add_time_relative(server->event, &server->pause, CLOCK_MONOTONIC, 0, 0,
                                               on_pause_over, server);
        if (r >= 0)
                r = sd_event_source_set_enabled(server->pause, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(server->event, &server->reaper, on_reap, server);
        if (r >= 0)
                r = sd_event_source_set_enabled(server->reaper, SD_EVENT_OFF);
        return r < 0 ? r : 0;
}

int varlink_server_new(sd_event *event, int fd, const struct varlink_interface *interface,
                       const char *version, void *userdata, struct varlink_server **ret)
{
        struct varlink_server *server = calloc(1, sizeof(*server));
        int r;

        if (!server) {
                close_fd(fd);
                return -ENOMEM;
        }
        *server = (struct varlink_server){.event = sd_event_ref(event),
                                          .fd = fd,
                                          .interface = interface,
                                          .version = version,
                                          .userdata = userdata,
                                          .stall_ms = VARLINK_STALL_MS};
        r = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : add_sources(server);
        if (r < 0) {
                varlink_server_free(server);
                return r;
        }
        *ret = server;
        return 0;
}

void varlink_server_set_stall(struct varlink_server *server, uint64_t ms)
{
        server->stall_ms = ms;
}

void varlink_server_free(struct varlink_server *server)
{
        if (!server)
                return;
        while (server->peers)
                peer_free(server->peers);
        (void)sd_event_source_disable_unref(server->listen);
        (void)sd_event_source_disable_unref(server->pause);
        (void)sd_event_source_disable_unref(server->reaper);
        (void)sd_event_unref(server->event);
        close_fd(server->fd);
        free(server);
}
