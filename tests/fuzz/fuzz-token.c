/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A token as it may stand on a hostile disk: what is accepted says the same when it is written and
 * read again, and all of its text is safe to show. */

#include "fuzz.h"
#include "token/token.h"

static void check_printable(const char *text, size_t size)
{
        MUST(memchr(text, '\0', size));
        for (; *text; text++)
                MUST(*text >= 0x20 && *text < 0x7f);
}

static void check_same(const struct token *a, const struct token *b)
{
        MUST(a->keyslot == b->keyslot && a->generation == b->generation && a->policy == b->policy);
        MUST(strcmp(a->role, b->role) == 0 && strcmp(a->key.text, b->key.text) == 0);
        MUST(strcmp(a->key_version, b->key_version) == 0 && strcmp(a->created, b->created) == 0);
        MUST(a->wrapped.len == b->wrapped.len && a->probe.len == b->probe.len);
        MUST(memcmp(a->wrapped.data, b->wrapped.data, a->wrapped.len) == 0);
        MUST(memcmp(a->probe.data, b->probe.data, a->probe.len) == 0);
        MUST(memcmp(a->mac, b->mac, sizeof(a->mac)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP_JSON struct json_doc *doc = NULL, *again = NULL;
        static char text[TOKEN_JSON_MAX];
        static struct token token, copy;
        struct diag diag = DIAG_INIT;
        int r;

        if (json_parse((const char *)data, size, &doc, NULL) != 0)
                return 0;
        r = token_parse(json_root(doc), &token, &diag);
        MUST(r == 0 || (r == TOKEN_E_FORMAT && diag.message[0] != '\0'));
        if (r != 0)
                return 0;
        MUST(token.keyslot >= 0 && token.keyslot < 32 && token_role_valid(token.role));
        MUST(token.wrapped.len > 0 && token.wrapped.len <= TOKEN_WRAPPED_MAX);
        check_printable(token.role, sizeof(token.role));
        check_printable(token.key.text, sizeof(token.key.text));
        check_printable(token.key.host, sizeof(token.key.host));

        MUST(token_write(&token, text, sizeof(text)) == 0);
        MUST(json_parse(text, strlen(text), &again, NULL) == 0);
        MUST(token_parse(json_root(again), &copy, NULL) == 0);
        check_same(&token, &copy);
        return 0;
}
