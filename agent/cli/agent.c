/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Talks to the agent. Its answers hold what key services said: sizes are bounded, JSON is strict,
 * and what goes to a terminal is cleaned. Who listens at the socket is checked by its credentials,
 * so that nobody else can answer in the agent's place. */

#include "cli/agent.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"

enum { REPLY_MAX = 262144, REQUEST_MAX = 1024, RETRY_MS = 20 };

struct agent {
        int fd;
        char *buf; /* REPLY_MAX bytes */
        size_t len;
        size_t taken; /* the reply in front that doc points into, with its NUL */
        struct json_doc *doc;
};

void agent_free(struct agent *agent)
{
        if (!agent)
                return;
        json_free(agent->doc);
        close_fd(agent->fd);
        free(agent->buf);
        free(agent);
}

int exit_of_agent(int r)
{
        switch (r) {
        case 0: return EXIT_OK;
        case AGENT_E_NOT_RUNNING:
        case AGENT_E_NO_ANSWER:
        case AGENT_E_ERROR: return EXIT_AGENT;
        case AGENT_E_NO_VOLUME: return EXIT_CONFIG;
        case AGENT_E_REFUSED: return EXIT_STATE;
        default: return EXIT_ENVIRONMENT;
        }
}

static int no_answer(struct diag *diag, const char *why)
{
        (void)diag_refuse(diag, AGENT_E_NO_ANSWER, "agent-answer", "the agent %s", why);
        diag_advise(diag, "systemctl status luks-kms; journalctl -u luks-kms -n 20");
        return AGENT_E_NO_ANSWER;
}

/* ---- connection ---- */

static int no_connection(struct diag *diag, const char *path, int error)
{
        if (error == ENOENT || error == ECONNREFUSED) {
                (void)diag_refuse(diag, AGENT_E_NOT_RUNNING, "agent-not-running",
                                  "the agent is not running: nobody listens at %s", path);
                diag_advise(diag, "systemctl start luks-kms");
                return AGENT_E_NOT_RUNNING;
        }
        if (error == EAGAIN)
                return no_answer(diag, "takes no connection");
        (void)diag_fail(diag, -error, "cannot connect to the agent at %s", path);
        if (error == EACCES)
                diag_advise(diag, "be root, or in the group of %s", path);
        return -error;
}

/* A full queue of connections is waited for. */
static int dial(int fd, const struct sockaddr_un *address)
{
        const uint64_t deadline = clock_now_ms() + AGENT_TIMEOUT_MS;

        while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (clock_left_ms(deadline) == 0)
                        return -EAGAIN;
                clock_sleep_ms(RETRY_MS);
        }
        return 0;
}

static int check_peer(int fd, const char *path, struct diag *diag)
{
        struct ucred peer;
        socklen_t len = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
                return diag_fail(diag, -errno, "cannot tell who listens at %s", path);
        if (peer.uid == 0 || peer.uid == geteuid())
                return 0;
        (void)diag_refuse(diag, AGENT_E_NO_ANSWER, "agent-answer",
                          "what listens at %s is user %u's and not the agent", path,
                          (unsigned int)peer.uid);
        diag_advise(diag, "see what it is: ss -xlp | grep %s", path);
        return AGENT_E_NO_ANSWER;
}

int agent_connect(const struct options *o, struct agent **ret, struct diag *diag)
{
        struct agent *agent CLEANUP_AGENT = calloc(1, sizeof(*agent));
        const char *path = o->socket ? o->socket : AGENT_SOCKET_DEFAULT;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int r;

        if (!agent)
                return -ENOMEM;
        agent->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (agent->fd < 0)
                return diag_fail(diag, -errno, "cannot make a socket");
        agent->buf = malloc(REPLY_MAX);
        if (!agent->buf)
                return -ENOMEM;
        if (strlen(path) >= sizeof(address.sun_path))
                return diag_fail(diag, -ENAMETOOLONG, "the socket's path is too long");
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        r = dial(agent->fd, &address);
        if (r < 0)
                return no_connection(diag, path, -r);
        r = check_peer(agent->fd, path, diag);
        if (r == 0)
                *ret = TAKE_PTR(agent);
        return r;
}

/* ---- bytes ---- */

/* 0, or AGENT_E_NO_ANSWER when the time is up. */
static int wait_for(const struct agent *agent, short events, uint64_t deadline, struct diag *diag)
{
        struct pollfd p = {.fd = agent->fd, .events = events};
        int r;

        do
                r = poll(&p, 1, deadline == UINT64_MAX ? -1 : clock_left_ms(deadline));
        while (r < 0 && errno == EINTR);
        return r == 0 ? no_answer(diag, "does not answer") : 0;
}

static int write_request(const struct agent_request *q, char *buf, size_t size, size_t *ret_len)
{
        char method[64];
        struct jsonw w;

        (void)snprintf(method, sizeof(method), "org.lukskms.Agent.%s", q->method);
        jsonw_init(&w, buf, size);
        jsonw_object(&w, NULL);
        jsonw_string(&w, "method", method);
        jsonw_object(&w, "parameters");
        if (q->volume)
                jsonw_string(&w, "volume", q->volume);
        if (q->rung)
                jsonw_string(&w, "rung", q->rung);
        if (q->confirm)
                jsonw_bool(&w, "confirm", true);
        jsonw_object_end(&w);
        if (q->more)
                jsonw_bool(&w, "more", true);
        jsonw_object_end(&w);
        return jsonw_end(&w, ret_len);
}

