/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any text: what the reader accepts can be walked, each member is found by its own key, and each
 * string survives being written and read again. */

#include "base/json.h"
#include "fuzz.h"

enum { STRING_MAX = 4096 };

/* Written and read again, a string must decode to itself. */
static void check_string(const struct json_node *node)
{
        CLEANUP_JSON struct json_doc *doc = NULL;
        static char text[STRING_MAX], written[8 * STRING_MAX];
        struct jsonw w;
        size_t len = 0;

        if (json_string(node, text, sizeof(text)) != 0)
                return;
        MUST(json_string_is(node, text));
        jsonw_init(&w, written, sizeof(written));
        jsonw_string(&w, NULL, text);
        MUST(jsonw_end(&w, &len) == 0);
        MUST(json_parse(written, len, &doc, NULL) == 0);
        MUST(json_string_is(json_root(doc), text));
}

static size_t walk(const struct json_node *node, int depth)
{
        size_t count = 0, nodes = 1;
        char key[STRING_MAX];
        uint64_t number;

        MUST(depth <= JSON_DEPTH_MAX);
        check_string(node);
        (void)json_uint64(node, &number);
        (void)json_string_uint64(node, &number);
        for (const struct json_node *n = json_first(node); n; n = json_next(n), count++) {
                bool has_key = json_key(n, key, sizeof(key)) == 0;

                MUST(!has_key || json_type(node) == JSON_OBJECT);
                MUST(!has_key || json_get(node, key) == n);
                nodes += walk(n, depth + 1);
        }
        MUST(count == json_count(node));
        return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP_JSON struct json_doc *doc = NULL;
        struct diag diag = DIAG_INIT;
        int r = json_parse((const char *)data, size, &doc, &diag);

        MUST(r == 0 || r == JSON_E_SYNTAX);
        MUST((r == 0) == (doc != NULL));
        MUST((r == 0) == (diag.message[0] == '\0'));
        if (doc)
                MUST(walk(json_root(doc), 0) <= JSON_NODES_MAX);
        return 0;
}
