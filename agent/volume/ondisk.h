/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside volume/: the two header copies as they lie on a disk, or in a memory file. */

#include <stdint.h>

#include "base/diag.h"
#include "volume/header.h"

enum { ONDISK_BINARY_SIZE = 4096, ONDISK_AREA_MAX = 4 << 20 };

/* The size of a header area in bytes, from the first copy, or the second where the first is
 * damaged. 0; VOLUME_E_NO_LUKS2 with advice; -errno. */
int ondisk_find_area_size(int fd, const char *device, uint64_t *ret, struct diag *diag);

/* Both copies that libcryptsetup could take must be strict JSON, before its lenient parser sees
 * them. 0; VOLUME_E_RULE (rules header-size, header-checksum, header-json); -errno. */
int ondisk_check(int fd, uint64_t area_size, struct diag *diag);

/* The places of both copies into a memory file. A copy that cannot be read (EIO) is zeros there;
 * the other one must be valid then. 0 or -errno. */
int ondisk_copy(int fd, int memory, uint64_t area_size);

/* What lies in the places of the two copies, the first one's first; one that cannot be read counts
 * as zeros. 0 or -errno. */
int ondisk_look(int fd, uint64_t area_size, struct header_copy ret[2]);
