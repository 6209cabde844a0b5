/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory for key bytes. Each secret has pages of its own between two guard pages, so that locking,
 * wiping and unmapping touch nothing else and an overrun on a neighbour faults. A secret that
 * cannot be locked is not handed out. */

#include "base/secret.h"

#include <assert.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>

struct secret {
        uint8_t *data;
        size_t size;
        size_t room; /* whole pages at data */
        struct secret *next, *previous;
};

/* All that there are, so that a child can wipe what it holds without knowing who owns it. */
static struct {
        pthread_mutex_t lock;
        struct secret *first;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void enlist(struct secret *s)
{
        (void)pthread_mutex_lock(&all.lock);
        s->previous = NULL;
        s->next = all.first;
        if (s->next)
                s->next->previous = s;
        all.first = s;
        (void)pthread_mutex_unlock(&all.lock);
}

static void delist(struct secret *s)
{
        (void)pthread_mutex_lock(&all.lock);
        if (s->next)
                s->next->previous = s->previous;
        if (s->previous)
                s->previous->next = s->next;
        else
                all.first = s->next;
        (void)pthread_mutex_unlock(&all.lock);
}

static size_t page_size(void)
{
        return (size_t)sysconf(_SC_PAGESIZE);
}

/* Maps room bytes, locked and kept out of cores and children, between two pages that no access
 * survives. */
static uint8_t *map_pages(size_t room)
{
        size_t page = page_size();
        uint8_t *whole = mmap(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (whole == MAP_FAILED)
                return NULL;
        if (mprotect(whole + page, room, PROT_READ | PROT_WRITE) < 0 ||
            madvise(whole + page, room, MADV_DONTDUMP) < 0 ||
            madvise(whole + page, room, MADV_WIPEONFORK) < 0 || mlock(whole + page, room) < 0) {
                (void)munmap(whole, room + 2 * page);
                return NULL;
        }
        return whole + page;
}

int secret_new(size_t size, struct secret **ret)
{
        size_t page = page_size();
        struct secret *s;

        if (size == 0 || size > SECRET_MAX)
                return -EINVAL;
        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->size = size;
        s->room = (size + page - 1) / page * page;
        s->data = map_pages(s->room);
        if (!s->data) {
                free(s);
                return -ENOMEM;
        }
        enlist(s);
        *ret = s;
        return 0;
}

int secret_random(size_t size, struct secret **ret)
{
        CLEANUP_SECRET struct secret *s = NULL;
        int r = secret_new(size, &s);

        if (r < 0)
                return r;
        for (size_t filled = 0; filled < size;) {
                ssize_t n = getrandom(s->data + filled, size - filled, 0);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        filled += (size_t)n;
        }
        *ret = TAKE_PTR(s);
        return 0;
}

int secret_copy(const void *data, size_t size, struct secret **ret)
{
        int r = secret_new(size, ret);

        if (r == 0)
                memcpy((*ret)->data, data, size);
        return r;
}

void secret_free(struct secret *s)
{
        size_t page = page_size();

        if (!s)
                return;
        delist(s);
        explicit_bzero(s->data, s->room);
        (void)munmap(s->data - page, s->room + 2 * page);
        free(s);
}

uint8_t *secret_data(struct secret *s)
{
        return s->data;
}

const uint8_t *secret_bytes(const struct secret *s)
{
        return s->data;
}

size_t secret_size(const struct secret *s)
{
        return s->size;
}

void secret_truncate(struct secret *s, size_t size)
{
        assert(size <= s->size);
        explicit_bzero(s->data + size, s->size - size);
        s->size = size;
}

int secret_keep_on_fork(const struct secret *s)
{
        return madvise(s->data, s->room, MADV_KEEPONFORK) < 0 ? -errno : 0;
}

/* Without the lock: a child has one thread, and the lock may have been another's at the fork. */
void secret_wipe_all(void)
{
        for (struct secret *s = all.first; s; s = s->next)
                explicit_bzero(s->data, s->room);
}

int secret_equal(const struct secret *a, const struct secret *b)
{
        volatile uint8_t differ = 0;

        if (a->size != b->size)
                return 0;
        for (size_t i = 0; i < a->size; i++)
                differ = (uint8_t)(differ | (a->data[i] ^ b->data[i]));
        return differ == 0;
}

/* Future mappings are locked only where no limit can make them fail half-way. */
static int lock_future_pages(void)
{
        struct rlimit limit = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};

        if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0) {
                if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
                        return -errno;
                limit.rlim_cur = limit.rlim_max;
                if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0)
                        return -errno;
                if (limit.rlim_max != RLIM_INFINITY)
                        return 0;
        }
        return mlockall(MCL_FUTURE | MCL_ONFAULT) < 0 ? -errno : 0;
}

int secret_harden_process(void)
{
        struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
        int r = 0;

        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                r = -errno;
        if (setrlimit(RLIMIT_CORE, &none) < 0 && r == 0)
                r = -errno;
        if (r == 0)
                r = lock_future_pages();
        return r;
}
