/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* INI text as systemd and the AWS shared-credentials file write it: [Section], Key=value, comments
 * that begin with '#' or ';' at the start of a line, a backslash at a line's end to go on. */

#include <stddef.h>

#include "base/diag.h"

enum { INI_E_SYNTAX = 1 };

struct ini_entry {
        const char *file;    /* for messages */
        unsigned int line;   /* 1.. */
        const char *section; /* "" before the first header */
        const char *key;     /* NULL: the section's header itself */
        const char *value;   /* trimmed; may be empty */
};

/* Called for each header and entry, in order. A non-zero result ends the reading and is returned.
 */
typedef int (*ini_fn)(const struct ini_entry *entry, void *userdata, struct diag *diag);

/* Parses the NUL-terminated text, which it modifies (so that it may live in a secret).
 * Returns 0, INI_E_SYNTAX with file, line and what was expected in diag, or fn's result. */
int ini_parse(char *text, const char *file, ini_fn fn, void *userdata, struct diag *diag);
