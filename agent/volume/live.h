/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside volume/: is the live mapping what was asked for? 0; VOLUME_E_TABLE with what differs;
 * -errno. */

#include "volume/activate.h"
#include "volume/table.h"

/* All of it: geometry, key, flags. */
int live_check(const struct activation *a, struct diag *diag);

/* All that does not depend on flags: what resume checks before it hands over a key. */
int live_check_geometry(const struct activation *a, const struct table *t, struct diag *diag);

/* The path that libcryptsetup opens again must still be the device whose header was judged. */
int live_check_disk(const struct header *h, struct diag *diag);

/* As volume_expect(), and what was found. */
int live_expect(const char *name, enum volume_state state, struct table *ret, struct diag *diag);

/* VOLUME_E_TABLE, in words. */
int live_mismatch(struct diag *diag, const char *what);
