/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The memory that both sides of one request map, for its one secret: what goes through a socket
 * stays in buffers that the kernel frees without wiping them. The privileged side makes it and
 * wipes it whatever happens; each reader takes the secret out and leaves zeros. Neither side trusts
 * what it finds there for longer than one read. */

#include "base/secret.h"

struct wire_shared;

/* New memory, sealed against a change of its size: locked, out of cores, not for children.
 * 0 or -errno. */
int wire_shared_new(struct wire_shared **ret);

/* The other side's: maps what came as fd, which is closed with *ret. -EBADMSG if it is anything but
 * memory of the right size that nobody can make shorter, as an access beyond its end would be the
 * end of us; then, and on any failure, fd is still the caller's. */
int wire_shared_open(int fd, struct wire_shared **ret);

int wire_shared_fd(const struct wire_shared *shared);

/* The secret's bytes, at most WIRE_SECRET_MAX, for the other side. -EMSGSIZE if they do not fit. */
int wire_shared_put(struct wire_shared *shared, const struct secret *secret);

/* Copies the first size bytes out and wipes all. -EBADMSG on a size that cannot be; -ENOMEM. */
int wire_shared_take(struct wire_shared *shared, size_t size, struct secret **ret);

void wire_shared_wipe(struct wire_shared *shared);

/* From now on it is the other side's to wipe: wire_shared_free() leaves the bytes. */
void wire_shared_leave(struct wire_shared *shared);

/* Wipes and releases; accepts NULL. */
void wire_shared_free(struct wire_shared *shared);

DEFINE_CLEANUP(struct wire_shared *, wire_shared_free)
#define CLEANUP_SHARED CLEANUP(wire_shared_freep)
