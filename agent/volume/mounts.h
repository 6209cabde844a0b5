/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside volume/: mountinfo(5). */

#include "base/diag.h"

struct mount {
        unsigned int major, minor;
        const char *path, *source;
};

struct mounts {
        char *text;
        struct mount *list; /* oldest first */
        size_t count;
};

/* From a file in mountinfo's form. 0 and *ret, to be freed; -EBADMSG; other -errno. */
int mounts_read(const char *file, struct mounts *ret);
void mounts_free(struct mounts *m);

/* Is the file system on this block device? */
int mount_is_of(const struct mount *m, unsigned int major, unsigned int minor);

/* Does the path of mount i lead to a newer one? */
int mounts_covered(const struct mounts *m, size_t i);

#define CLEANUP_MOUNTS CLEANUP(mounts_free)
