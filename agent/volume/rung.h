/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the rungs of a ladder do to a mapping, each fit to be the work of a child (volume/child.h):
 * they may block, and then the child is left to the kernel. By libdevmapper alone: no header is
 * read (erase excepted), so that a damaged or hostile disk cannot stand in the way. Each refuses a
 * mapping that is not LUKS2's of this UUID and name (VOLUME_E_FOREIGN). */

#include <stdint.h>

#include "volume/erasure.h"
#include "volume/header.h"

/* Suspends without freezing the file system, and wipes the key. Frozen file systems are not needed
 * for I/O to wait and go on later; a freeze can hang with the mapping's lock held, and then nothing
 * else could be done to it. So that little is lost if the ladder goes on to kill, file systems on
 * the mapping (also over LVM) are synced first, for sync_ms at most.
 * 0 also if it was suspended and wiped already. */
int rung_suspend(const char *name, const char *uuid, int sync_ms, struct diag *diag);

/* Unmounts what is mounted from the mapping or from what stands on it (top down), takes device-
 * mapper devices on top away, and removes the mapping; what cannot be removed now goes at its last
 * close (deferred): then VOLUME_E_BUSY, and the key is still there. Units of systemd are stopped by
 * the caller before. A suspended mapping cannot be unmounted without hanging: its table is replaced
 * first as rung_kill() does. */
int rung_close(const char *name, const char *uuid, struct diag *diag);

/* volume_kill() with the UUID compared (NULL: any). While storage holds I/O, the work goes on in a
 * process of its own when the caller is abandoned: no new I/O gets through meanwhile, and the key
 * is wiped the moment the storage answers. Calling again joins that work. */
int rung_kill(const char *name, const char *uuid, struct diag *diag);

/* Overwrites the key material of all keyslots on device, whose header must have this UUID, and
 * proves by reading back from the disk that it is gone. Irreversible. The header itself stays, so
 * that people can see what the device was. The device may be in use. 0; VOLUME_E_FOREIGN (another
 * volume); VOLUME_E_TABLE (something else was read back); as header_read() and store_open(). */
int rung_erase(const char *device, const char *uuid, struct diag *diag);

/* ---- what there is ---- */

/* A live LUKS2 mapping of this machine. */
struct mapping {
        char name[128];
        char uuid[37]; /* LUKS UUID with dashes, from the DM UUID */
        unsigned int data_major, data_minor;
        unsigned int major, minor;
        int suspended; /* and its key wiped */
        int dead;      /* an error table in place of crypt */
};

/* All of them; *ret (count of them) is the caller's to free. 0 or -errno. */
int mapping_list(struct mapping **ret, size_t *ret_count, struct diag *diag);

/* Block devices that stand on a device, directly or not, topmost first (sysfs holders); with where
 * they are mounted (/proc/self/mountinfo), the newest mount first; and at the end the device itself
 * if it is mounted. *ret is the caller's to free. */
struct dependant {
        unsigned int major, minor;
        char name[128];  /* kernel's or device mapper's name */
        char mount[256]; /* "" where it is not mounted; one entry for each mount */
        int is_dm;       /* name is the device mapper's */
        int covered;     /* mount leads to what was mounted over it, or is too long ("?") */
};
int dependant_list(unsigned int major, unsigned int minor, struct dependant **ret,
                   size_t *ret_count, struct diag *diag);
