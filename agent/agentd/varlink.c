/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The control socket's server: takes connections, finds the method of a call, checks the caller's
 * right, and frames the answers. Who calls is told by the kernel (SO_PEERCRED); nothing that the
 * client says of itself is asked for. Logs nothing: what a hostile client does is no news. */

#include "agentd/varlink.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "agentd/varlink_peer.h"
#include "agentd/varlink_service.h"

enum { PAUSE_USEC = 1000000, LISTEN_BATCH = 8 };

/* ---- answers ---- */

static void call_over(struct varlink_call *call)
{
        struct varlink_peer *peer = TAKE_PTR(call->peer);

        call->answered = true;
        if (!call->running)
                free(call);
        if (peer)
                peer_call_over(peer);
}

struct answer {
        const char *error; /* NULL: a reply */
        bool continues;
        void (*fill)(struct jsonw *w, void *arg);
        void *arg;
};

static int write_answer(const struct answer *a, char *buf, size_t *ret_len)
{
        struct jsonw w;

        jsonw_init(&w, buf, VARLINK_REPLY_MAX);
        jsonw_object(&w, NULL);
        if (a->error)
                jsonw_string(&w, "error", a->error);
        jsonw_object(&w, "parameters");
        if (a->fill)
                a->fill(&w, a->arg);
        jsonw_object_end(&w);
        if (a->continues)
                jsonw_bool(&w, "continues", true);
        jsonw_object_end(&w);
        return jsonw_end(&w, ret_len);
}

/* Writes and sends; fill runs whether or not somebody listens. */
static int send_answer(struct varlink_call *call, const struct answer *a)
{
        char *buf CLEANUP_FREE = malloc(VARLINK_REPLY_MAX);
        size_t len;
        int r;

        if (!buf)
                return -ENOMEM;
        r = write_answer(a, buf, &len);
        if (r < 0 || call->oneway)
                return r;
        return call->peer ? peer_send(call->peer, buf, len) : -EPIPE;
}

struct words {
        const char *message, *next;
};

static void fill_words(struct jsonw *w, void *arg)
{
        const struct words *words = arg;

        jsonw_string(w, "message", words->message ? words->message : "");
        jsonw_string(w, "next", words->next ? words->next : "");
}

/* An error of our interface, or one whose name is whole. */
static int send_error(struct varlink_call *call, const char *name, const struct words *words)
{
        char full[192];
        const struct answer a = {
            .error = full, .fill = fill_words, .arg = (void *)(uintptr_t)words};

        (void)snprintf(full, sizeof(full), "%s%s%s", strchr(name, '.') ? "" : call->interface,
                       strchr(name, '.') ? "" : ".", name);
        return send_answer(call, &a);
}

static int send_internal(struct varlink_call *call, int error)
{
        char message[160];
        const struct words words = {message, "journalctl -u luks-kms says what failed"};

        (void)snprintf(message, sizeof(message), "the agent could not answer: %s",
                       strerrordesc_np(-error) ? strerrordesc_np(-error) : "it is not said why");
        return send_error(call, "InternalError", &words);
}

int varlink_reply(struct varlink_call *call, bool continues,
                  void (*fill)(struct jsonw *w, void *arg), void *arg)
{
        const struct answer a = {.continues = continues, .fill = fill, .arg = arg};
        int r;

        if (continues && !call->more)
                return -EINVAL;
        r = send_answer(call, &a);
        if (continues)
                return r;
        if (r < 0 && r != -EPIPE && call->peer)
                (void)send_internal(call, r);
        call_over(call);
        return r;
}

int varlink_error(struct varlink_call *call, const char *name, const char *message,
                  const char *next)
{
        const struct words words = {message, next};
        int r = send_error(call, name, &words);

        call_over(call);
        return r;
}

struct field {
        const char *name, *value;
};

static void fill_field(struct jsonw *w, void *arg)
{
        const struct field *field = arg;

        jsonw_string(w, field->name, field->value);
}

/* The errors of org.varlink.service have one parameter each. */
static int standard_error(struct varlink_call *call, const char *error, const char *field,
                          const char *value)
{
        struct field f = {field, value};
        const struct answer a = {.error = error, .fill = fill_field, .arg = &f};
        int r = send_answer(call, &a);

        call_over(call);
        return r;
}

int varlink_error_parameter(struct varlink_call *call, const char *parameter)
{
        return standard_error(call, "org.varlink.service.InvalidParameter", "parameter", parameter);
}

int varlink_error_interface(struct varlink_call *call, const char *interface)
{
        return standard_error(call, "org.varlink.service.InterfaceNotFound", "interface",
                              interface);
}

uid_t varlink_call_uid(const struct varlink_call *call)
{
        return call->uid;
}

bool varlink_call_more(const struct varlink_call *call)
{
        return call->more;
}

void varlink_call_on_gone(struct varlink_call *call, void (*gone)(void *arg), void *arg)
{
        call->gone = gone;
        call->gone_arg = arg;
}

/* ---- calls ---- */

static const struct varlink_method *find_method(const struct varlink_interface *interface,
                                                const char *name)
{
        for (const struct varlink_method *m = interface->methods; m->name; m++)
                if (strcmp(m->name, name) == 0)
                        return m;
        return NULL;
}

static int run_method(struct varlink_call *call, const struct varlink_method *method,
                      const struct json_node *parameters, void *userdata)
{
        int r;

        call->running = true;
        r = method->run(call, parameters, userdata);
        call->running = false;
        if (call->answered) {
                free(call);
                return 0;
        }
        if (r < 0) {
                (void)send_internal(call, r);
                call_over(call);
        }
        return 0;
}

int varlink_dispatch(struct varlink_server *server, struct varlink_call *call,
                     const struct varlink_message *message)
{
        const bool service = strcmp(message->interface, VARLINK_SERVICE) == 0;
        const struct varlink_interface *interface =
            service ? &varlink_service_interface : server->interface;
        const struct varlink_method *method;

        if (strcmp(message->interface, interface->name) != 0)
                (void)varlink_error_interface(call, message->interface);
        else if (!(method = find_method(interface, message->method)))
                (void)standard_error(call, "org.varlink.service.MethodNotFound", "method",
                                     message->name);
        else if (message->upgrade)
                (void)standard_error(call, "org.varlink.service.MethodNotImplemented", "method",
                                     message->name);
        else if (method->right == VARLINK_ROOT && call->uid != 0)
                (void)varlink_error(call, "PermissionDenied", "only root may call this method",
                                    "be root");
        else
                return run_method(call, method, message->parameters,
                                  service ? server : server->userdata);
        return 0;
}

/* ---- connections ---- */

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
