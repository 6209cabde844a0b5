/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A fire drill: the agent takes one volume's next probe for a denial, climbs one rung, and lets the
 * key service bring the volume back, as after a real revocation. Nothing else of the way is
 * pretended: rung, proof, unwrap and restore are real. */

#include "agentd/agent.h"
#include "agentd/control.h"

/* control_ops.drill. */
int drill_begin(struct agent *a, const struct control_drill *wish, struct varlink_call *call,
                struct diag *diag);

/* What the others tell it. */
void drill_probed(const struct agent *a, const struct keystate *k);
void drill_rung_ended(struct ward *w, enum rung_kind kind, enum lease_result result);
void drill_restored(struct ward *w, enum lease_result result);

/* Ends it where it is; a volume that it has taken away comes back with the next grant. */
void drill_forget(struct ward *w);
