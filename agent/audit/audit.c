/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes the audit log. Called by the agent alone, which is one process and one thread; there is no
 * lock for others. What is in the file is trusted for one thing only, to go on from its last line:
 * whether the rest is as it was written is for verify.c to find. */

#include "audit/audit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "audit/line.h"
#include "base/clock.h"
#include "base/fdio.h"
#include "base/json.h"

struct audit {
        char path[512], boot[40];
        int fd;
        struct stat file; /* which file fd is */
        struct audit_chain chain;
};

void audit_close(struct audit *audit)
{
        if (!audit)
                return;
        close_fd(audit->fd);
        free(audit);
}

const char *audit_last(const struct audit *audit)
{
        return audit->chain.last;
}

/* logrotate ran while no agent did: the chain is in the file that it moved away. */
static int continue_rotated(struct audit *audit, struct diag *diag)
{
        char path[sizeof(audit->path) + 2];
        int fd CLEANUP_FD = -1;
        int r;

        (void)snprintf(path, sizeof(path), "%s.1", audit->path);
        r = file_open_trusted(path, 0, &fd, diag);
        if (r == -ENOENT)
                return 0;
        if (r == 0)
                r = audit_chain_take(&audit->chain, fd, path, diag);
        audit->chain.unended = false; /* that is another file */
        return r == -ENODATA ? 0 : r == FILE_E_UNSAFE ? AUDIT_E_UNSAFE : r;
}

static int check_folder(const char *path, struct diag *diag)
{
        const char *slash = strrchr(path, '/');
        char folder[512];
        int fd CLEANUP_FD = -1;
        int r;

        if (!slash || (size_t)(slash - path) >= sizeof(folder))
                return diag_fail(diag, -EINVAL, "%s is no path of an audit log", path);
        (void)snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path),
                       path);
        r = file_open_trusted(folder, FILE_FOLDER, &fd, diag);
        if (r == -ENOENT)
                diag_advise(diag, "make it: install -d -m 0750 %s", folder);
        return r == FILE_E_UNSAFE ? AUDIT_E_UNSAFE : r;
}

static int check_file(const char *path, const struct stat *st, struct diag *diag)
{
        if (S_ISREG(st->st_mode) && (st->st_uid == 0 || st->st_uid == geteuid()) &&
            !(st->st_mode & (S_IWGRP | S_IWOTH)) && st->st_nlink <= 1)
                return 0;
        (void)diag_refuse(diag, AUDIT_E_UNSAFE, "unsafe-file",
                          "%s is not a file that root alone can write, under one name", path);
        diag_advise(diag, "see who changed it: ls -l %s; then chown root: and chmod 0640", path);
        return AUDIT_E_UNSAFE;
}

/* Opens what is at the path, or makes it. */
static int open_file(const char *path, int *ret_fd, struct stat *ret, struct diag *diag)
{
        int fd CLEANUP_FD = -1;
        struct stat st;
        int r;

        r = check_folder(path, diag);
        if (r != 0)
                return r;
        fd =
            open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
                 0640);
        if (fd < 0)
                return diag_fail(diag, -errno, "cannot open %s", path);
        if (fstat(fd, &st) < 0)
                return diag_fail(diag, -errno, "cannot examine %s", path);
        r = check_file(path, &st, diag);
        if (r != 0)
                return r;
        *ret = st;
        *ret_fd = take_fd(&fd);
        return 0;
}

static void read_boot(char *buf, size_t size)
{
        FILE *f CLEANUP_FILE = fopen("/proc/sys/kernel/random/boot_id", "re");

        if (!f || !fgets(buf, (int)size, f))
                buf[0] = '\0';
        buf[strcspn(buf, "\n")] = '\0';
}

int audit_open(const char *path, struct audit **ret, struct diag *diag)
{
        struct audit *audit CLEANUP_AUDIT = calloc(1, sizeof(*audit));
        int r;

        if (!audit)
                return -ENOMEM;
        audit->fd = -1;
        if (strlen(path) >= sizeof(audit->path))
                return diag_fail(diag, -ENAMETOOLONG, "cannot open %s", path);
        (void)snprintf(audit->path, sizeof(audit->path), "%s", path);
        (void)snprintf(audit->chain.last, sizeof(audit->chain.last), "%s", AUDIT_HASH_NONE);
        read_boot(audit->boot, sizeof(audit->boot));
        r = open_file(path, &audit->fd, &audit->file, diag);
        if (r != 0)
                return r;
        r = audit_chain_take(&audit->chain, audit->fd, path, diag);
        if (r == -ENODATA)
                r = continue_rotated(audit, diag);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(audit);
        return 0;
}

/* A line, with room for a newline on both sides. */
struct draft {
        char text[1 + AUDIT_LINE_MAX + 1];
        struct jsonw w;
};

