/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ladders in and out. Trusts that root wrote the text; believes nothing about its form: a ladder
 * that is misread is data lost, or a key left in place, so whatever could be meant in two ways is
 * refused. */

#include <errno.h>

#include "base/timespan.h"
#include "policy/ladder.h"

#define BLANKS " \t"
#define KEEP   "keep"

enum { ENTRY_MAX = 64 };

/* So that no sum of times overflows, and a slip of the pen is noticed. */
static const uint64_t AFTER_MAX_MS = UINT64_C(10) * 366 * 24 * 3600 * 1000;

static const char *const names[] = {
    [RUNG_ALERT] = "alert", [RUNG_SUSPEND] = "suspend", [RUNG_CLOSE] = "close",
    [RUNG_KILL] = "kill",   [RUNG_ERASE] = "erase",     [RUNG_POWEROFF] = "poweroff",
};

const char *rung_name(enum rung_kind kind)
{
        return (size_t)kind < RUNG_KINDS_ ? names[kind] : "none";
}

static int invalid(struct diag *diag, const char *text, const char *why)
{
        (void)diag_refuse(diag, LADDER_E_INVALID, "ladder", "\"%s\": %s", text, why);
        diag_advise(diag, "write rungs in growing strength, each with the time after the "
                          "revocation, such as \"alert; suspend 5min; close 24h\", or \"keep\"");
        return LADDER_E_INVALID;
}

/* "suspend 5min", without blanks around it. */
static int parse_entry(const char *entry, struct rung *ret, struct diag *diag)
{
        size_t len = strcspn(entry, BLANKS), kind = 0;
        const char *span = entry + len + strspn(entry + len, BLANKS);
        struct rung rung = {.after_ms = 0};

        while (kind < RUNG_KINDS_ &&
               (strlen(names[kind]) != len || strncmp(names[kind], entry, len) != 0))
                kind++;
        if (kind == RUNG_KINDS_)
                return invalid(diag, entry,
                               "expected alert, suspend, close, kill, erase or poweroff");
        rung.kind = (enum rung_kind)kind;
        if (*span && (timespan_parse(span, &rung.after_ms) != 0 || rung.after_ms > AFTER_MAX_MS))
                return invalid(diag, entry, "expected a time span of ten years at most");
        *ret = rung;
        return 0;
}

static int add_rung(struct ladder *ladder, const char *entry, struct diag *diag)
{
        const struct rung *before = ladder->count > 0 ? &ladder->rungs[ladder->count - 1] : NULL;
        struct rung rung = {.after_ms = 0};
        int r = parse_entry(entry, &rung, diag);

        if (r != 0)
                return r;
        if (before && rung.kind <= before->kind)
                return invalid(diag, entry, "not stronger than the rung before it");
        if (before && rung.after_ms < before->after_ms)
                return invalid(diag, entry, "begins before the rung that it follows");
        if (rung.kind == RUNG_ERASE && rung.after_ms == 0)
                return invalid(diag, entry, "erase needs a delay");
        ladder->rungs[ladder->count++] = rung; /* growing kinds: LADDER_MAX at most */
        return 0;
}

/* The next entry, trimmed, and *text behind it; NULL where it is empty or too long. */
static const char *take_entry(const char **text, char entry[ENTRY_MAX])
{
        const char *start = *text + strspn(*text, BLANKS);
        size_t len = strcspn(start, ";");

        *text = start + len;
        while (len > 0 && strchr(BLANKS, start[len - 1]))
                len--;
        if (len == 0 || len >= ENTRY_MAX)
                return NULL;
        memcpy(entry, start, len);
        entry[len] = '\0';
        return entry;
}

int ladder_parse(const char *text, struct ladder *ret, struct diag *diag)
{
        struct ladder ladder = {.count = 0};
        const char *rest = text;
        char entry[ENTRY_MAX];
        int r;

        if (!take_entry(&rest, entry))
                return invalid(diag, text, "a rung is missing");
        if (*rest == '\0' && strcmp(entry, KEEP) == 0) {
                *ret = ladder;
                return 0;
        }
        for (;;) {
                r = add_rung(&ladder, entry, diag);
                if (r != 0)
                        return r;
                if (*rest++ == '\0')
                        break;
                if (!take_entry(&rest, entry))
                        return invalid(diag, text, "a rung is missing");
        }
        *ret = ladder;
        return 0;
}

int ladder_write(const struct ladder *ladder, char *buf, size_t size)
{
        char text[LADDER_MAX * ENTRY_MAX] = KEEP, span[TIMESPAN_TEXT_MAX];
        size_t used = 0;

        for (size_t i = 0; i < ladder->count && i < LADDER_MAX; i++) {
                const struct rung *rung = &ladder->rungs[i];

                (void)timespan_format(rung->after_ms, span, sizeof(span));
                used +=
                    (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s%s",
                                     i > 0 ? "; " : "", rung_name(rung->kind),
                                     rung->after_ms > 0 ? " " : "", rung->after_ms > 0 ? span : "");
        }
        if (strlen(text) >= size)
                return -ENOBUFS;
        memcpy(buf, text, strlen(text) + 1);
        return 0;
}
