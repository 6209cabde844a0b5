/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes the audit log in a process of its own: the log may lie on a volume that the agent has
 * suspended itself, and whoever wrote there would wait for a grant that only the agent can notice.
 * Lines go there over a socket; while the scribe is held up they wait in memory, in order. */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "audit/audit.h"

struct scribe;

/* Told of what went wrong, and (r == 0) of the log's last hash now and then. */
typedef void (*scribe_news)(void *arg, int r, const char *words);

/* Starts it: call before descriptors are open that it should not have. lock: a file by which a
 * scribe waits for one that another agent has left with lines to write. 0 or -errno. */
int scribe_new(sd_event *event, const char *path, const char *lock, scribe_news news, void *arg,
               struct scribe **ret);

/* Takes an entry; never waits and never fails. Those that find no room are counted. */
void scribe_write(struct scribe *scribe, const struct audit_entry *entry, int must_last);
uint64_t scribe_lost(const struct scribe *scribe);

/* No more entries: the scribe writes what it has and leaves. Waits for that at most wait_ms.
 * Accepts NULL. */
void scribe_free(struct scribe *scribe, int wait_ms);
