/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One verb on one volume: its config, its worker, and what was said on the way. */

#include "cli/cli.h"
#include "unlock/unlock.h"

struct session {
        const struct options *options;
        struct config *config;
        struct unlock u;
};

/* Loads the config, finds the volume, and starts the KMS worker, which gets ready while the disk is
 * read. Returns an exit code. */
int session_begin(struct session *s, const struct options *o);
void session_end(struct session *s);

/* Reports and returns code. */
int session_fail(struct session *s, int code);

#define CLEANUP_SESSION CLEANUP(session_end)
