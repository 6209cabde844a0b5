/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parser of base/json.h: hostile text in, an array of nodes out, or the first reason why not.
 * Recursion is as deep as JSON_DEPTH_MAX and no deeper. */

#include "base/json.h"

#include "base/jsonnode.h"

struct parser {
        const char *text, *p, *end;
        struct json_doc *doc;
        const char *reason; /* of the refusal, which is at p */
        int depth;
};

static int parse_value(struct parser *parser, const char *key, size_t key_len);

static int refuse(struct parser *parser, const char *reason)
{
        parser->reason = reason;
        return JSON_E_SYNTAX;
}

static void skip_space(struct parser *parser)
{
        while (parser->p < parser->end && (*parser->p == ' ' || *parser->p == '\t' ||
                                           *parser->p == '\n' || *parser->p == '\r'))
                parser->p++;
}

static bool take(struct parser *parser, char c)
{
        if (parser->p == parser->end || *parser->p != c)
                return false;
        parser->p++;
        return true;
}

/* Index of a fresh node: pointers would not survive the next one. 0, -ENOMEM, JSON_E_SYNTAX. */
static int new_node(struct parser *parser, size_t *ret)
{
        struct json_doc *doc = parser->doc;

        if (doc->used == JSON_NODES_MAX)
                return refuse(parser, "too many values");
        if (doc->used == doc->room) {
                size_t room = doc->room ? 4 * doc->room : 64;
                struct json_node *nodes = reallocarray(doc->nodes, room, sizeof(*nodes));

                if (!nodes)
                        return -ENOMEM;
                doc->nodes = nodes;
                doc->room = room;
        }
        doc->nodes[doc->used] = (struct json_node){.span = 1, .last = true};
        *ret = doc->used++;
        return 0;
}

/* The part of a string between the quotes, of which the first is already taken. */
static int scan_string(struct parser *parser, const char **ret, size_t *ret_len, bool *ret_escaped)
{
        const char *start = parser->p;
        bool escaped = false;

        while (parser->p < parser->end && *parser->p != '"') {
                const char *reason;
                uint32_t point;

                escaped |= *parser->p == '\\';
                reason = json_scan_point(&parser->p, parser->end, &point);
                if (reason)
                        return refuse(parser, reason);
        }
        if (parser->p == parser->end)
                return refuse(parser, "the string does not end");
        *ret = start;
        *ret_len = (size_t)(parser->p++ - start);
        *ret_escaped = escaped;
        return 0;
}

static bool take_digits(struct parser *parser)
{
        const char *start = parser->p;

        while (parser->p < parser->end && *parser->p >= '0' && *parser->p <= '9')
                parser->p++;
        return parser->p > start;
}

static int scan_number(struct parser *parser)
{
        (void)take(parser, '-');
        if (!take(parser, '0') && !take_digits(parser))
                return refuse(parser, "expected a value");
        if (take(parser, '.') && !take_digits(parser))
                return refuse(parser, "expected a digit after the decimal point");
        if (take(parser, 'e') || take(parser, 'E')) {
                if (!take(parser, '+'))
                        (void)take(parser, '-');
                if (!take_digits(parser))
                        return refuse(parser, "expected a digit in the exponent");
        }
        if (parser->p < parser->end && *parser->p >= '0' && *parser->p <= '9')
                return refuse(parser, "a number has a leading zero");
        return 0;
}

static bool take_word(struct parser *parser, const char *word)
{
        size_t len = strlen(word);

        if ((size_t)(parser->end - parser->p) < len || memcmp(parser->p, word, len) != 0)
                return false;
        parser->p += len;
        return true;
}

static int parse_scalar(struct parser *parser, struct json_node *node)
{
        int r = 0;

        node->start = parser->p;
        if (take(parser, '"')) {
                node->type = JSON_STRING;
                return scan_string(parser, &node->start, &node->len, &node->escaped);
        }
        if (take_word(parser, "null"))
                node->type = JSON_NULL;
        else if (take_word(parser, "true"))
                node->type = JSON_TRUE;
        else if (take_word(parser, "false"))
                node->type = JSON_FALSE;
        else {
                node->type = JSON_NUMBER;
                r = scan_number(parser);
        }
        node->len = (size_t)(parser->p - node->start);
        return r;
}

