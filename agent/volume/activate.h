/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From a passphrase and the sealed header to a live dm-crypt mapping, and back from suspend. Both
 * run in a short-lived child: libcryptsetup leaves volume keys in the keyring of the thread that
 * activates (cryptsetup 2.8.7 release notes), and that thread is gone when these return. */

#include "volume/header.h"

struct activation {
        const struct header *header;
        const char *name; /* of the mapping: 1 to 127 of [A-Za-z0-9_.-] */
        int keyslot;
        const struct secret *passphrase; /* kept on fork, as header_authenticate() gives it */
        int no_read_workqueue, no_write_workqueue, discards;
        int timeout_ms;
};

/* 1 if name can be a mapping's. */
int volume_name_valid(const char *name);

/* Is the mapping as the verb needs it, before a KMS is asked for anything?
 * 0; VOLUME_E_BUSY (open already), VOLUME_E_INACTIVE (not suspended, not open); -errno. */
enum volume_state { VOLUME_CLOSED, VOLUME_SUSPENDED };
int volume_expect(const char *name, enum volume_state state, struct diag *diag);

/* Opens the mapping, compares the live table with the header and the flags asked for, and takes
 * the mapping away again if they differ.
 * 0; VOLUME_E_KEYSLOT, VOLUME_E_BUSY (name or device in use), VOLUME_E_TABLE, VOLUME_E_TIMEOUT,
 * VOLUME_E_DIED; -errno. The caller sees to it that nobody else opens a mapping of the name
 * meanwhile: after the last two whatever has the name is killed. */
int volume_activate(const struct activation *a, struct diag *diag);

/* Gives a suspended mapping its key back and lets I/O go on; the mapping's UUID, device, offset
 * and cipher must be the header's (VOLUME_E_FOREIGN, VOLUME_E_TABLE). Not suspended:
 * VOLUME_E_INACTIVE. */
int volume_resume(const struct activation *a, struct diag *diag);

/* The bodies of the two, for child_start(), with an activation as argument: all checks of
 * volume_activate() and volume_resume() are in them. In this process they would leave the key in a
 * keyring. The passphrase is to be kept until the child is gone (secret_keep_on_fork()). */
int activation_run(void *activation, struct diag *diag);
int resumption_run(void *activation, struct diag *diag);

/* What must follow, as another child's work, when such a child was abandoned, or died (-EIO):
 * nobody has looked at what it left. An activation's mapping is killed (whoever opened it: to be
 * called only where volume_expect() found the name free before), a resumed one is suspended again.
 * 0 also if there is nothing left to undo. */
int activation_undo(void *activation, struct diag *diag);
int resumption_undo(void *activation, struct diag *diag);

/* The volume key behind a keyslot; *ret is the caller's. 0; VOLUME_E_KEYSLOT; -errno. */
int volume_unlock_keyslot(const struct header *h, int keyslot, const struct secret *passphrase,
                          struct secret **ret, struct diag *diag);

/* Does the passphrase open the keyslot, and is the key this volume's? Nothing is activated.
 * 0; VOLUME_E_KEYSLOT; -errno. */
int volume_check_passphrase(const struct header *h, int keyslot, const struct secret *passphrase,
                            struct diag *diag);