int agent_send(struct agent *agent, const struct agent_request *request, struct diag *diag)
{
        const uint64_t deadline = clock_now_ms() + AGENT_TIMEOUT_MS;
        char buf[REQUEST_MAX];
        size_t len = 0, sent = 0;
        int r = write_request(request, buf, sizeof(buf), &len);

        if (r < 0)
                return diag_fail(diag, r, "cannot write the call");
        len++; /* the NUL */
        while (sent < len) {
                ssize_t n = send(agent->fd, buf + sent, len - sent, MSG_NOSIGNAL);

                if (n >= 0) {
                        sent += (size_t)n;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return no_answer(diag, "hung up");
                r = wait_for(agent, POLLOUT, deadline, diag);
                if (r != 0)
                        return r;
        }
        return 0;
}

/* Until a NUL is there: 0 and the message's length without it. */
static int read_message(struct agent *agent, uint64_t deadline, size_t *ret_len, struct diag *diag)
{
        const char *end;

        json_free(agent->doc);
        agent->doc = NULL;
        agent->len -= agent->taken;
        memmove(agent->buf, agent->buf + agent->taken, agent->len);
        agent->taken = 0;
        while (!(end = memchr(agent->buf, '\0', agent->len))) {
                ssize_t n;
                int r;

                if (agent->len == REPLY_MAX)
                        return no_answer(diag, "says more than it may");
                r = wait_for(agent, POLLIN, deadline, diag);
                if (r != 0)
                        return r;
                n = recv(agent->fd, agent->buf + agent->len, REPLY_MAX - agent->len, 0);
                if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                        return no_answer(diag, "hung up");
                if (n > 0)
                        agent->len += (size_t)n;
        }
        *ret_len = (size_t)(end - agent->buf);
        agent->taken = *ret_len + 1;
        return 0;
}

/* ---- replies ---- */

static int take_error(const struct json_node *root, const char *name, struct diag *diag)
{
        static const struct {
                const char *name, *rule;
                int result;
        } known[] = {
            {"org.lukskms.Agent.NoSuchVolume", "no-such-volume", AGENT_E_NO_VOLUME},
            {"org.lukskms.Agent.PermissionDenied", "permission-denied", AGENT_E_DENIED},
            {"org.lukskms.Agent.Refused", "agent-refused", AGENT_E_REFUSED},
            {"org.lukskms.Agent.InternalError", "agent-error", AGENT_E_ERROR},
        };
        const struct json_node *parameters = json_get(root, "parameters");
        char message[300], next[300];

        (void)agent_text(parameters, "message", message, sizeof(message));
        (void)agent_text(parameters, "next", next, sizeof(next));
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
                if (strcmp(known[i].name, name) != 0)
                        continue;
                (void)diag_refuse(diag, known[i].result, known[i].rule, "%s", message);
                if (next[0])
                        diag_advise(diag, "%s", next);
                return known[i].result;
        }
        (void)diag_refuse(diag, AGENT_E_ERROR, "agent-error",
                          "the agent does not know this call: %s", name);
        diag_advise(diag, "it may be of another version: systemctl restart luks-kms");
        return AGENT_E_ERROR;
}

int agent_hear(struct agent *agent, int timeout_ms, const struct json_node **ret_parameters,
               bool *ret_continues, struct diag *diag)
{
        const uint64_t deadline =
            timeout_ms == AGENT_NO_TIMEOUT ? UINT64_MAX : clock_now_ms() + (uint64_t)timeout_ms;
        const struct json_node *root, *parameters;
        char error[128];
        size_t len = 0;
        int r = read_message(agent, deadline, &len, diag);

        if (r != 0)
                return r;
        r = json_parse(agent->buf, len, &agent->doc, NULL);
        if (r < 0)
                return r;
        root = r == 0 ? json_root(agent->doc) : NULL;
        parameters = json_get(root, "parameters");
        if (json_get(root, "error"))
                return take_error(root, agent_text(root, "error", error, sizeof(error)), diag);
        if (!parameters || json_type(parameters) != JSON_OBJECT)
                return no_answer(diag, "answers out of form");
        *ret_continues = agent_flag(root, "continues");
        *ret_parameters = parameters;
        return 0;
}

int agent_ask(struct agent *agent, const struct agent_request *request,
              const struct json_node **ret_parameters, struct diag *diag)
{
        const struct json_node *parameters;
        bool continues;
        int r = agent_send(agent, request, diag);

        if (r == 0)
                r = agent_hear(agent, AGENT_TIMEOUT_MS, &parameters, &continues, diag);
        if (r != 0)
                return r;
        if (continues)
                return no_answer(diag, "answers out of form");
        *ret_parameters = parameters;
        return 0;
}
