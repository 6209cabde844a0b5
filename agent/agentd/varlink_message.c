/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads a call of varlink's. The text is a client's, whom nothing is believed: strict JSON, the
 * members that varlink knows and no other, each of its type, names of varlink's characters. */

#include "agentd/varlink_message.h"

#define BROKEN(diag, ...) diag_refuse(diag, VARLINK_E_MESSAGE, "varlink", __VA_ARGS__)

static int take_flag(const struct json_node *node, const char *name, bool *ret, struct diag *diag)
{
        if (json_type(node) != JSON_TRUE && json_type(node) != JSON_FALSE)
                return BROKEN(diag, "%s is neither true nor false", name);
        *ret = json_type(node) == JSON_TRUE;
        return 0;
}

static int take_parameters(const struct json_node *node, struct varlink_message *m,
                           struct diag *diag)
{
        if (json_type(node) != JSON_OBJECT && json_type(node) != JSON_NULL)
                return BROKEN(diag, "the parameters are no object");
        m->parameters = json_type(node) == JSON_OBJECT ? node : NULL;
        return 0;
}

/* "a.b.Method" into "a.b" and "Method". */
static int take_name(const struct json_node *node, struct varlink_message *m, struct diag *diag)
{
        const char *dot;

        if (json_string(node, m->name, sizeof(m->name)) != 0)
                return BROKEN(diag, "the method is no string, or too long");
        for (const char *p = m->name; *p; p++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", *p))
                        return BROKEN(diag, "the method's name holds a character of no name");
        dot = strrchr(m->name, '.');
        if (strlen(dot ? dot + 1 : m->name) >= sizeof(m->method))
                return BROKEN(diag, "the method's name is too long");
        (void)snprintf(m->method, sizeof(m->method), "%s", dot ? dot + 1 : m->name);
        (void)snprintf(m->interface, sizeof(m->interface), "%.*s", dot ? (int)(dot - m->name) : 0,
                       m->name);
        return 0;
}

static int take_member(const struct json_node *node, struct varlink_message *m, struct diag *diag)
{
        char key[16];

        if (json_key(node, key, sizeof(key)) != 0)
                key[0] = '\0';
        if (strcmp(key, "method") == 0)
                return take_name(node, m, diag);
        if (strcmp(key, "parameters") == 0)
                return take_parameters(node, m, diag);
        if (strcmp(key, "oneway") == 0)
                return take_flag(node, key, &m->oneway, diag);
        if (strcmp(key, "more") == 0)
                return take_flag(node, key, &m->more, diag);
        if (strcmp(key, "upgrade") == 0)
                return take_flag(node, key, &m->upgrade, diag);
        return BROKEN(diag, "a member that varlink does not have");
}

int varlink_message_parse(const char *text, size_t len, struct varlink_message *ret,
                          struct diag *diag)
{
        struct varlink_message m CLEANUP_MESSAGE = {.name = ""};
        const struct json_node *root;
        int r = json_parse(text, len, &m.doc, diag);

        if (r != 0)
                return r < 0 ? r : VARLINK_E_MESSAGE;
        root = json_root(m.doc);
        if (json_type(root) != JSON_OBJECT)
                return BROKEN(diag, "a call is an object");
        for (const struct json_node *node = json_first(root); node; node = json_next(node)) {
                r = take_member(node, &m, diag);
                if (r != 0)
                        return r;
        }
        if (m.name[0] == '\0')
                return BROKEN(diag, "no method is named");
        *ret = m;
        m.doc = NULL;
        return 0;
}

void varlink_message_done(struct varlink_message *message)
{
        json_free(message->doc);
        message->doc = NULL;
}
