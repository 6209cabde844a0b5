/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Taking a mapping away, by libdevmapper alone: no header is read, so that a damaged or hostile
 * disk cannot stand in the way. All of them refuse mappings that are not LUKS2's of this name
 * (VOLUME_E_FOREIGN) and names that are not there (VOLUME_E_INACTIVE). */

#include "base/diag.h"
#include "volume/header.h"

/* Freezes the file system, flushes, blocks new I/O, wipes the key from the kernel, drops a table
 * that is not live yet, which may hold one too, and checks that the tables say so. VOLUME_E_TABLE
 * for a mapping of several targets. 0 also when it already was so. The freeze can hang on broken
 * storage: after timeout_ms the answer is VOLUME_E_TIMEOUT while the kernel goes on. */
int volume_suspend(const char *name, int timeout_ms, struct diag *diag);

/* Removes the mapping. VOLUME_E_BUSY while it is in use. */
int volume_close(const char *name, struct diag *diag);

/* Swaps in an error table without flush and without file-system freeze, and drops a table that is
 * not live yet. Unwritten data are lost; the key is wiped; users see I/O errors. The mapping itself
 * goes at its last close (deferred removal). Works on a suspended mapping too. The kernel waits for
 * I/O that the storage holds: after timeout_ms the answer is VOLUME_E_TIMEOUT. */
int volume_kill(const char *name, int timeout_ms, struct diag *diag);
