/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An agent that guards the volume "data" and is not there: what the interface and the command say
 * of it is known beforehand. */

#include "agentd/control.h"

extern const struct control_ops fake_ops;

/* What it was told to do, and, for a drill that goes on, whose answer is awaited. */
struct fake_agent {
        unsigned int probes, reloads, drills;
        bool fails, refuses;
        bool manual; /* a confirmed drill is left to the test */
        struct varlink_call *call;
        bool gone;
};

/* The volume, with its key and two events. */
extern const struct report_volume fake_volume;
extern const struct metrics fake_metrics;
extern const struct report_drill fake_drill_report;
