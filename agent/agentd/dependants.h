/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What stands on a mapping, told to leave by whoever runs it: systemd. Blocks; for children only.
 */

#include "base/diag.h"

/* Asks systemd to stop the mount units of what is mounted from the mapping or from devices on it,
 * topmost first, with all that requires them (RequiresMountsFor=), and waits up to patience_ms.
 * Best effort: where there is no systemd, or it is not done in time, the caller goes on. Returns
 * the number of units that have stopped. */
int dependants_stop(const char *mapping, int patience_ms);

/* The unit that systemd makes for a mount point (systemd-escape --path --suffix=mount).
 * 0 or -ENAMETOOLONG. */
int dependants_mount_unit(const char *path, char *buf, size_t size);

/* Switches the machine off: by systemd, and where there is none, by the kernel after a short sync.
 * 0 if that is under way. */
int machine_poweroff(struct diag *diag);
