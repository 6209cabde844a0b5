/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside volume/: keys of the kernel that are named after a volume. */

#define KEYS_FILE "/proc/keys"

/* Counts the keys, of any type, that libcryptsetup names after this LUKS UUID, in a file in the
 * form of /proc/keys. A kernel without that file proves nothing: -ENOENT. 0 or -errno. */
int keys_count(const char *file, const char *uuid, int *ret);

/* Empties the keyring of the calling thread, into which libcryptsetup has put the volume key for
 * dm-crypt to take it from. That the thread ends is not enough: since Linux 6.9 a mapping's table
 * holds its device as an open file, with the credentials of whoever loaded the table, and so with
 * the keyrings that belong to them. A suspended mapping would keep its key there. */
void keys_drop_own(void);
