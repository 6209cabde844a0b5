/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* config: what is in force, as the agent and the other verbs understand the files. A setting that
 * no file has is written as a comment: what is printed can be read back, and is the same then.
 * Holds no secrets: the configuration has none, it says where they are. */

#include "cli/cli.h"

struct printing {
        const struct options *options;
        char text[16384]; /* --json: the section that is open */
        struct jsonw w;
        bool open;
};

/* A backslash at a line's end would go on in the next one. */
static int print_text(const struct config_shown *shown)
{
        const char *value = shown->value;
        const size_t len = value ? strlen(value) : 0;

        if (shown->setting)
                (void)printf("%s%s=%s%s\n", shown->is_default ? "#" : "", shown->setting, value,
                             len > 0 && value[len - 1] == '\\' ? " " : "");
        else
                (void)printf("\n[%s%s%s]\n", shown->section, shown->name[0] ? " " : "",
                             shown->name);
        return 0;
}

static int end_object(struct printing *p)
{
        size_t len;
        int r;

        if (!p->open)
                return 0;
        jsonw_object_end(&p->w);
        jsonw_object_end(&p->w);
        r = jsonw_end(&p->w, &len);
        if (r == 0)
                (void)puts(p->text);
        p->open = false;
        return r;
}

static int begin_object(struct printing *p, const struct config_shown *shown)
{
        int r = end_object(p);

        if (r < 0)
                return r;
        jsonw_init(&p->w, p->text, sizeof(p->text));
        jsonw_object(&p->w, NULL);
        jsonw_string(&p->w, "section", shown->section);
        if (shown->name[0])
                jsonw_string(&p->w, "name", shown->name);
        jsonw_object(&p->w, "settings");
        p->open = true;
        return 0;
}

static int on_shown(const struct config_shown *shown, void *userdata)
{
        struct printing *p = userdata;

        if (!p->options->json)
                return print_text(shown);
        if (!shown->setting)
                return begin_object(p, shown);
        jsonw_object(&p->w, shown->setting);
        jsonw_string(&p->w, "value", shown->value);
        jsonw_bool(&p->w, "default", shown->is_default);
        jsonw_object_end(&p->w);
        return 0;
}

int verb_config(const struct options *o)
{
        struct config *config CLEANUP_CONFIG = NULL;
        struct printing p = {.options = o};
        struct diag diag = DIAG_INIT;
        int r = config_load(o->config_dir, &config, &diag);

        if (r != 0)
                return report_failure(o, NULL, exit_of_config(r), &diag);
        if (!o->json)
                (void)printf("# luks-kms %s: what is in force, from %s\n"
                             "# \"#Name=value\" is a default: no file sets it\n",
                             VERSION, o->config_dir);
        r = config_show(config, on_shown, &p);
        if (r == 0)
                r = end_object(&p);
        if (r < 0) {
                (void)diag_fail(&diag, r, "cannot print the configuration");
                return report_failure(o, NULL, EXIT_ENVIRONMENT, &diag);
        }
        return EXIT_OK;
}
