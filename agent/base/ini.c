/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* INI text, in place. The text may hold a secret (a credentials file): nothing is copied, and no
 * message quotes more of it than the file's name and the line's number. */

#include "base/ini.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r';
}

static char *trim(char *start, char *end)
{
        while (start < end && is_blank(*start))
                start++;
        while (end > start && is_blank(end[-1]))
                end--;
        *end = '\0';
        return start;
}

static int syntax(const struct ini_entry *at, struct diag *diag, const char *expected)
{
        return diag_refuse(diag, INI_E_SYNTAX, "syntax", "%s:%u: %s", at->file, at->line, expected);
}

/* Cuts one physical line off *text. */
static char *take_line(char **text, char **ret_end)
{
        char *start = *text, *end = strchrnul(start, '\n');

        *text = *end ? end + 1 : end;
        *end = '\0';
        *ret_end = end;
        return start;
}

static bool is_comment(const char *line)
{
        while (is_blank(*line))
                line++;
        return *line == '#' || *line == ';';
}

/* Cuts one logical line off *text: lines that end in a backslash are joined with a space, and
 * comments between them are left out. It is moved towards its own start, which is memory already
 * read. */
static char *take_logical_line(char **text, char **ret_end, unsigned int *line)
{
        char *end, *start = take_line(text, &end);

        if (is_comment(start)) {
                *ret_end = end;
                return start;
        }
        while (end > start && end[-1] == '\\') {
                char *next, *next_end;

                end[-1] = ' ';
                if (!**text)
                        break;
                do {
                        next = take_line(text, &next_end);
                        (*line)++;
                } while (is_comment(next) && **text);
                if (is_comment(next))
                        break;
                memmove(end, next, (size_t)(next_end - next) + 1);
                end += next_end - next;
        }
        *ret_end = end;
        return start;
}

/* Splits a trimmed line into what entry says; 0 or INI_E_SYNTAX. */
static int split(char *line, struct ini_entry *entry, struct diag *diag)
{
        char *equals, *end = line + strlen(line);

        for (const char *p = line; *p; p++)
                if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
                        return syntax(entry, diag, "control characters are not allowed");

        if (*line == '[') {
                if (end[-1] != ']')
                        return syntax(entry, diag, "expected ']' at the end of the section");
                entry->section = trim(line + 1, end - 1);
                entry->key = NULL;
                entry->value = "";
                if (!*entry->section || strpbrk(entry->section, "[]"))
                        return syntax(entry, diag, "expected a name between '[' and ']'");
                return 0;
        }

        equals = strchr(line, '=');
        if (!equals)
                return syntax(entry, diag, "expected [Section], Key=value or a comment");
        entry->value = trim(equals + 1, end);
        entry->key = trim(line, equals);
        if (!*entry->key)
                return syntax(entry, diag, "expected a key before '='");
        return 0;
}

int ini_parse(char *text, const char *file, ini_fn fn, void *userdata, struct diag *diag)
{
        struct ini_entry entry = {.file = file, .section = ""};
        unsigned int line = 0;

        while (*text) {
                char *end, *start;
                int r;

                entry.line = ++line;
                start = take_logical_line(&text, &end, &line);
                if (is_comment(start))
                        continue;
                start = trim(start, end);
                if (!*start)
                        continue;
                r = split(start, &entry, diag);
                if (r == 0)
                        r = fn(&entry, userdata, diag);
                if (r != 0)
                        return r;
        }
        return 0;
}