static void draft_begin(struct draft *d, const struct audit *audit, uint64_t seq, const char *prev,
                        const char *event, uint64_t time_us)
{
        char time[CLOCK_TEXT_MAX];

        clock_text((time_us ? time_us : clock_wall_us()) / 1000, time);
        jsonw_init(&d->w, d->text + 1, sizeof(d->text) - 1);
        jsonw_object(&d->w, NULL);
        jsonw_uint64(&d->w, "seq", seq);
        jsonw_string(&d->w, "prev", prev);
        jsonw_string(&d->w, "time", time);
        jsonw_string(&d->w, "boot", audit->boot);
        jsonw_string(&d->w, "event", event);
}

/* What a write that failed midway left is taken back. Where that fails too (a file that may only
 * grow), it is a torn line. */
static void take_back(struct audit *audit, off_t size)
{
        if (ftruncate(audit->fd, size) < 0)
                (void)audit_chain_take(&audit->chain, audit->fd, audit->path, NULL);
}

static int write_line(struct audit *audit, const char *text, size_t size)
{
        struct stat before;
        ssize_t n;
        int r;

        if (fstat(audit->fd, &before) < 0)
                return -errno;
        do
                n = write(audit->fd, text, size);
        while (n < 0 && errno == EINTR);
        if (n == (ssize_t)size)
                return 0;
        r = n < 0 ? -errno : -ENOSPC;
        if (n > 0)
                take_back(audit, before.st_size);
        return r;
}

/* Ends the draft, writes it, and the chain goes on from it. */
static int append(struct audit *audit, struct draft *d, uint64_t seq)
{
        struct audit_chain *c = &audit->chain;
        const size_t before = c->unended ? 1 : 0;
        char hash[AUDIT_HASH_TEXT];
        size_t len;
        int r;

        jsonw_object_end(&d->w);
        r = jsonw_end(&d->w, &len);
        if (r == 0)
                r = audit_hash(d->text + 1, len, hash);
        if (r < 0)
                return r;
        d->text[0] = d->text[1 + len] = '\n';
        r = write_line(audit, d->text + 1 - before, before + len + 1);
        if (r < 0)
                return r;
        *c = (struct audit_chain){.seq = seq};
        memcpy(c->last, hash, sizeof(c->last));
        return 0;
}

/* The torn piece counts as one line, so that seq shows it too. */
static int append_torn(struct audit *audit)
{
        const struct audit_chain *c = &audit->chain;
        struct draft d;

        draft_begin(&d, audit, c->seq + 2, c->torn, "torn-line", 0);
        jsonw_string(&d.w, "after", c->last);
        jsonw_uint64(&d.w, "torn_bytes", c->torn_bytes);
        return append(audit, &d, c->seq + 2);
}

static void put_entry(struct jsonw *w, const struct audit_entry *e)
{
        const struct {
                const char *name, *value;
        } texts[] = {
            {"volume", e->volume},   {"uuid", e->uuid},
            {"key", e->key},         {"role", e->role},
            {"use", e->use},         {"verdict", e->verdict},
            {"code", e->code},       {"request_id", e->request_id},
            {"state", e->state},     {"rung", e->rung},
            {"outcome", e->outcome}, {"table", e->table},
            {"message", e->message},
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                if (texts[i].value && texts[i].value[0])
                        jsonw_string(w, texts[i].name, texts[i].value);
        if (e->keyring_keys >= 0)
                jsonw_uint64(w, "keyring_keys", (uint64_t)e->keyring_keys);
        if (e->duration_ms >= 0)
                jsonw_uint64(w, "duration_ms", (uint64_t)e->duration_ms);
}

static int append_entry(struct audit *audit, const struct audit_entry *e)
{
        const struct audit_chain *c = &audit->chain;
        struct draft d;

        draft_begin(&d, audit, c->seq + 1, c->last, e->event, e->time_us);
        put_entry(&d.w, e);
        return append(audit, &d, c->seq + 1);
}

/* Where the path is another file now, or none, that one is written to from here on. */
static int follow(struct audit *audit)
{
        int fd CLEANUP_FD = -1;
        struct stat st;
        char last = '\n';
        int r;

        if (lstat(audit->path, &st) == 0 && st.st_dev == audit->file.st_dev &&
            st.st_ino == audit->file.st_ino)
                return 0;
        r = open_file(audit->path, &fd, &st, NULL);
        if (r == 0 && st.st_size > 0)
                r = pread_full(fd, &last, 1, st.st_size - 1);
        if (r != 0)
                return r > 0 ? -EPERM : r;
        close_fd(audit->fd);
        audit->fd = take_fd(&fd);
        audit->file = st;
        audit->chain.unended = last != '\n';
        return 0;
}

int audit_write(struct audit *audit, const struct audit_entry *entry, int must_last)
{
        const int followed = follow(audit);
        int r = 0;

        if (audit->chain.torn[0])
                r = append_torn(audit);
        if (r == 0)
                r = append_entry(audit, entry);
        if (r == 0 && must_last && fdatasync(audit->fd) < 0)
                r = -errno;
        return r == 0 ? followed : r;
}
