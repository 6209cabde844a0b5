/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Proof that a volume key has left this machine, as far as the kernel tells: no mapping of this
 * LUKS UUID, under any name, has a crypt target with a key, live or loaded; no key that cryptsetup
 * names after this UUID is in any keyring that root can see (/proc/keys). */

#include "base/diag.h"

struct erasure {
        int proven;
        char table[32];    /* "wiped", "error", "none": of the mapping; "key" if not proven */
        char mappings[64]; /* names of other mappings that still hold the key; "" */
        int keyring_keys;  /* that still name this volume */
};

/* uuid: LUKS UUID with dashes. 0 with *ret (proven or not), or -errno if it cannot be found out,
 * which is no proof. Keys of a process that has just ended are collected by the kernel within a
 * moment: waits up to patience_ms for them. */
int erasure_check(const char *name, const char *uuid, int patience_ms, struct erasure *ret,
                  struct diag *diag);
