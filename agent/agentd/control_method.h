/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What control.c (orders, and the table of methods) and control_list.c (what is read) share. */

#include "agentd/control.h"

struct control {
        const struct control_ops *ops;
        void *agent;
        struct varlink_server *server;
};

struct control_parameters {
        char volume[64], rung[16];
        bool has_volume, confirm;
};

/* What a method takes. */
enum { TAKES_VOLUME = 1, NEEDS_VOLUME = 2, TAKES_DRILL = 4 };

/* True, or the call has its error. */
bool control_take(struct varlink_call *call, const struct json_node *parameters, int takes,
                  struct control_parameters *ret);

/* The agent's refusal as an error. Negative is passed on, for InternalError. */
int control_refuse(struct varlink_call *call, int r, const char *volume, const struct diag *diag);

int control_status(struct varlink_call *call, const struct json_node *parameters, void *userdata);
int control_why(struct varlink_call *call, const struct json_node *parameters, void *userdata);
int control_receipts(struct varlink_call *call, const struct json_node *parameters, void *userdata);
