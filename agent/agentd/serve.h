/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The control socket of the agent: what control.h asks for, out of the agent's state. */

#include "agentd/agent.h"
#include "agentd/report.h"

/* Makes run_dir/control and serves it: for root, and for ReadGroup= if config has one. 0 or -errno.
 */
int serve_begin(struct agent *a, struct diag *diag);
void serve_end(struct agent *a);

/* The last receipt of a volume that has one. Points into the ward. */
void serve_receipt(const struct ward *w, struct report_receipt *ret);
