/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes a header from memory to its device so that a power cut at any write leaves either the old
 * header, or the new one, or (first store of a format) a device that format may redo. */

#include "volume/header.h"

/* Opens the device for writing and takes it: exclusively for a new header (nothing may be mounted
 * or mapped on it), shared otherwise, with cryptsetup's own metadata lock.
 * 0; VOLUME_E_BUSY; -errno. */
enum { STORE_NEW = 1, STORE_UPDATE = 0 };
int store_open(const char *device, int how, int *ret_fd, struct diag *diag);

/* First store: everything from the start to the data that is no header block, zeros included, so
 * that old signatures and keyslots go; then the second copy, then the first. */
int store_new(int fd, const struct header *h, struct diag *diag);

/* Update: key material of new keyslots, then the two copies: first the one that a reader would not
 * take, where a power cut left them different. before: the header as it was read; the disk must
 * still hold that, byte by byte (VOLUME_E_BUSY: somebody else changed it), and fd must be the disk
 * that it was read from (VOLUME_E_TABLE). At the end what no keyslot uses of the keyslot area is
 * overwritten. */
int store_update(int fd, const struct header *before, const struct header *h, struct diag *diag);

/* For a change that turns out to be made already: it may be half of one that a power cut ended.
 * Writes the copy again that a reader would not take, if there is one, from h, which is the header
 * as it was read and authenticated; overwrites what no keyslot uses. As store_update() otherwise.
 */
int store_complete(int fd, struct header *h, struct diag *diag);
