/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent never waits: what may block runs in a child, whose end or whose time limit is an event.
 * A child that hangs in the kernel is left alone, and reaped whenever it gets out. */

#include "agentd/task.h"

#include <sys/mman.h>

#include "volume/child.h"
#include "volume/header.h"

struct task {
        struct ward *ward; /* NULL: nobody waits for it any more */
        struct child child;
        void *shared;
        size_t size;
        task_done done;
        sd_event_source *io, *timer;
        struct task *next; /* among the hung ones */
};

static void task_free(struct task *t)
{
        sd_event_source_disable_unref(t->io);
        sd_event_source_disable_unref(t->timer);
        if (t->shared)
                (void)munmap(t->shared, t->size);
        free(t);
}

/* Before the descriptor is closed: other children have copies of it, and what is closed first stays
 * in the loop's epoll with them, and wakes a source that is gone. */
static void stop_listening(struct task *t)
{
        t->io = sd_event_source_disable_unref(t->io);
        t->timer = sd_event_source_disable_unref(t->timer);
}

/* Tells whoever waits, once; the task may be gone after, and another begun. */
static void end(struct task *t, int result, const struct diag *diag, bool gone)
{
        struct ward *w = t->ward;
        struct agent *a = w->agent;

        t->ward = NULL;
        w->task = NULL;
        t->done(w, result, diag, t->shared);
        if (gone) {
                task_free(t);
                return;
        }
        t->next = a->hung;
        a->hung = t;
}

static int on_end(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct task *t = userdata;
        struct diag diag = DIAG_INIT;

        (void)source;
        (void)fd;
        (void)revents;
        stop_listening(t);
        end(t, child_finish(&t->child, &diag), &diag, true);
        return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct task *t = userdata;
        struct diag diag = DIAG_INIT;

        (void)source;
        (void)usec;
        (void)diag_refuse(&diag, 0, "timeout", "the kernel did not finish in time");
        stop_listening(t);
        end(t, VOLUME_E_TIMEOUT, &diag, child_abandon(&t->child) != 0);
        return 0;
}

int task_start(struct ward *w, int (*work)(void *shared, struct diag *diag), const void *shared,
               size_t size, uint64_t timeout_ms, task_done done)
{
        sd_event *event = w->agent->event;
        struct task *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        t->ward = w;
        t->size = size;
        t->done = done;
        t->shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (t->shared == MAP_FAILED) {
                t->shared = NULL;
                task_free(t);
                return -ENOMEM;
        }
        memcpy(t->shared, shared, size);
        r = child_start(work, t->shared, &t->child);
        if (r < 0) {
                task_free(t);
                return r;
        }
        r = sd_event_add_io(event, &t->io, t->child.fd, EPOLLIN, on_end, t);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &t->timer, CLOCK_BOOTTIME, timeout_ms * 1000,
                                               1000, on_time, t);
        if (r < 0) {
                stop_listening(t);
                (void)child_abandon(&t->child);
                task_free(t);
                return r;
        }
        w->task = t;
        return 0;
}

void task_forget(struct ward *w)
{
        struct task *t = w->task;

        if (!t)
                return;
        w->task = NULL;
        t->ward = NULL;
        stop_listening(t);
        close_fd(take_fd(&t->child.fd));
        t->next = w->agent->hung;
        w->agent->hung = t;
}

void task_reap(struct agent *a)
{
        for (struct task **p = &a->hung; *p;) {
                struct task *t = *p;

                if (child_gone(&t->child)) {
                        *p = t->next;
                        task_free(t);
                } else {
                        p = &t->next;
                }
        }
}

void task_forget_all(struct agent *a)
{
        while (a->hung) {
                struct task *t = a->hung;

                a->hung = t->next;
                task_free(t);
        }
}
