/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside audit/: what whoever writes the chain and whoever checks it agree on. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/audit.h"

/* A torn piece may be longer than a line: a line that was torn while it told of another one. */
enum { AUDIT_LINE_MAX = 16384, AUDIT_TORN_MAX = 4 * AUDIT_LINE_MAX };

struct audit_line {
        uint64_t seq;
        char prev[AUDIT_HASH_TEXT];
        bool torn;                   /* says that what stands before it is torn ... */
        char after[AUDIT_HASH_TEXT]; /* ... and which line was the last whole one */
};

/* One line without its newline. False: it is none of ours. */
bool audit_line_read(const char *text, size_t len, struct audit_line *ret);

/* SHA-256 in lower-case hex. 0 or -EIO. */
int audit_hash(const void *data, size_t len, char ret[AUDIT_HASH_TEXT]);

/* How the chain goes on. */
struct audit_chain {
        uint64_t seq;               /* of the last whole line; 0: there is none */
        char last[AUDIT_HASH_TEXT]; /* hash of it */
        char torn[AUDIT_HASH_TEXT]; /* of what stands behind it; "" if nothing does */
        uint64_t torn_bytes;
        bool unended; /* the file does not end in a newline */
};

/* From the file behind fd. 0; -ENODATA (it is empty; *chain is untouched); AUDIT_E_BROKEN (it has
 * an end, and no line in it); -errno. */
int audit_chain_take(struct audit_chain *chain, int fd, const char *path, struct diag *diag);
