/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's side and the scribe's own. Neither trusts the other less than itself: they are one
 * program; what is bounded here is bounded so that no line is cut in silence. */

#include "agentd/scribe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fdio.h"

enum {
        RECORD_MAX = 8192,
        QUEUE_MAX = 512, /* records: some minutes of a machine with many volumes */
        HEAD_EVERY = 256,
        WORDS_MAX = 400,
        RETRY_MS = 1000,
};

struct numbers {
        uint64_t time_us;
        int64_t duration_ms;
        int keyring_keys, must_last;
};

struct record {
        struct record *next;
        size_t len;
        char data[];
};

struct report {
        int result;
        char words[WORDS_MAX];
};

struct scribe {
        sd_event *event;
        char *path, *lock;
        uint64_t retry_ms; /* a successor of one that has died: not before */
        int fd;
        pid_t pid;
        sd_event_source *io;
        struct record *first, **last;
        size_t queued;
        uint64_t lost;
        scribe_news news;
        void *arg;
};

/* The strings of an entry, in the order in which they travel. */
static size_t strings_of(struct audit_entry *e, const char **ret[])
{
        const char **const all[] = {&e->event, &e->volume,  &e->uuid,    &e->key,        &e->role,
                                    &e->use,   &e->verdict, &e->code,    &e->request_id, &e->state,
                                    &e->rung,  &e->outcome, &e->message, &e->table};

        memcpy(ret, all, sizeof(all));
        return sizeof(all) / sizeof(all[0]);
}
enum { STRINGS_MAX = 16 };

/* ---- the scribe's side ---- */

static int unpack(const char *data, size_t len, struct audit_entry *ret, int *ret_must_last)
{
        struct audit_entry e = AUDIT_ENTRY_INIT;
        const char **strings[STRINGS_MAX];
        const size_t count = strings_of(&e, strings);
        struct numbers n;
        size_t at = sizeof(n);

        if (len < sizeof(n))
                return -EBADMSG;
        memcpy(&n, data, sizeof(n));
        for (size_t i = 0; i < count; i++) {
                const char *end = at < len ? memchr(data + at, '\0', len - at) : NULL;

                if (!end)
                        return -EBADMSG;
                *strings[i] = data + at;
                at = (size_t)(end - data) + 1;
        }
        e.time_us = n.time_us;
        e.duration_ms = n.duration_ms;
        e.keyring_keys = n.keyring_keys;
        *ret = e;
        *ret_must_last = n.must_last;
        return 0;
}

