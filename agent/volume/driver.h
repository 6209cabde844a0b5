/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

#include "base/diag.h"

/* The kernel's implementation behind an algorithm ("xts(aes)"): of those in /proc/crypto, but the
 * ones internal to others, that of the highest priority, which is the one that dm-crypt gets.
 * path: NULL, or a file in its form. 0 with the driver's name; -ENOENT if the kernel has loaded
 * none; other -errno. */
int driver_find(const char *path, const char *algorithm, char *ret, size_t size);

/* 1 if the driver's name says that it is plain C code (the generic one), which is many times
 * slower. */
int driver_is_generic(const char *driver);
