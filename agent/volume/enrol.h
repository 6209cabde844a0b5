/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Making and changing headers, always on a copy in memory: what comes out is proven there, and
 * only then written to the device by volume/store.h. */

#include "volume/header.h"

enum { ENROL_KDF_ITERATIONS = 1000 };

/* A recipient to be: the token's keyslot and mac are set here, all else by the caller. */
struct enrolment {
        const struct secret *secret; /* keyslot secret, TOKEN_SECRET_SIZE */
        struct token *token;
};

/* A new header for device with a fresh random volume key, one keyslot and its token; *ret is
 * writable and has passed all rules, MAC and keyslot check.
 * 0; VOLUME_E_TOO_SMALL; -errno. */
int enrol_new(const char *device, const char *uuid, uint32_t sector_size, struct enrolment *e,
              struct header **ret, struct diag *diag);

/* Adds a keyslot and its token to a writable header, with passphrase opening keyslot (no other one
 * is tried), proves it, and reads the rules again. 0; VOLUME_E_KEYSLOT; VOLUME_E_RULE; -ENOSPC (no
 * room in the header); other -errno. */
int enrol_add(struct header *h, int keyslot, const struct secret *passphrase, struct enrolment *e,
              struct diag *diag);

/* Takes token and keyslot out of the copy. The key material's area is wiped in the copy as well. */
int enrol_remove(struct header *h, int token_id, struct diag *diag);
