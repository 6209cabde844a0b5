/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Block devices: what kind one is, and whether it bears somebody's data. */

#include <stdint.h>

#include "base/diag.h"

struct device_kind {
        int rotational; /* a spinning disk, as the kernel says (queue/rotational); 0 for flash */
        uint64_t size;  /* bytes */
};

/* By libudev from the kernel's own attributes; works without udevd. For a plain file: its size.
 * 0 or -errno with words in diag. */
int device_describe(const char *path, struct device_kind *ret, struct diag *diag);

/* The type of the first signature on the device ("ext4", "crypto_LUKS", "gpt"), "" if there is
 * none. 0 or -errno; -EUCLEAN if libblkid finds several that contradict each other. */
int signature_find(const char *path, char *ret_type, size_t size, struct diag *diag);

/* Removes all signatures through fd, open for writing, so that none of an old use comes back to
 * life. 0 or -errno. */
int signature_wipe(int fd);
