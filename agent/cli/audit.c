/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* audit show and audit verify. The log is not trusted, and neither are the texts in it: what steers
 * a terminal is not shown. Neither verb needs the agent, or changes anything. */

#include <inttypes.h>

#include "audit/audit.h"
#include "cli/cli.h"

/* What makes up a line for people, in this order. */
static const char *const shown[] = {"verdict", "state",   "rung",         "outcome",
                                    "use",     "key",     "code",         "request_id",
                                    "table",   "message", "keyring_keys", "duration_ms"};

static void print_member(const struct json_node *root, const char *name)
{
        const struct json_node *node = json_get(root, name);
        char text[1024], clean[1024];
        uint64_t number;

        if (json_uint64(node, &number) == 0)
                (void)snprintf(text, sizeof(text), "%" PRIu64, number);
        else if (json_string(node, text, sizeof(text)) != 0)
                return;
        diag_text(clean, sizeof(clean), text);
        (void)printf(strchr(clean, ' ') ? " %s=\"%s\"" : " %s=%s", name, clean);
}

static void print_line(const struct json_node *root)
{
        char time[64] = "-", event[64] = "-", volume[128] = "-", clean[128];

        (void)json_string(json_get(root, "time"), time, sizeof(time));
        (void)json_string(json_get(root, "event"), event, sizeof(event));
        (void)json_string(json_get(root, "volume"), volume, sizeof(volume));
        diag_text(clean, sizeof(clean), time);
        (void)printf("%-24s", clean);
        diag_text(clean, sizeof(clean), volume);
        (void)printf(" %-16s", clean);
        diag_text(clean, sizeof(clean), event);
        (void)printf(" %s", clean);
        for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
                print_member(root, shown[i]);
        (void)putchar('\n');
}

/* A line that is none does not keep the others from being seen. */
static void show_line(const struct options *o, uint64_t number, const char *text, size_t len)
{
        struct json_doc *doc CLEANUP_JSON = NULL;
        const struct json_node *root;

        if (json_parse(text, len, &doc, NULL) != 0) {
                (void)fprintf(stderr,
                              "luks-kms audit show: line %" PRIu64 " is no line of an audit log\n"
                              "  next: luks-kms audit verify\n",
                              number);
                return;
        }
        root = json_root(doc);
        if (o->arg_count == 1 && !json_string_is(json_get(root, "volume"), o->args[0]))
                return;
        if (o->json)
                (void)printf("%s\n", text);
        else
                print_line(root);
}

static int load(const struct options *o, struct config **ret, struct diag *diag)
{
        return exit_of_config(config_load(o->config_dir, ret, diag));
}

static int cannot_read(struct diag *diag)
{
        diag_advise(diag, "the agent makes the log when it starts: is it running? are you root?");
        return EXIT_ENVIRONMENT;
}

int verb_audit_show(const struct options *o)
{
        struct config *config CLEANUP_CONFIG = NULL;
        FILE *file CLEANUP_FILE = NULL;
        char *text CLEANUP_FREE = NULL;
        struct diag diag = DIAG_INIT;
        size_t size = 0;
        ssize_t len;
        int code = load(o, &config, &diag);

        if (code == EXIT_OK) {
                file = fopen(config->agent.audit_log, "re");
                if (!file) {
                        (void)diag_fail(&diag, -errno, "cannot open %s", config->agent.audit_log);
                        code = cannot_read(&diag);
                }
        }
        if (code != EXIT_OK)
                return report_failure(o, NULL, code, &diag);
        for (uint64_t number = 1; (len = getline(&text, &size, file)) > 0; number++) {
                if (text[len - 1] == '\n')
                        text[--len] = '\0';
                show_line(o, number, text, (size_t)len);
        }
        return EXIT_OK;
}

struct chain {
        const struct options *options;
        char last[AUDIT_HASH_TEXT];
        bool held;
        uint64_t lines;
        unsigned int files;
        struct diag diag;
};

