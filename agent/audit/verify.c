/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checks the chain. Trusts nothing of the file, and is told where the chain comes from and where it
 * has been: what stands before the first line and behind the last one, the file itself cannot say.
 * May read while the agent writes. */

#include "audit/line.h"
#include "base/clock.h"

/* How long to wait for the rest of a line that has no newline yet: the agent may be at it. */
enum { PATIENCE_MS = 500, PAUSE_MS = 10 };
enum { TEXT_MAX = AUDIT_TORN_MAX + AUDIT_LINE_MAX };

struct checking {
        const char *path, *expect;
        struct diag *diag;
        FILE *file;
        char *text; /* what may be torn, and the line behind it */
        size_t torn, len;
        bool ended;                 /* the line has a newline */
        uint64_t line, torn_line;   /* numbers; torn_line 0: nothing torn */
        uint64_t seq;               /* of the last line */
        char prev[AUDIT_HASH_TEXT]; /* hash of it */
        bool seq_known, prev_known; /* not before the first line, where nobody told them */
        bool held;
};

static int PRINTF(3, 4) broken(struct checking *c, uint64_t line, const char *fmt, ...)
{
        char why[256];
        va_list args;

        va_start(args, fmt);
        (void)vsnprintf(why, sizeof(why), fmt, args);
        va_end(args);
        (void)diag_refuse(c->diag, AUDIT_E_BROKEN, "audit-chain", "%s: line %llu %s", c->path,
                          (unsigned long long)line, why);
        diag_advise(c->diag, "keep the file as it is, as evidence; compare it with a copy, and "
                             "with the KMS's own log by request_id");
        return AUDIT_E_BROKEN;
}

/* Appends one line, without its newline, to what is torn so far. 0, -ENODATA (the end), -errno. */
static int read_line(struct checking *c)
{
        int waited = 0, ch;

        c->len = 0;
        c->ended = false;
        for (;;) {
                ch = getc_unlocked(c->file);
                if (ch == '\n') {
                        c->ended = true;
                        break;
                }
                if (ch == EOF && ferror(c->file))
                        return -EIO;
                if (ch == EOF) {
                        if (c->len == 0 || waited >= PATIENCE_MS)
                                break;
                        clearerr(c->file);
                        clock_sleep_ms(PAUSE_MS);
                        waited += PAUSE_MS;
                        continue;
                }
                if (c->torn + c->len == TEXT_MAX)
                        return -E2BIG;
                c->text[c->torn + c->len++] = (char)ch;
        }
        if (!c->ended && c->len == 0)
                return -ENODATA;
        c->line++;
        return 0;
}

/* A line that is none: torn, if the next one says so. */
static int note_torn(struct checking *c)
{
        if (c->torn_line == 0)
                c->torn_line = c->line;
        c->torn += c->len;
        if (c->torn == TEXT_MAX)
                return -E2BIG;
        c->text[c->torn++] = '\n';
        return 0;
}

/* Whether this line says of what is before it that it is torn, and of what is before that, too. */
static int check_torn(struct checking *c, const struct audit_line *line)
{
        char hash[AUDIT_HASH_TEXT];

        if (!line->torn)
                return broken(c, c->torn_line, "is no line of an audit log: it was changed");
        if (audit_hash(c->text, c->torn - 1, hash) < 0)
                return -EIO;
        if (strcmp(line->prev, hash) != 0)
                return broken(c, c->torn_line, "is not as torn as line %llu says: it was changed",
                              (unsigned long long)c->line);
        if (c->prev_known && strcmp(line->after, c->prev) != 0)
                return broken(c, c->torn_line, "does not follow the line before it");
        if (c->seq_known && line->seq != c->seq + 2)
                return broken(c, c->line, "has seq %llu, not %llu", (unsigned long long)line->seq,
                              (unsigned long long)c->seq + 2);
        return 0;
}

/* The number tells a cut from a change. */
static int check_link(struct checking *c, const struct audit_line *line)
{
        const unsigned long long seq = line->seq, want = c->seq_known ? c->seq + 1 : seq;
        const bool follows = !c->prev_known || strcmp(line->prev, c->prev) == 0;

        if (follows && line->seq == want)
                return 0;
        if (follows)
                return broken(c, c->line, "has seq %llu, not %llu: it was changed", seq, want);
        if (seq > want && c->line == 1) {
                (void)broken(c, 1, "has seq %llu, not %llu: what stands before it is not here", seq,
                             want);
                diag_advise(c->diag, "name the older files first; if they were removed on purpose, "
                                     "--from and the hash that their last line had");
                return AUDIT_E_BROKEN;
        }
        if (seq > want)
                return broken(c, c->line, "has seq %llu, not %llu: lines before it were cut out",
                              seq, want);
        if (seq < want)
                return broken(c, c->line, "has seq %llu, not %llu: it was put in, or moved", seq,
                              want);
        if (c->line == 1)
                return broken(c, 1, "does not follow the last line of the file before it");
        return broken(c, c->line - 1,
                      "is not the one that line %llu follows: one of them was "
                      "changed",
                      (unsigned long long)c->line);
}

static int check_line(struct checking *c)
{
        struct audit_line line;
        int r;

        if (!audit_line_read(c->text + c->torn, c->len, &line))
                return note_torn(c);
        r = c->torn_line > 0 ? check_torn(c, &line) : check_link(c, &line);
        if (r != 0)
                return r;
        c->seq = line.seq;
        c->seq_known = c->prev_known = true;
        r = audit_hash(c->text + c->torn, c->len, c->prev);
        c->torn = c->torn_line = 0;
        if (c->expect && strcmp(c->expect, c->prev) == 0)
                c->held = true;
        return r;
}

static int check_all(struct checking *c)
{
        int r;

        do {
                r = read_line(c);
                if (r == 0)
                        r = check_line(c);
        } while (r == 0);
        if (r == -E2BIG)
                return broken(c, c->torn_line > 0 ? c->torn_line : c->line + 1,
                              "is no line of an audit log: it is too long");
        if (r == -ENODATA && c->torn_line > 0)
                return broken(c, c->torn_line,
                              "is torn, and no line says so: the agent does when "
                              "it starts next; or it was changed");
        return r == -ENODATA ? 0 : r;
}

int audit_verify_holds(const char *path, const char *first_prev, const char *expect, bool *ret_held,
                       uint64_t *ret_lines, char ret_last[65], struct diag *diag)
{
        FILE *file CLEANUP_FILE = fopen(path, "re");
        char *text CLEANUP_FREE = malloc(TEXT_MAX);
        struct checking c = {
            .path = path, .expect = expect, .diag = diag, .file = file, .text = text};
        int r;

        if (!file)
                return diag_fail(diag, -errno, "cannot open %s", path);
        if (!text)
                return -ENOMEM;
        (void)snprintf(c.prev, sizeof(c.prev), "%s", first_prev ? first_prev : AUDIT_HASH_NONE);
        c.prev_known = first_prev != NULL;
        c.seq_known = first_prev && strcmp(first_prev, AUDIT_HASH_NONE) == 0;
        r = check_all(&c);
        if (r < 0)
                return diag_fail(diag, r, "cannot read %s", path);
        if (r > 0)
                return r;
        *ret_held = c.held;
        *ret_lines = c.line;
        memcpy(ret_last, c.prev, AUDIT_HASH_TEXT);
        return 0;
}

int audit_verify(const char *path, const char *first_prev, uint64_t *ret_lines, char ret_last[65],
                 struct diag *diag)
{
        bool ignored;

        return audit_verify_holds(path, first_prev, NULL, &ignored, ret_lines, ret_last, diag);
}
