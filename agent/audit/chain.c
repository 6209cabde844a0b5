/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a log's chain goes on: at its last whole line, found from the end, since a log may be large
 * and is not checked here. What stands behind that line is torn, and is kept: it is evidence too.
 */

#include <sys/stat.h>

#include "audit/line.h"
#include "base/fdio.h"

static int broken(const char *path, struct diag *diag)
{
        (void)diag_refuse(diag, AUDIT_E_BROKEN, "audit-chain", "%s is no audit log", path);
        diag_advise(diag, "look what it is; then move it away: the agent begins a new one");
        return AUDIT_E_BROKEN;
}

/* The last whole line of a text without its final newline: where it begins and ends. False: there
 * is none. */
static bool find_last(const char *text, size_t len, struct audit_line *ret, size_t *ret_start,
                      size_t *ret_end)
{
        size_t start, end = len;

        for (;;) {
                const char *newline = memrchr(text, '\n', end);

                start = newline ? (size_t)(newline - text) + 1 : 0;
                if (audit_line_read(text + start, end - start, ret))
                        break;
                if (!newline)
                        return false;
                end = start - 1;
        }
        *ret_start = start;
        *ret_end = end;
        return true;
}

/* Whether a power cut could have left this of the very first line. */
static bool could_begin(const char *text, size_t len)
{
        static const char begin[] = "{\"seq\":";
        const size_t n = sizeof(begin) - 1;

        return len == 0 || text[0] == '\0' || memcmp(text, begin, len < n ? len : n) == 0;
}

/* text: the end of the file; whole: all of it. */
static int take(struct audit_chain *chain, const char *text, size_t len, bool whole)
{
        struct audit_chain now = *chain;
        struct audit_line line;
        size_t start = 0, end = 0, torn = 0;
        int r = 0;

        now.unended = text[len - 1] != '\n';
        if (!now.unended)
                len--;
        if (find_last(text, len, &line, &start, &end)) {
                now.seq = line.seq;
                r = audit_hash(text + start, end - start, now.last);
                torn = end + 1;
        } else if (!whole || !could_begin(text, len)) {
                return AUDIT_E_BROKEN;
        }
        now.torn[0] = '\0';
        now.torn_bytes = 0;
        if (r == 0 && torn <= len) {
                now.torn_bytes = len - torn;
                r = audit_hash(text + torn, len - torn, now.torn);
        }
        if (r == 0)
                *chain = now;
        return r;
}

int audit_chain_take(struct audit_chain *chain, int fd, const char *path, struct diag *diag)
{
        char *end CLEANUP_FREE = NULL;
        struct stat st;
        size_t len;
        int r;

        if (fstat(fd, &st) < 0)
                return diag_fail(diag, -errno, "cannot examine %s", path);
        if (st.st_size == 0)
                return -ENODATA;
        len = st.st_size > AUDIT_TORN_MAX ? AUDIT_TORN_MAX : (size_t)st.st_size;
        end = malloc(len);
        if (!end)
                return -ENOMEM;
        r = pread_full(fd, end, len, st.st_size - (off_t)len);
        if (r < 0)
                return diag_fail(diag, r, "cannot read %s", path);
        r = take(chain, end, len, len == (size_t)st.st_size);
        return r == AUDIT_E_BROKEN ? broken(path, diag) : r;
}
