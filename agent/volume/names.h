/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside volume/: the names of all device-mapper devices. */

#include "base/diag.h"
#include "volume/dm.h"

/* *ret_first (NULL if there is none) lives as long as *ret, which is the caller's. 0 or -errno. */
int names_list(struct dm_task **ret, struct dm_names **ret_first, struct diag *diag);
struct dm_names *names_next(struct dm_names *n);