static void tell_back(int fd, int result, const char *words)
{
        struct report report = {.result = result};

        (void)snprintf(report.words, sizeof(report.words), "%s", words);
        (void)send(fd, &report, sizeof(report), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int write_one(struct audit **audit, const char *path, const char *data, size_t len,
                     struct diag *diag)
{
        struct audit_entry entry;
        int must_last, r = unpack(data, len, &entry, &must_last);

        if (r == 0 && !*audit)
                r = audit_open(path, audit, diag);
        if (r == 0)
                r = audit_write(*audit, &entry, must_last);
        if (r < 0 && !diag->message[0])
                (void)diag_fail(diag, r, "cannot write %s", path);
        return r;
}

/* The agent has closed its end without reading what it was told last: that is said once, before the
 * lines that are still there. */
static bool goes_on(ssize_t n)
{
        return n > 0 || (n < 0 && (errno == EINTR || errno == ECONNRESET));
}

/* Ends with the socket: what has come by then is written. */
static void serve(int fd, const char *path, const char *lock)
{
        struct audit *audit = NULL;
        char data[RECORD_MAX];
        unsigned long lines = 0;
        int held CLEANUP_FD = -1;
        ssize_t n;

        (void)file_lock(lock, true, &held);

        while (goes_on(n = recv(fd, data, sizeof(data), 0))) {
                struct diag diag = DIAG_INIT;
                int r = n > 0 ? write_one(&audit, path, data, (size_t)n, &diag) : 0;

                if (r != 0)
                        tell_back(fd, r, diag.message);
                else if (n > 0 && lines++ % HEAD_EVERY == 0)
                        tell_back(fd, 0, audit_last(audit));
        }
        audit_close(audit);
}

/* ---- the agent's side ---- */

static void pack(const struct audit_entry *entry, int must_last, char *data, size_t *ret_len)
{
        struct audit_entry e = *entry;
        const char **strings[STRINGS_MAX];
        const size_t count = strings_of(&e, strings);
        const struct numbers n = {.time_us = e.time_us ? e.time_us : clock_wall_us(),
                                  .duration_ms = e.duration_ms,
                                  .keyring_keys = e.keyring_keys,
                                  .must_last = must_last};
        size_t at = sizeof(n);

        memcpy(data, &n, sizeof(n));
        for (size_t i = 0; i < count; i++) {
                const char *text = *strings[i] ? *strings[i] : "";
                const size_t room = RECORD_MAX - at - (count - i), len = strnlen(text, room);

                memcpy(data + at, text, len);
                data[at + len] = '\0';
                at += len + 1;
        }
        *ret_len = at;
}

/* Sends what waits, in order, as far as there is room. */
static void flush(struct scribe *s)
{
        while (s->first) {
                struct record *r = s->first;

                if (send(s->fd, r->data, r->len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                        break; /* held up, or gone: then its successor gets it */
                s->first = r->next;
                s->queued--;
                free(r);
        }
        if (!s->first)
                s->last = &s->first;
        if (s->io)
                (void)sd_event_source_set_io_events(s->io, s->first ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int begin(struct scribe *s);

/* One that has died is replaced, though not over and over. */
static void replace(struct scribe *s)
{
        const uint64_t now = clock_now_ms();

        if (s->io || now < s->retry_ms)
                return;
        s->retry_ms = now + RETRY_MS;
        if (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) == 0)
                return;
        (void)begin(s);
}

void scribe_write(struct scribe *s, const struct audit_entry *entry, int must_last)
{
        struct record *r;
        char data[RECORD_MAX];
        size_t len;

        pack(entry, must_last, data, &len);
        r = s->queued < QUEUE_MAX ? malloc(sizeof(*r) + len) : NULL;
        if (!r) {
                if (s->lost++ == 0)
                        s->news(s->arg, -ENOBUFS, "the audit log is held up, and lines are lost");
                return;
        }
        r->next = NULL;
        r->len = len;
        memcpy(r->data, data, len);
        *s->last = r;
        s->last = &r->next;
        s->queued++;
        replace(s);
        flush(s);
}

uint64_t scribe_lost(const struct scribe *s)
{
        return s->lost;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct scribe *s = userdata;
        struct report report;
        ssize_t n;

        (void)source;
        if (revents & EPOLLOUT)
                flush(s);
        if (!(revents & (EPOLLIN | EPOLLHUP)))
                return 0;
        n = recv(fd, &report, sizeof(report), MSG_DONTWAIT);
        if (n == (ssize_t)sizeof(report)) {
                report.words[WORDS_MAX - 1] = '\0';
                s->news(s->arg, report.result, report.words);
        } else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
                s->io = sd_event_source_disable_unref(s->io);
                close_fd(take_fd(&s->fd));
                s->news(s->arg, -EPIPE, "the process that writes the audit log has ended");
        }
        return 0;
}

static pid_t start(const char *path, const char *lock, int ours, int theirs)
{
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        close_fd(ours);
        (void)prctl(PR_SET_NAME, "luks-kms-scribe");
        serve(theirs, path, lock);
        _exit(0);
}

/* A process, and the socket to it. */
static int begin(struct scribe *s)
{
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        s->fd = pair[0];
        s->pid = start(s->path, s->lock, pair[0], pair[1]);
        r = s->pid < 0 ? -errno : 0;
        close_fd(pair[1]);
        if (r == 0)
                r = sd_event_add_io(s->event, &s->io, s->fd, EPOLLIN, on_io, s);
        if (r < 0)
                close_fd(take_fd(&s->fd));
        return r < 0 ? r : 0;
}

int scribe_new(sd_event *event, const char *path, const char *lock, scribe_news news, void *arg,
               struct scribe **ret)
{
        struct scribe *s = calloc(1, sizeof(*s));
        int r = -ENOMEM;

        if (!s)
                return r;
        *s = (struct scribe){.event = event,
                             .fd = -1,
                             .path = strdup(path),
                             .lock = strdup(lock),
                             .last = &s->first,
                             .news = news,
                             .arg = arg};
        if (s->path && s->lock)
                r = begin(s);
        if (r < 0) {
                scribe_free(s, 0);
                return r;
        }
        *ret = s;
        return 0;
}

/* What waits here and is not taken in time is lost, and said to be. */
static void hand_over(struct scribe *s, uint64_t deadline)
{
        while (s->io && s->first && clock_left_ms(deadline) > 0) {
                struct pollfd p = {.fd = s->fd, .events = POLLOUT};

                if (poll(&p, 1, clock_left_ms(deadline)) > 0 && (p.revents & (POLLERR | POLLHUP)))
                        break;
                flush(s);
        }
        if (s->first)
                s->news(s->arg, -ENOBUFS, "the audit log is held up, and lines are lost");
}

void scribe_free(struct scribe *s, int wait_ms)
{
        const uint64_t deadline = clock_now_ms() + (uint64_t)wait_ms;

        if (!s)
                return;
        hand_over(s, deadline);
        sd_event_source_disable_unref(s->io);
        close_fd(s->fd);
        while (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) == 0 && clock_left_ms(deadline) > 0)
                clock_sleep_ms(2);
        while (s->first) {
                struct record *next = s->first->next;

                free(s->first);
                s->first = next;
        }
        free(s->path);
        free(s->lock);
        free(s);
}
