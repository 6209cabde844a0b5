/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The header of a volume, read in a child, and what follows from it: which keys guard the volume,
 * and, where a mapping was found, that it is looked after from now on. */

#include "agentd/agent.h"
#include "volume/rung.h"

/* Begins to read the header of the ward's device; m: its mapping, or NULL. Not while the ward has a
 * task, nor too soon after the last time. */
void look_at(struct ward *w, const struct mapping *m);

/* No header is known any more, and no key guards the ward. */
void look_forget_keys(struct ward *w);

/* ---- adopt.c ---- */
/* A mapping was found (or, NULL, none is there) of a ward whose keys are known. */
void look_announce(struct ward *w, const struct mapping *m);

/* The ward's mapping among all: by its name, or by the device below it. NULL. */
const struct mapping *look_find(const struct mapping *all, size_t count, const struct ward *w);
