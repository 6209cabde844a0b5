/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One call: which method it means, whether the caller may, and the frames of its answers. A call is
 * answered once, or many times where the client asked for more, and is gone then; who owns it in
 * between, and what happens to it when its client goes, is in varlink.h. */

#include "agentd/varlink.h"

#include "agentd/varlink_peer.h"
#include "agentd/varlink_service.h"

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
