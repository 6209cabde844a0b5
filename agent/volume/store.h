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

/* Update: key material of new keyslots, then the second copy, then the first. before: the header as
 * it was read; the disk must still hold that (VOLUME_E_BUSY: somebody else changed it). Key
 * material of keyslots that are gone is overwritten at the end. */
int store_update(int fd, const struct header *before, const struct header *h, struct diag *diag);