static int compare_keys(const void *a, const void *b)
{
        const struct json_node *x = *(const struct json_node *const *)a;
        const struct json_node *y = *(const struct json_node *const *)b;

        return json_compare_text(x->key, x->key_len, y->key, y->key_len);
}

/* Sorted, so that thousands of keys that begin alike cost no square of their number. */
static int refuse_duplicates(struct parser *parser, const struct json_node *object)
{
        const struct json_node **members;
        size_t n = 0;
        int r = 0;

        if (object->count < 2)
                return 0;
        members = reallocarray(NULL, object->count, sizeof(*members));
        if (!members)
                return -ENOMEM;
        for (const struct json_node *m = json_first(object); m; m = json_next(m))
                members[n++] = m;
        qsort(members, n, sizeof(*members), compare_keys);
        for (size_t i = 1; i < n && r == 0; i++)
                if (compare_keys(&members[i - 1], &members[i]) == 0) {
                        parser->p = members[i]->key > members[i - 1]->key ? members[i]->key
                                                                          : members[i - 1]->key;
                        r = refuse(parser, "the same key twice in one object");
                }
        free(members);
        return r;
}

static int parse_key(struct parser *parser, const char **ret, size_t *ret_len)
{
        bool escaped;
        int r;

        skip_space(parser);
        if (!take(parser, '"'))
                return refuse(parser, "expected a key in quotes");
        r = scan_string(parser, ret, ret_len, &escaped);
        if (r != 0)
                return r;
        skip_space(parser);
        return take(parser, ':') ? 0 : refuse(parser, "expected ':' after the key");
}

/* Members or elements until the closing bracket; the opening one is taken. */
static int parse_children(struct parser *parser, size_t index, bool object)
{
        char close = object ? '}' : ']';
        size_t previous = 0;
        uint32_t count = 0;
        int r;

        skip_space(parser);
        while (!take(parser, close)) {
                const char *key = NULL;
                size_t key_len = 0, child = parser->doc->used;

                if (count > 0 && !take(parser, ','))
                        return refuse(parser,
                                      object ? "expected ',' or '}'" : "expected ',' or ']'");
                if (object) {
                        r = parse_key(parser, &key, &key_len);
                        if (r != 0)
                                return r;
                }
                r = parse_value(parser, key, key_len);
                if (r != 0)
                        return r;
                if (count++ > 0)
                        parser->doc->nodes[previous].last = false;
                previous = child;
                skip_space(parser);
        }
        parser->doc->nodes[index].count = count;
        parser->doc->nodes[index].span = (uint32_t)(parser->doc->used - index);
        return 0;
}

static int parse_value(struct parser *parser, const char *key, size_t key_len)
{
        struct json_node *node;
        bool object;
        size_t index;
        int r;

        skip_space(parser);
        r = new_node(parser, &index);
        if (r != 0)
                return r;
        node = &parser->doc->nodes[index];
        node->key = key;
        node->key_len = key_len;
        node->start = parser->p;

        object = take(parser, '{');
        if (!object && !take(parser, '['))
                return parse_scalar(parser, node);
        node->type = object ? JSON_OBJECT : JSON_ARRAY;
        if (parser->depth == JSON_DEPTH_MAX)
                return refuse(parser, "nested too deep");
        parser->depth++;
        r = parse_children(parser, index, object);
        parser->depth--;
        if (r == 0 && object)
                r = refuse_duplicates(parser, &parser->doc->nodes[index]);
        return r;
}

int json_parse(const char *text, size_t len, struct json_doc **ret, struct diag *diag)
{
        CLEANUP_JSON struct json_doc *doc = calloc(1, sizeof(*doc));
        struct parser parser = {.text = text, .p = text, .end = text + len, .doc = doc};
        int r;

        if (!doc)
                return -ENOMEM;
        r = parse_value(&parser, NULL, 0);
        if (r == 0) {
                skip_space(&parser);
                if (parser.p < parser.end)
                        r = refuse(&parser, "text after the value");
        }
        if (r == JSON_E_SYNTAX)
                return diag_refuse(diag, r, "json", "byte %zu: %s", (size_t)(parser.p - text),
                                   parser.reason);
        if (r == 0)
                *ret = TAKE_PTR(doc);
        return r;
}

void json_free(struct json_doc *doc)
{
        if (!doc)
                return;
        free(doc->nodes);
        free(doc);
}
