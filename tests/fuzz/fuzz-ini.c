/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any text: entries come trimmed, in order, without control characters, and lie in the text. */

#include "base/ini.h"
#include "fuzz.h"

struct seen {
        const char *start, *end;
        unsigned int line;
};

static void check_text(const struct seen *seen, const char *text)
{
        size_t len = strlen(text);

        MUST(len == 0 || (text >= seen->start && text + len <= seen->end));
        MUST(len == 0 || (text[0] != ' ' && text[0] != '\t' && text[len - 1] != ' '));
        for (size_t i = 0; i < len; i++)
                MUST((unsigned char)text[i] >= 0x20 || text[i] == '\t');
}

static int check_entry(const struct ini_entry *entry, void *userdata, struct diag *diag)
{
        struct seen *seen = userdata;

        (void)diag;
        MUST(entry->line > seen->line);
        seen->line = entry->line;
        check_text(seen, entry->section);
        check_text(seen, entry->value);
        if (!entry->key)
                return 0;
        check_text(seen, entry->key);
        MUST(entry->key[0] != '\0' && !strchr(entry->key, '='));
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP_FREE char *text = malloc(size + 1);
        struct seen seen = {.start = text};
        struct diag diag = DIAG_INIT;
        int r;

        MUST(text);
        seen.end = text + size;
        memcpy(text, data, size);
        text[size] = '\0';
        r = ini_parse(text, "fuzz", check_entry, &seen, &diag);
        MUST(r == 0 || r == INI_E_SYNTAX);
        MUST((r == 0) == (diag.message[0] == '\0'));
        return 0;
}
