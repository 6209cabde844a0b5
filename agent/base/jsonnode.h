/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What json.c (parsing) and jsonget.c (looking up) share, and nobody else may see.
 * Nodes stand in the order of the text, each knowing how many belong to it, so that there are no
 * links to get wrong: the first child is the next node, the next sibling is node + node->span. */

#include "base/json.h"

struct json_node {
        const char *start; /* the value's text; a string's without the quotes */
        size_t len;
        const char *key; /* without the quotes; NULL: no member of an object */
        size_t key_len;
        uint32_t span;  /* this node and all below it */
        uint32_t count; /* children */
        enum json_type type;
        bool last;    /* nothing follows in the same container */
        bool escaped; /* a string that holds escapes */
};

struct json_doc {
        struct json_node *nodes;
        size_t used, room;
};

/* Takes one code point, escaped or not, off the inside of a string.
 * Returns NULL, or why the text is not allowed; *p then stays where it was. */
const char *json_scan_point(const char **p, const char *end, uint32_t *ret);

/* Orders the insides of two strings that json_scan_point() accepts, as if decoded. */
int json_compare_text(const char *a, size_t a_len, const char *b, size_t b_len);
