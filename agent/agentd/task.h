/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Work in a child, with its end in the event loop: a volume/child.h for the agent. */

#include "agentd/agent.h"

/* Called once. result: the work's; VOLUME_E_TIMEOUT when it was left; VOLUME_E_DIED when it died.
 * shared is what the work has put there; both are gone after. */
typedef void (*task_done)(struct ward *w, int result, const struct diag *diag, void *shared);

/* Runs work(shared) in a child. shared: size bytes copied into memory that both sides see, so that
 * results come back in it. w->task is set until done is called. 0 or -errno (done is not called).
 */
int task_start(struct ward *w, int (*work)(void *shared, struct diag *diag), const void *shared,
               size_t size, uint64_t timeout_ms, task_done done);

/* Forgets the task: its child goes on, and nobody is told. */
void task_forget(struct ward *w);

/* Children that hung and are gone by now are reaped; called now and then. */
void task_reap(struct agent *a);

/* The agent ends: what still hangs is left to the kernel, and to whoever reaps orphans. */
void task_forget_all(struct agent *a);
