/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside volume/: the steps that suspend, close and kill are made of, for the command
 * (teardown.h) and for the rungs (rung.h). All block for as long as the kernel does. */

#include "volume/table.h"

/* The mapping's table if it is a LUKS2 mapping of this name, and of this UUID unless that is NULL.
 * 0; VOLUME_E_INACTIVE; VOLUME_E_FOREIGN; -errno. */
int mapping_find(const char *name, const char *uuid, struct table *ret, struct diag *diag);

/* Blocks new I/O, wipes the key, and checks that the table says so. freeze: the file system is
 * frozen and flushed before, which can hang. 0; VOLUME_E_TABLE; as mapping_find(). */
enum { MAPPING_NO_FREEZE = 0, MAPPING_FREEZE = 1 };
int mapping_suspend(const char *name, int freeze, struct diag *diag);

/* Puts an error table in place of whatever is live or loaded, without flush and freeze, has the
 * mapping removed at its last close, and checks. In a process of its own, that goes on when the
 * caller is killed: while storage holds I/O the kernel waits, lets no new I/O through meanwhile,
 * and would stop doing both with that process. A second call waits for the first. 0 also if the
 * mapping goes away meanwhile. */
int mapping_kill(const char *name, const char *uuid, struct diag *diag);

/* Removes a device-mapper device; retries while udev looks at it. -EBUSY if it is in use. */
int mapping_remove(const char *name);

/* Has it removed at its last close, which may be now. */
int mapping_remove_later(const char *name);
