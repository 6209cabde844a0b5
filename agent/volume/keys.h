/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside volume/: keys of the kernel that are named after a volume. */

#define KEYS_FILE "/proc/keys"

/* Counts the keys, of any type, that libcryptsetup names after this LUKS UUID, in a file in the
 * form of /proc/keys. A kernel without that file proves nothing: -ENOENT. 0 or -errno. */
int keys_count(const char *file, const char *uuid, int *ret);
