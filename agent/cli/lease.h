/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The agent's part of `status`: asked once for each volume, by one connection, and left out where
 * no agent listens. */

#include "cli/agent.h"

struct lease_line {
        struct agent *agent; /* NULL: none, or it failed */
        bool absent;         /* nobody listens */
        char trouble[400];   /* why it cannot be told; "" */
};

void lease_begin(struct lease_line *l, const struct options *o);
void lease_end(struct lease_line *l);

/* What the agent says of the volume; NULL with l->trouble, or with l->absent. Valid until the next
 * call. */
const struct json_node *lease_ask(struct lease_line *l, const char *volume);

void lease_print(struct lease_line *l, const char *volume);                  /* a line of text */
void lease_write(struct lease_line *l, const char *volume, struct jsonw *w); /* member "lease" */

#define CLEANUP_LEASE CLEANUP(lease_end)
