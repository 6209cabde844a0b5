/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's answers on their way out: to a terminal cleaned, to a program as they came. */

#include "cli/agent.h"

enum { OUTPUT_MAX = 1 << 20, STRING_MAX = 262144 };

/* Longer than buf: cut. json_string() would refuse that. */
const char *agent_string(const struct json_node *node, char *buf, size_t size)
{
        char *text CLEANUP_FREE = malloc(STRING_MAX);

        buf[0] = '\0';
        if (text && json_string(node, text, STRING_MAX) == 0)
                diag_text(buf, size, text);
        return buf;
}

const char *agent_text(const struct json_node *object, const char *name, char *buf, size_t size)
{
        return agent_string(json_get(object, name), buf, size);
}

uint64_t agent_number(const struct json_node *object, const char *name)
{
        uint64_t value;

        return json_uint64(json_get(object, name), &value) == 0 ? value : 0;
}

bool agent_flag(const struct json_node *object, const char *name)
{
        const struct json_node *node = json_get(object, name);

        return node && json_type(node) == JSON_TRUE;
}

static void copy_string(struct jsonw *w, const char *key, const struct json_node *node)
{
        char *text CLEANUP_FREE = malloc(STRING_MAX);

        if (text && json_string(node, text, STRING_MAX) == 0)
                jsonw_string(w, key, text);
        else
                jsonw_string(w, key, "");
}

/* The interface has no null members in answers and no numbers but whole ones. */
void agent_copy(struct jsonw *w, const char *key, const struct json_node *node)
{
        uint64_t number;

        switch (json_type(node)) {
        case JSON_OBJECT:
                jsonw_object(w, key);
                agent_copy_members(w, node);
                jsonw_object_end(w);
                break;
        case JSON_ARRAY:
                jsonw_array(w, key);
                for (const struct json_node *n = json_first(node); n; n = json_next(n))
                        agent_copy(w, NULL, n);
                jsonw_array_end(w);
                break;
        case JSON_STRING: copy_string(w, key, node); break;
        case JSON_NUMBER: jsonw_uint64(w, key, json_uint64(node, &number) == 0 ? number : 0); break;
        case JSON_TRUE:
        case JSON_FALSE: jsonw_bool(w, key, json_type(node) == JSON_TRUE); break;
        default: jsonw_string(w, key, ""); break;
        }
}

void agent_copy_members(struct jsonw *w, const struct json_node *object)
{
        for (const struct json_node *n = json_first(object); n; n = json_next(n)) {
                char key[64];

                if (json_key(n, key, sizeof(key)) == 0)
                        agent_copy(w, key, n);
        }
}

void agent_print_json(const struct options *o, int code, const struct json_node *parameters)
{
        char *buf CLEANUP_FREE = malloc(OUTPUT_MAX);
        struct jsonw w;
        size_t len;

        if (!buf)
                return;
        jsonw_init(&w, buf, OUTPUT_MAX);
        jsonw_object(&w, NULL);
        jsonw_string(&w, "verb", o->verb);
        jsonw_string(&w, "outcome", code == EXIT_OK ? "ok" : "refused");
        jsonw_uint64(&w, "exit", (uint64_t)code);
        if (parameters)
                agent_copy_members(&w, parameters);
        jsonw_object_end(&w);
        if (jsonw_end(&w, &len) == 0)
                (void)puts(buf);
}
