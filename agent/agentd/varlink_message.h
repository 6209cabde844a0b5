/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One varlink call as it came from a client, without its NUL: what it asks for, nothing done yet.
 * Pure, so that a fuzzer can have it. */

#include "base/json.h"

struct varlink_message {
        struct json_doc *doc;
        char name[192];                     /* "org.lukskms.Agent.Status" */
        char interface[192];                /* "org.lukskms.Agent"; "" if the name has no dot */
        char method[64];                    /* "Status" */
        const struct json_node *parameters; /* an object, or NULL */
        bool oneway, more, upgrade;
};

enum { VARLINK_E_MESSAGE = 1 };

/* text must outlive *ret, which varlink_message_done() releases (also an empty one).
 * 0; VARLINK_E_MESSAGE with the reason in diag; -ENOMEM. */
int varlink_message_parse(const char *text, size_t len, struct varlink_message *ret,
                          struct diag *diag);
void varlink_message_done(struct varlink_message *message);

#define CLEANUP_MESSAGE CLEANUP(varlink_message_done)
