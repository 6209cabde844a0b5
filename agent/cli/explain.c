/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* explain: every path that can still open a volume, from its header, the configuration and sysfs;
 * the list itself is volume/paths.c. Works without the agent, which, where it runs, says which keys
 * it watches. Asks no KMS. */

#include "cli/agent.h"
#include "volume/paths.h"

struct explanation {
        const struct volume_config *volume;
        struct header *header;
        struct path *paths; /* PATHS_MAX */
        size_t count;
        bool agent; /* it was asked */
};

/* The keys that the agent tells of are those it asks. */
static void mark_watched(struct explanation *e, const struct json_node *volume)
{
        for (const struct json_node *n = json_first(json_get(volume, "keys")); n; n = json_next(n))
                for (size_t i = 0; i < e->count; i++)
                        if (e->paths[i].key[0] &&
                            json_string_is(json_get(n, "uri"), e->paths[i].key))
                                e->paths[i].watched = true;
}

/* No agent, or one that does not know: nothing is watched then. */
static void ask_agent(const struct options *o, struct explanation *e)
{
        const struct agent_request request = {.method = "Status", .volume = e->volume->name};
        struct agent *agent CLEANUP_AGENT = NULL;
        const struct json_node *answer;

        if (agent_connect(o, &agent, NULL) != 0 || agent_ask(agent, &request, &answer, NULL) != 0)
                return;
        e->agent = true;
        mark_watched(e, json_first(json_get(answer, "volumes")));
}

static int find_paths(const struct options *o, struct explanation *e, struct diag *diag)
{
        const char *allowed[CONFIG_KEYS_PER_VOLUME];
        struct paths_mapping mappings[PATHS_MAPPINGS_MAX];
        size_t count;
        int r = header_read(e->volume->device, &e->header, diag);

        if (r != 0)
                return r;
        e->paths = calloc(PATHS_MAX, sizeof(*e->paths));
        if (!e->paths)
                return -ENOMEM;
        for (size_t i = 0; i < e->volume->key_count; i++)
                allowed[i] = e->volume->keys[i]->uri.text;
        count = paths_mappings("/sys", e->header->binding.uuid, e->volume->name, mappings);
        e->count = paths_list(e->header, allowed, e->volume->key_count, mappings, count, e->paths);
        ask_agent(o, e);
        return 0;
}

static void print_text(const struct explanation *e)
{
        (void)printf("%s: LUKS %s on %s\n", e->volume->name, e->header->binding.uuid,
                     e->volume->device);
        for (size_t i = 0; i < e->count; i++) {
                const struct path *p = &e->paths[i];
                const bool ours = p->key[0] != '\0';
                char slot[24] = "-";

                if (p->keyslot >= 0)
                        (void)snprintf(slot, sizeof(slot), "keyslot %d", p->keyslot);
                (void)printf("  %-19s %-10s %s\n", path_kind_name(p->kind), slot,
                             ours ? p->key : p->note);
                if (!ours)
                        continue;
                (void)printf("  %-30s %s, %s: %s\n", "",
                             p->allowed ? "allowed by the configuration" : "not allowed",
                             p->watched ? "watched by the agent" : "not watched", p->note);
        }
        if (!e->agent)
                (void)puts(
                    "No agent answered: nobody watches the keys (systemctl start luks-kms).");
}

static void print_json(const struct options *o, const struct explanation *e)
{
        enum { SIZE = 65536 };
        char *buf CLEANUP_FREE = malloc(SIZE);
        struct jsonw w;
        size_t len;

        if (!buf)
                return;
        jsonw_init(&w, buf, SIZE);
        jsonw_object(&w, NULL);
        jsonw_string(&w, "verb", o->verb);
        jsonw_string(&w, "volume", e->volume->name);
        jsonw_string(&w, "outcome", "ok");
        jsonw_uint64(&w, "exit", EXIT_OK);
        jsonw_string(&w, "uuid", e->header->binding.uuid);
        jsonw_bool(&w, "agent", e->agent);
        jsonw_array(&w, "paths");
        for (size_t i = 0; i < e->count; i++) {
                const struct path *p = &e->paths[i];

                jsonw_object(&w, NULL);
                jsonw_string(&w, "kind", path_kind_name(p->kind));
                if (p->keyslot >= 0)
                        jsonw_uint64(&w, "keyslot", (uint64_t)p->keyslot);
                if (p->key[0])
                        jsonw_string(&w, "key", p->key);
                jsonw_bool(&w, "allowed_by_config", p->allowed);
                jsonw_bool(&w, "watched", p->watched);
                jsonw_string(&w, "note", p->note);
                jsonw_object_end(&w);
        }
        jsonw_array_end(&w);
        jsonw_object_end(&w);
        if (jsonw_end(&w, &len) == 0)
                (void)puts(buf);
}

int verb_explain(const struct options *o)
{
        struct config *config CLEANUP_CONFIG = NULL;
        struct explanation e = {.volume = NULL};
        struct diag diag = DIAG_INIT;
        int r = config_load(o->config_dir, &config, &diag), code;

        if (r == 0)
                r = config_volume(config, o->args[0], &e.volume, &diag);
        if (r != 0)
                return report_failure(o, o->args[0], exit_of_config(r), &diag);
        r = find_paths(o, &e, &diag);
        code = exit_of_volume(r);
        if (r != 0)
                code = report_failure(o, o->args[0], code, &diag);
        else if (o->json)
                print_json(o, &e);
        else
                print_text(&e);
        header_free(e.header);
        free(e.paths);
        return code;
}
