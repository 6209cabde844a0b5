/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One client of the control socket: bytes in, cut into messages at their NULs, and bytes out. The
 * client is hostile. It has one call at a time: while that is under way, or a reply waits to be
 * read, nothing more is taken from it, so that it cannot make us hold more than one message and one
 * reply's worth of memory; and what it begins it must end within the stall's time. */

#include "agentd/varlink_peer.h"

#include <sys/epoll.h>
#include <sys/socket.h>

enum stall { STALL_NONE, STALL_HALF, STALL_UNREAD };

struct varlink_peer {
        struct varlink_peer *previous, *next;
        struct varlink_server *server;
        int fd;
        uid_t uid;
        bool dead; /* waits for the reaper */
        bool eof;  /* says nothing more, but may listen */
        bool busy; /* in take_messages() */
        struct varlink_call *call;
        sd_event_source *io, *timer;
        enum stall stall; /* what timer is set for */
        char *in;         /* VARLINK_MESSAGE_MAX bytes */
        size_t in_len;
        char *out; /* what the socket did not take */
        size_t out_len;
};

void peer_doom(struct varlink_peer *peer)
{
        if (peer->dead)
                return;
        peer->dead = true;
        (void)sd_event_source_set_enabled(peer->io, SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(peer->timer, SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(peer->server->reaper, SD_EVENT_ONESHOT);
}

static void tell_call(struct varlink_peer *peer)
{
        struct varlink_call *call = TAKE_PTR(peer->call);

        if (!call)
                return;
        call->peer = NULL;
        if (!call->gone)
                return; /* still the method's: it will answer */
        call->gone(call->gone_arg);
        free(call);
}

void peer_free(struct varlink_peer *peer)
{
        struct varlink_server *server = peer->server;

        if (peer->previous)
                peer->previous->next = peer->next;
        else
                server->peers = peer->next;
        if (peer->next)
                peer->next->previous = peer->previous;
        server->peer_count--;
        (void)sd_event_source_disable_unref(peer->io);
        (void)sd_event_source_disable_unref(peer->timer);
        /* A child of the agent's that hangs in the kernel may still hold the descriptor. */
        (void)shutdown(peer->fd, SHUT_RDWR);
        close_fd(peer->fd);
        tell_call(peer);
        free(peer->in);
        free(peer->out);
        free(peer);
}

bool peer_reap(struct varlink_server *server)
{
        struct varlink_peer *next;
        bool any = false;

        for (struct varlink_peer *p = server->peers; p; p = next) {
                next = p->next;
                if (!p->dead)
                        continue;
                any = true;
                peer_free(p);
        }
        return any;
}

unsigned int peer_count_plain(const struct varlink_server *server)
{
        unsigned int n = 0;

        for (const struct varlink_peer *p = server->peers; p; p = p->next)
                n += p->uid != 0;
        return n;
}

static bool wants_input(const struct varlink_peer *peer)
{
        return !peer->eof && !peer->call && peer->out_len == 0 &&
               peer->in_len < VARLINK_MESSAGE_MAX;
}

static void set_timer(struct varlink_peer *peer, enum stall stall, bool again)
{
        if (stall == peer->stall && !again)
                return;
        peer->stall = stall;
        if (stall == STALL_NONE) {
                (void)sd_event_source_set_enabled(peer->timer, SD_EVENT_OFF);
                return;
        }
        if (sd_event_source_set_time_relative(peer->timer, peer->server->stall_ms * 1000) < 0 ||
            sd_event_source_set_enabled(peer->timer, SD_EVENT_ONESHOT) < 0)
                peer_doom(peer);
}

/* What to wait for next, of the socket and of the clock. progress: bytes went out. */
static void settle(struct varlink_peer *peer, bool progress)
{
        uint32_t events = (wants_input(peer) ? (uint32_t)EPOLLIN : 0) |
                          (peer->out_len > 0 ? (uint32_t)EPOLLOUT : 0);

        if (peer->dead)
                return;
        if (peer->eof && !peer->call && peer->out_len == 0) {
                peer_doom(peer);
                return;
        }
        if (sd_event_source_set_io_events(peer->io, events) < 0) {
                peer_doom(peer);
                return;
        }
        if (peer->out_len > 0)
                set_timer(peer, STALL_UNREAD, progress);
        else
                set_timer(peer, peer->in_len > 0 && !peer->call ? STALL_HALF : STALL_NONE, false);
}

/* One message of len bytes. 0, or what makes the client go. */
static int take_message(struct varlink_peer *peer, const char *text, size_t len)
{
        struct varlink_message message CLEANUP_MESSAGE = {.name = ""};
        struct varlink_call *call;
        int r = varlink_message_parse(text, len, &message, NULL);

        if (r != 0)
                return r;
        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = (struct varlink_call){.interface = peer->server->interface->name,
                                      .peer = peer,
                                      .uid = peer->uid,
                                      .oneway = message.oneway,
                                      .more = message.more && !message.oneway};
        peer->call = call;
        return varlink_dispatch(peer->server, call, &message);
}

/* As many whole messages as may be taken up now; what is answered at once makes room for the next.
 */
static void take_messages(struct varlink_peer *peer)
{
        const char *end;

        peer->busy = true;
        while (!peer->dead && !peer->call && peer->out_len == 0 &&
               (end = memchr(peer->in, '\0', peer->in_len))) {
                const size_t len = (size_t)(end - peer->in);

                set_timer(peer, STALL_NONE, false);
                if (take_message(peer, peer->in, len) != 0)
                        peer_doom(peer);
                peer->in_len -= len + 1;
                memmove(peer->in, peer->in + len + 1, peer->in_len);
        }
        peer->busy = false;
        if (!peer->dead && peer->in_len == VARLINK_MESSAGE_MAX &&
            !memchr(peer->in, '\0', peer->in_len))
                peer_doom(peer);
}

void peer_call_over(struct varlink_peer *peer)
{
        peer->call = NULL;
        if (peer->busy || peer->dead)
                return;
        take_messages(peer);
        settle(peer, false);
}

/* Hands the socket what it takes. 0 with *ret_sent, or -errno. */
static int send_some(struct varlink_peer *peer, const char *data, size_t len, size_t *ret_sent)
{
        size_t sent = 0;

        while (sent < len) {
                ssize_t n = send(peer->fd, data + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0)
                        return -errno;
                sent += (size_t)n;
        }
        *ret_sent = sent;
        return 0;
}

static int keep(struct varlink_peer *peer, const char *data, size_t len)
{
        char *out;

        if (len == 0)
                return 0;
        if (len > VARLINK_REPLY_MAX - peer->out_len)
                return -ENOBUFS;
        out = realloc(peer->out, peer->out_len + len);
        if (!out)
                return -ENOMEM;
        memcpy(out + peer->out_len, data, len);
        peer->out = out;
        peer->out_len += len;
        return 0;
}

int peer_send(struct varlink_peer *peer, const char *text, size_t len)
{
        size_t sent = 0;
        int r = 0;

        if (peer->dead)
                return -EPIPE;
        len++; /* the NUL */
        if (peer->out_len == 0)
                r = send_some(peer, text, len, &sent);
        if (r == 0)
                r = keep(peer, text + sent, len - sent);
        if (r < 0)
                peer_doom(peer);
        else if (!peer->busy)
                settle(peer, false);
        return r;
}

static int flush_out(struct varlink_peer *peer)
{
        size_t sent = 0;
        int r = send_some(peer, peer->out, peer->out_len, &sent);

        if (r < 0)
                return r;
        peer->out_len -= sent;
        if (peer->out_len == 0)
                free(TAKE_PTR(peer->out));
        else
                memmove(peer->out, peer->out + sent, peer->out_len);
        return sent > 0;
}

static int read_in(struct varlink_peer *peer)
{
        ssize_t n = recv(peer->fd, peer->in + peer->in_len, VARLINK_MESSAGE_MAX - peer->in_len,
                         MSG_DONTWAIT);

        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : -errno;
        peer->eof = n == 0;
        peer->in_len += (size_t)n;
        return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct varlink_peer *peer = userdata;
        int r = 0, progress = 0;

        (void)source;
        (void)fd;
        /* Both ways are shut. What it said before may still be there; its answer is not wanted. */
        if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN)) {
                peer_doom(peer);
                return 0;
        }
        if (events & EPOLLOUT)
                r = progress = flush_out(peer);
        if (r >= 0 && events & EPOLLIN && wants_input(peer))
                r = read_in(peer);
        if (r < 0) {
                peer_doom(peer);
                return 0;
        }
        take_messages(peer);
        settle(peer, progress > 0);
        return 0;
}

static int on_stall(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source;
        (void)usec;
        peer_doom(userdata);
        return 0;
}

int peer_new(struct varlink_server *server, int fd, uid_t uid)
{
        struct varlink_peer *peer = calloc(1, sizeof(*peer));
        int r;

        if (!peer) {
                close_fd(fd);
                return -ENOMEM;
        }
        peer->server = server;
        peer->fd = fd;
        peer->uid = uid;
        peer->next = server->peers;
        if (peer->next)
                peer->next->previous = peer;
        server->peers = peer;
        server->peer_count++;
        peer->in = malloc(VARLINK_MESSAGE_MAX);
        r = peer->in ? 0 : -ENOMEM;
        if (r == 0)
                r = sd_event_add_io(server->event, &peer->io, fd, EPOLLIN, on_io, peer);
        if (r >= 0)
                r = sd_event_add_time_relative(server->event, &peer->timer, CLOCK_MONOTONIC, 0, 0,
                                               on_stall, peer);
        if (r >= 0)
                r = sd_event_source_set_enabled(peer->timer, SD_EVENT_OFF);
        if (r < 0)
                peer_free(peer);
        return r < 0 ? r : 0;
}
