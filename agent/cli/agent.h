/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A small varlink client for the command: one call at a time to the agent, org.lukskms.Agent, which
 * must be root's process (or the caller's own). Blocking, with a deadline. */

#include "cli/cli.h"

#define AGENT_SOCKET_DEFAULT "/run/luks-kms/control"

enum { AGENT_TIMEOUT_MS = 5000, AGENT_NO_TIMEOUT = -1 };
enum {
        AGENT_E_NOT_RUNNING = 1, /* nobody listens */
        AGENT_E_NO_ANSWER,       /* late, gone, or out of form */
        AGENT_E_ERROR,           /* an error of varlink's or of the agent itself */
        AGENT_E_NO_VOLUME,
        AGENT_E_REFUSED, /* not possible as things stand */
        AGENT_E_DENIED,  /* only root may */
};

struct agent;

/* What a call says; NULL and false are left out. */
struct agent_request {
        const char *method; /* "Status" */
        const char *volume, *rung;
        bool confirm, more;
};

/* All return 0, one of the above, or -errno, with words and advice in diag. */
int agent_connect(const struct options *o, struct agent **ret, struct diag *diag);
void agent_free(struct agent *agent); /* accepts NULL */
int agent_send(struct agent *agent, const struct agent_request *request, struct diag *diag);

/* The next reply's parameters, valid until the next call of any of these; whether more follow. */
int agent_hear(struct agent *agent, int timeout_ms, const struct json_node **ret_parameters,
               bool *ret_continues, struct diag *diag);

/* Send, and hear the one reply, within AGENT_TIMEOUT_MS. */
int agent_ask(struct agent *agent, const struct agent_request *request,
              const struct json_node **ret_parameters, struct diag *diag);

int exit_of_agent(int r);

/* A member's text, fit for a terminal, in buf; "" if it is not there. Returns buf. */
const char *agent_text(const struct json_node *object, const char *name, char *buf, size_t size);
const char *agent_string(const struct json_node *node, char *buf, size_t size); /* an element's */
uint64_t agent_number(const struct json_node *object, const char *name);        /* 0 if not there */
bool agent_flag(const struct json_node *object, const char *name);

/* Copies a value, as it is, or the members of an object into the one that is open. */
void agent_copy(struct jsonw *w, const char *key, const struct json_node *node);
void agent_copy_members(struct jsonw *w, const struct json_node *object);

/* With --json: an object with verb, volume, outcome "ok" (or with the exit status that is not 0,
 * "refused"), and the members of parameters. */
void agent_print_json(const struct options *o, int code, const struct json_node *parameters);

DEFINE_CLEANUP(struct agent *, agent_free)
#define CLEANUP_AGENT CLEANUP(agent_freep)
