/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one type that holds key bytes: whole pages of its own, locked, kept out of core dumps,
 * wiped before they go back. Nothing here prints, and no function copies a secret out.
 *
 * A child that fork(2) makes finds zeros in their place: pages that it shared would go back to the
 * kernel as they are, if the parent wiped (and so copied) its own before the child is gone. */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct secret;

enum { SECRET_MAX = 1 << 20 };

/* Zeroed secret of exactly size bytes (1 to SECRET_MAX).
 * Returns 0; -EINVAL on the size, -ENOMEM. The caller owns *ret. */
int secret_new(size_t size, struct secret **ret);

/* As secret_new(), filled by getrandom(2). */
int secret_random(size_t size, struct secret **ret);

/* Copy of size bytes at data, which the caller goes on owning (and wiping). */
int secret_copy(const void *data, size_t size, struct secret **ret);

/* Wipes and releases; accepts NULL. */
void secret_free(struct secret *s);

uint8_t *secret_data(struct secret *s);
const uint8_t *secret_bytes(const struct secret *s);
size_t secret_size(const struct secret *s);

/* Makes the secret shorter; the bytes cut off are wiped. size must not exceed the present one. */
void secret_truncate(struct secret *s, size_t size);

/* A child that is forked from now on gets a copy of this one, and ends by secret_wipe_all(). The
 * owner frees it only when that child is gone. 0 or -errno. */
int secret_keep_on_fork(const struct secret *s);

/* Wipes all secrets that this process has, its own and those that it was given by fork(2): the last
 * thing that a child does before _exit(). They stay allocated. */
void secret_wipe_all(void);

/* 1 if both have the same size and bytes, else 0; time does not depend on where they differ. */
int secret_equal(const struct secret *a, const struct secret *b);

/* For the process as a whole: no core file, no ptrace by other users, future pages locked as far
 * as RLIMIT_MEMLOCK allows. Returns 0, or -errno of what could not be had. */
int secret_harden_process(void);

DEFINE_CLEANUP(struct secret *, secret_free)
#define CLEANUP_SECRET CLEANUP(secret_freep)
