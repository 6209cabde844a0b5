/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The control socket: Varlink (https://varlink.org) over an AF_UNIX stream, JSON objects that end
 * in a NUL. Clients are hostile: sizes, counts and time are bounded, JSON is strict, and a client
 * that breaks a rule is disconnected. Peer credentials (SO_PEERCRED) decide what it may call.
 * org.varlink.service (GetInfo, GetInterfaceDescription) is answered here. */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/json.h"

enum {
        VARLINK_MESSAGE_MAX = 65536,
        VARLINK_REPLY_MAX = 262144, /* also: what may wait to be read by one client */
        VARLINK_CLIENTS_MAX = 32,
        VARLINK_CLIENTS_ROOT = 8, /* of these are kept free for root */
        VARLINK_STALL_MS = 10000,
};

struct varlink_server;
struct varlink_call; /* one call that waits for its answer; gone once it is answered */

enum varlink_right {
        VARLINK_ANYBODY, /* whoever may connect: the socket's mode says who */
        VARLINK_ROOT,    /* uid 0 */
};

struct varlink_method {
        const char *name; /* "Status": without the interface */
        enum varlink_right right;
        /* Answers now (varlink_reply..., varlink_error) or keeps call for later. parameters: an
         * object, or NULL. Negative errno: the client gets the error InternalError. */
        int (*run)(struct varlink_call *call, const struct json_node *parameters, void *userdata);
};

struct varlink_interface {
        const char *name;                     /* "org.lukskms.Agent" */
        const char *description;              /* its varlink text */
        const struct varlink_method *methods; /* ends with a NULL name */
};

/* Listens on fd (a listening AF_UNIX stream socket, which goes over to the server). 0 or -errno. */
int varlink_server_new(sd_event *event, int fd, const struct varlink_interface *interface,
                       const char *version, void *userdata, struct varlink_server **ret);
/* Besides root only members of this group are served (SO_PEERGROUPS). Without it, whoever can
 * connect. */
void varlink_server_set_group(struct varlink_server *server, gid_t group);
void varlink_server_free(struct varlink_server *server); /* accepts NULL; drops all clients */

uid_t varlink_call_uid(const struct varlink_call *call);
bool varlink_call_more(const struct varlink_call *call); /* the client asked for several replies */

/* Answers: fill (NULL: nothing) writes the members of the reply's parameters object into w.
 * continues: another reply follows (only if the client asked for more: -EINVAL otherwise, and
 * nothing is sent). What does not fit into VARLINK_REPLY_MAX is not sent (-ENOBUFS), the last reply
 * becomes InternalError then. 0 or -errno; the call is gone in either case unless it continues. */
int varlink_reply(struct varlink_call *call, bool continues,
                  void (*fill)(struct jsonw *w, void *arg), void *arg);

/* name: "NoSuchVolume" (of our interface), or with a dot the whole name of an error. With "message"
 * and "next" as parameters. 0 or -errno; the call is gone. */
int varlink_error(struct varlink_call *call, const char *name, const char *message,
                  const char *next);

/* The standard error for a parameter that is missing, of a wrong type or out of range. */
int varlink_error_parameter(struct varlink_call *call, const char *parameter);

/* A call that continues and whose client has gone: called once, from the event loop, and call is
 * gone after. A kept call without this is still there when its client has gone, and is answered as
 * ever; nobody hears it. */
void varlink_call_on_gone(struct varlink_call *call, void (*gone)(void *arg), void *arg);

/* How long half a message, or a reply that is not read, may stand still. For tests. */
void varlink_server_set_stall(struct varlink_server *server, uint64_t ms);
