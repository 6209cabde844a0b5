/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Cleanup on scope exit and hand-over of ownership. The cleanup attribute is the one GNU
 * extension that the tree uses. Destructors accept NULL, and close_fd() accepts -1. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLEANUP(fn)        __attribute__((cleanup(fn)))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* DEFINE_CLEANUP(struct secret *, secret_free) makes secret_freep() for CLEANUP(). */
#define DEFINE_CLEANUP(type, fn)                                                                   \
        static inline void fn##p(type *p)                                                          \
        {                                                                                          \
                fn(*p);                                                                            \
        }

/* Hands a pointer (or descriptor) over and leaves nothing behind for the destructor. */
#define TAKE_PTR(p) take_ptr_((void **)(void *)&(p))
static inline void *take_ptr_(void **p)
{
        void *taken = *p;
        *p = NULL;
        return taken;
}

static inline int take_fd(int *fd)
{
        int taken = *fd;
        *fd = -1;
        return taken;
}

static inline void close_fd(int fd)
{
        if (fd >= 0) {
                int saved = errno;
                (void)close(fd);
                errno = saved;
        }
}

static inline void close_file(FILE *f)
{
        if (f)
                (void)fclose(f);
}

/* For a pointer of any type. */
static inline void free_ptrp(void *p)
{
        free(*(void **)p);
}

DEFINE_CLEANUP(int, close_fd)
DEFINE_CLEANUP(FILE *, close_file)

#define CLEANUP_FREE CLEANUP(free_ptrp)
#define CLEANUP_FD   CLEANUP(close_fdp)
#define CLEANUP_FILE CLEANUP(close_filep)
