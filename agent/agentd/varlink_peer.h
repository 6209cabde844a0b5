/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between varlink.c (the server), varlink_call.c (its answers) and varlink_peer.c (one client's
 * bytes). */

#include "agentd/varlink.h"
#include "agentd/varlink_message.h"

struct varlink_peer;

struct varlink_server {
        sd_event *event;
        int fd;
        const struct varlink_interface *interface;
        const char *version;
        void *userdata;
        uint64_t stall_ms;
        sd_event_source *listen; /* connections */
        sd_event_source *pause;  /* time to listen again, after there were no descriptors */
        sd_event_source *reaper; /* frees peers that are dead, from the event loop */
        struct varlink_peer *peers;
        unsigned int peer_count;
};

struct varlink_call {
        const char *interface;     /* of the server: outlives it */
        struct varlink_peer *peer; /* NULL: gone */
        uid_t uid;
        bool oneway, more;
        bool running;  /* inside run(): is freed when that is over */
        bool answered; /* for good */
        void (*gone)(void *arg);
        void *gone_arg;
};

/* One client, connected at fd, which goes over in any case. 0 or -errno. */
int peer_new(struct varlink_server *server, int fd, uid_t uid);

/* Drops the client now: its call is told. */
void peer_free(struct varlink_peer *peer);

/* Frees the dead ones. Returns whether there was one. */
bool peer_reap(struct varlink_server *server);

/* No more of this client: dropped by the reaper. */
void peer_doom(struct varlink_peer *peer);

/* The client's call is over; the next one may be taken up. */
void peer_call_over(struct varlink_peer *peer);

/* Sends len bytes and a NUL, or keeps them until they can be. A client that lets too many wait is
 * doomed. 0 or -errno. */
int peer_send(struct varlink_peer *peer, const char *text, size_t len);

/* In varlink_call.c: takes up one call. Answers it, or leaves it with the method. The call belongs
 * to the peer until it is answered. */
int varlink_dispatch(struct varlink_server *server, struct varlink_call *call,
                     const struct varlink_message *message);

/* How many clients are not root's. */
unsigned int peer_count_plain(const struct varlink_server *server);