/* An exit code. */
static int follow(struct chain *c, const char *path)
{
        char last[AUDIT_HASH_TEXT];
        uint64_t lines;
        bool held;
        int r =
            audit_verify_holds(path, c->last, c->options->expect, &held, &lines, last, &c->diag);

        if (r != 0)
                return r < 0 ? cannot_read(&c->diag) : EXIT_REFUSED;
        memcpy(c->last, last, sizeof(c->last));
        c->held = c->held || held;
        c->lines += lines;
        c->files++;
        if (!c->options->json)
                (void)printf("%s: %" PRIu64 " lines, whole\n", path, lines);
        return EXIT_OK;
}

/* The log of the configuration, and before it what logrotate moved away: PATH.1, PATH.2, ... */
static int follow_configured(struct chain *c)
{
        struct config *config CLEANUP_CONFIG = NULL;
        char path[CONFIG_PATH_MAX + 8];
        int rotated = 0, code = load(c->options, &config, &c->diag);
        const char *log;

        if (code != EXIT_OK)
                return code;
        log = config->agent.audit_log;
        do
                (void)snprintf(path, sizeof(path), "%s.%d", log, ++rotated);
        while (rotated <= AUDIT_FILES_MAX && access(path, F_OK) == 0);
        for (int i = rotated - 1; i > 0 && code == EXIT_OK; i--) {
                (void)snprintf(path, sizeof(path), "%s.%d", log, i);
                code = follow(c, path);
        }
        if (code == EXIT_OK && (rotated == 1 || access(log, F_OK) == 0))
                code = follow(c, log);
        return code;
}

static int check_hash(struct chain *c, const char *hash)
{
        if (!hash || audit_hash_valid(hash))
                return EXIT_OK;
        (void)diag_refuse(&c->diag, 0, "hash", "%s is no SHA-256 in lower-case hex", hash);
        diag_advise(&c->diag, "take it from the agent's messages: journalctl -u luks-kmsd");
        return EXIT_USAGE;
}

static int check_held(struct chain *c)
{
        if (!c->options->expect || c->held)
                return EXIT_OK;
        (void)diag_refuse(
            &c->diag, 0, "audit-chain",
            "no line has the hash %s: the log was cut off before it, or the whole was "
            "written anew",
            c->options->expect);
        diag_advise(&c->diag, "are all files named, oldest first? if so, keep them as evidence");
        return EXIT_REFUSED;
}

static void print_chain(const struct chain *c)
{
        char text[512];
        struct jsonw w;
        size_t len;

        if (!c->options->json) {
                (void)printf("the chain is whole; its last hash is %s\n", c->last);
                return;
        }
        jsonw_init(&w, text, sizeof(text));
        jsonw_object(&w, NULL);
        jsonw_string(&w, "verb", c->options->verb);
        jsonw_string(&w, "outcome", "ok");
        jsonw_uint64(&w, "exit", EXIT_OK);
        jsonw_uint64(&w, "files", c->files);
        jsonw_uint64(&w, "lines", c->lines);
        jsonw_string(&w, "last", c->last);
        jsonw_object_end(&w);
        if (jsonw_end(&w, &len) == 0)
                (void)puts(text);
}

int verb_audit_verify(const struct options *o)
{
        struct chain c = {.options = o, .last = AUDIT_HASH_NONE, .diag = DIAG_INIT};
        int code = check_hash(&c, o->expect);

        if (code == EXIT_OK)
                code = check_hash(&c, o->from);
        if (code == EXIT_OK && o->from)
                memcpy(c.last, o->from, sizeof(c.last));
        if (code == EXIT_OK && o->arg_count == 0)
                code = follow_configured(&c);
        for (int i = 0; i < o->arg_count && code == EXIT_OK; i++)
                code = follow(&c, o->args[i]);
        if (code == EXIT_OK)
                code = check_held(&c);
        if (code != EXIT_OK)
                return report_failure(o, NULL, code, &c.diag);
        print_chain(&c);
        return EXIT_OK;
}
