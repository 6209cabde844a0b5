/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Kinds of values: their forms, both ways, and what a wrong one is told. Trusts that root wrote the
 * text; believes nothing about its form. */

#include "policy/setting.h"

#include <ctype.h>
#include <inttypes.h>

#include "base/timespan.h"

int setting_invalid(const struct setting *s, const char *value, const char *expected,
                    struct diag *diag)
{
        return diag_refuse(diag, CONFIG_E_INVALID, "config", "%s=%s: expected %s", s->name, value,
                           expected);
}

static int put(char *buf, size_t size, const char *text)
{
        const size_t len = strlen(text);

        if (len >= size)
                return -ENOBUFS;
        memcpy(buf, text, len + 1);
        return 0;
}

int set_text(const struct setting *s, void *field, const char *value, struct diag *diag)
{
        if (*value == '\0' || put(field, s->max, value) < 0)
                return setting_invalid(s, value, "a value of moderate length", diag);
        return 0;
}

int show_text(const struct setting *s, const void *field, char *buf, size_t size)
{
        (void)s;
        return put(buf, size, field);
}

int set_path(const struct setting *s, void *field, const char *value, struct diag *diag)
{
        return value[0] == '/' ? set_text(s, field, value, diag)
                               : setting_invalid(s, value, "an absolute path", diag);
}

int set_span64(const struct setting *s, void *field, const char *value, struct diag *diag)
{
        char min[TIMESPAN_TEXT_MAX], max[TIMESPAN_TEXT_MAX], expected[160];
        uint64_t ms = 0;

        if (timespan_parse(value, &ms) == 0 && ms >= s->min && ms <= s->max) {
                *(uint64_t *)field = ms;
                return 0;
        }
        (void)timespan_format(s->min, min, sizeof(min));
        (void)timespan_format(s->max, max, sizeof(max));
        (void)snprintf(expected, sizeof(expected), "a time span from %s to %s, such as 10s", min,
                       max);
        return setting_invalid(s, value, expected, diag);
}

int show_span64(const struct setting *s, const void *field, char *buf, size_t size)
{
        (void)s;
        return timespan_format(*(const uint64_t *)field, buf, size);
}

int set_span32(const struct setting *s, void *field, const char *value, struct diag *diag)
{
        uint64_t ms;
        int r = set_span64(s, &ms, value, diag);

        if (r == 0)
                *(uint32_t *)field = (uint32_t)ms; /* max sees to it */
        return r;
}

int show_span32(const struct setting *s, const void *field, char *buf, size_t size)
{
        const uint64_t ms = *(const uint32_t *)field;

        return show_span64(s, &ms, buf, size);
}

int set_number(const struct setting *s, void *field, const char *value, struct diag *diag)
{
        const size_t digits = strspn(value, "0123456789");
        char expected[80];
        uint64_t n;

        if (digits > 0 && digits < 10 && value[digits] == '\0') {
                n = strtoull(value, NULL, 10);
                if (n >= s->min && n <= s->max) {
                        *(uint32_t *)field = (uint32_t)n;
                        return 0;
                }
        }
        (void)snprintf(expected, sizeof(expected), "a number from %" PRIu64 " to %" PRIu64, s->min,
                       s->max);
        return setting_invalid(s, value, expected, diag);
}

int show_number(const struct setting *s, const void *field, char *buf, size_t size)
{
        char text[24];

        (void)s;
        (void)snprintf(text, sizeof(text), "%" PRIu32, *(const uint32_t *)field);
        return put(buf, size, text);
}

int set_choice(const struct setting *s, void *field, const char *value, struct diag *diag)
{
        char expected[120] = "";
        size_t len = 0;

        for (int i = 0; s->choices[i]; i++)
                if (strcmp(value, s->choices[i]) == 0) {
                        *(int *)field = i;
                        return 0;
                }
        for (int i = 0; s->choices[i] && len < sizeof(expected); i++)
                len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s%s",
                                        i == 0              ? ""
                                        : s->choices[i + 1] ? ", "
                                                            : " or ",
                                        s->choices[i]);
        return setting_invalid(s, value, expected, diag);
}

int show_choice(const struct setting *s, const void *field, char *buf, size_t size)
{
        return put(buf, size, s->choices[*(const int *)field]);
}

int set_ladder(const struct setting *s, void *field, const char *value, struct diag *diag)
{
        struct ladder ladder = {.count = 0};
        struct diag why = DIAG_INIT;

        if (ladder_parse(value, &ladder, &why) != 0) {
                (void)diag_refuse(diag, CONFIG_E_INVALID, "config", "%s=: %s", s->name,
                                  why.message);
                diag_advise(diag, "%s", why.advice);
                return CONFIG_E_INVALID;
        }
        if (ladder.count < s->min)
                return setting_invalid(s, value, "a rung at least, such as alert", diag);
        *(struct ladder *)field = ladder;
        return 0;
}

int show_ladder(const struct setting *s, const void *field, char *buf, size_t size)
{
        (void)s;
        return ladder_write(field, buf, size);
}

/* Names the setting that is nearest by common letters at the start, for a typing mistake. */
static int unknown(const struct setting *table, const char *name, struct diag *diag)
{
        const char *nearest = table->name;
        size_t best = 0;

        for (; table->name; table++) {
                size_t n = 0;

                while (name[n] &&
                       tolower((unsigned char)name[n]) == tolower((unsigned char)table->name[n]))
                        n++;
                if (n > best) {
                        best = n;
                        nearest = table->name;
                }
        }
        return diag_refuse(diag, CONFIG_E_INVALID, "config",
                           "%s= is not known here; did you mean %s=?", name, nearest);
}

int setting_set(const struct setting *table, void *section, uint32_t *given, const char *name,
                const char *value, struct diag *diag)
{
        for (const struct setting *s = table; s->name; s++)
                if (strcmp(name, s->name) == 0) {
                        int r = s->set(s, (char *)section + s->offset, value, diag);

                        if (r == 0)
                                *given |= UINT32_C(1) << (s - table);
                        return r;
                }
        return unknown(table, name, diag);
}
