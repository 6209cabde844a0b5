/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Time spans in and out. Trusts that root wrote the text; believes nothing about its form. */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/timespan.h"

#define BLANKS " \t"

enum { UNIT_MAX = 8 };

static const struct {
        const char name[UNIT_MAX];
        uint64_t ms;
} units[] = {
    {"w", 604800000},   {"week", 604800000}, {"weeks", 604800000},
    {"d", 86400000},    {"day", 86400000},   {"days", 86400000},
    {"h", 3600000},     {"hr", 3600000},     {"hour", 3600000},
    {"hours", 3600000}, {"m", 60000},        {"min", 60000},
    {"minute", 60000},  {"minutes", 60000},  {"s", 1000},
    {"sec", 1000},      {"second", 1000},    {"seconds", 1000},
    {"ms", 1},          {"msec", 1},         {"", 1000},
};

/* Digits by hand: strtoull(3) takes signs and white space. */
static int take_number(const char **text, uint64_t *ret)
{
        uint64_t n = 0;

        if (**text < '0' || **text > '9')
                return -EINVAL;
        for (; **text >= '0' && **text <= '9'; (*text)++)
                if (__builtin_mul_overflow(n, 10, &n) ||
                    __builtin_add_overflow(n, (uint64_t)(**text - '0'), &n))
                        return -ERANGE;
        *ret = n;
        return 0;
}

static int take_unit(const char **text, uint64_t *ret_ms)
{
        size_t len = strspn(*text, "abcdefghijklmnopqrstuvwxyz");

        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
                if (strlen(units[i].name) == len && strncmp(*text, units[i].name, len) == 0) {
                        *text += len;
                        *ret_ms = units[i].ms;
                        return 0;
                }
        return -EINVAL;
}

int timespan_parse(const char *text, uint64_t *ret_ms)
{
        uint64_t sum = 0, n = 0, unit = 0;
        int r;

        text += strspn(text, BLANKS);
        do {
                r = take_number(&text, &n);
                if (r != 0)
                        return r;
                text += strspn(text, BLANKS);
                r = take_unit(&text, &unit);
                if (r != 0)
                        return r;
                if (__builtin_mul_overflow(n, unit, &n) || __builtin_add_overflow(sum, n, &sum))
                        return -ERANGE;
                text += strspn(text, BLANKS);
        } while (*text != '\0');
        *ret_ms = sum;
        return 0;
}

int timespan_format(uint64_t ms, char *buf, size_t size)
{
        static const struct {
                const char *name;
                uint64_t ms;
        } parts[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}};
        char text[TIMESPAN_TEXT_MAX] = "0";
        size_t used = 0;

        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
                if (ms >= parts[i].ms)
                        used +=
                            (size_t)snprintf(text + used, sizeof(text) - used, "%s%" PRIu64 "%s",
                                             used > 0 ? " " : "", ms / parts[i].ms, parts[i].name);
                ms %= parts[i].ms;
        }
        if (strlen(text) >= size) {
                if (size > 0)
                        buf[0] = '\0';
                return -ENOBUFS;
        }
        memcpy(buf, text, strlen(text) + 1);
        return 0;
}
