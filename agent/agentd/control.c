/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The methods of org.lukskms.Agent: their table, their parameters, and those that order something.
 * Parameters are a client's: each has a type and a length, and a member that the method does not
 * have is refused. Reading is for whoever may connect; what asks, changes or tries something is
 * root's. */

#include "agentd/control_method.h"

/* ---- parameters ---- */

static bool take_one(const struct json_node *node, const char *key, int takes,
                     struct control_parameters *ret)
{
        if (json_type(node) == JSON_NULL)
                return true;
        if (strcmp(key, "volume") == 0 && takes & (TAKES_VOLUME | NEEDS_VOLUME)) {
                ret->has_volume = true;
                return json_string(node, ret->volume, sizeof(ret->volume)) == 0;
        }
        if (strcmp(key, "rung") == 0 && takes & TAKES_DRILL)
                return json_string(node, ret->rung, sizeof(ret->rung)) == 0 &&
                       (strcmp(ret->rung, "suspend") == 0 || strcmp(ret->rung, "close") == 0 ||
                        strcmp(ret->rung, "kill") == 0);
        if (strcmp(key, "confirm") == 0 && takes & TAKES_DRILL) {
                ret->confirm = json_type(node) == JSON_TRUE;
                return ret->confirm || json_type(node) == JSON_FALSE;
        }
        return false;
}

bool control_take(struct varlink_call *call, const struct json_node *parameters, int takes,
                  struct control_parameters *ret)
{
        *ret = (struct control_parameters){.rung = "suspend"};
        for (const struct json_node *n = json_first(parameters); n; n = json_next(n)) {
                char key[32];

                if (json_key(n, key, sizeof(key)) != 0)
                        (void)snprintf(key, sizeof(key), "?");
                if (!take_one(n, key, takes, ret)) {
                        (void)varlink_error_parameter(call, key);
                        return false;
                }
        }
        if (takes & NEEDS_VOLUME && !ret->has_volume) {
                (void)varlink_error_parameter(call, "volume");
                return false;
        }
        return true;
}

int control_refuse(struct varlink_call *call, int r, const char *volume, const struct diag *diag)
{
        char message[160];

        if (r < 0)
                return r;
        if (r == CONTROL_E_REFUSED)
                return varlink_error(call, "Refused", diag->message, diag->advice);
        (void)snprintf(message, sizeof(message), "the agent knows no volume %s", volume);
        return varlink_error(call, "NoSuchVolume", message,
                             "luks-kms status names the volumes of the configuration; after a "
                             "change of it: systemctl reload luks-kms");
}

/* ---- figures ---- */

struct figures {
        char *buf;
        int result;
};

static void write_figures(void *arg, const struct metrics *metrics)
{
        struct figures *figures = arg;
        size_t len;

        figures->result = metrics_write(metrics, figures->buf, VARLINK_REPLY_MAX, &len);
}

static void fill_text(struct jsonw *w, void *arg)
{
        jsonw_string(w, "text", arg);
}

static int run_metrics(struct varlink_call *call, const struct json_node *parameters,
                       void *userdata)
{
        struct control *control = userdata;
        char *buf CLEANUP_FREE = NULL;
        struct figures figures = {.result = -ENODATA};
        struct control_parameters p;
        int r;

        if (!control_take(call, parameters, 0, &p))
                return 0;
        buf = malloc(VARLINK_REPLY_MAX);
        if (!buf)
                return -ENOMEM;
        figures.buf = buf;
        r = control->ops->metrics(control->agent, write_figures, &figures);
        if (r == 0)
                r = figures.result;
        return r < 0 ? r : varlink_reply(call, false, fill_text, buf);
}

/* ---- orders ---- */

static int run_probe(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        struct control *control = userdata;
        struct diag diag = DIAG_INIT;
        struct control_parameters p;
        int r;

        if (!control_take(call, parameters, NEEDS_VOLUME, &p))
                return 0;
        r = control->ops->probe(control->agent, p.volume, &diag);
        return r != 0 ? control_refuse(call, r, p.volume, &diag)
                      : varlink_reply(call, false, NULL, NULL);
}

static int run_reload(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        struct control *control = userdata;
        struct diag diag = DIAG_INIT;
        struct control_parameters p;
        int r;

        if (!control_take(call, parameters, 0, &p))
                return 0;
        r = control->ops->reload(control->agent, &diag);
        return r != 0 ? control_refuse(call, r, "", &diag) : varlink_reply(call, false, NULL, NULL);
}

static int run_drill(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        struct control *control = userdata;
        struct diag diag = DIAG_INIT;
        struct control_drill drill;
        struct control_parameters p;
        int r;

        if (!control_take(call, parameters, NEEDS_VOLUME | TAKES_DRILL, &p))
                return 0;
        if (p.confirm && !varlink_call_more(call))
                return varlink_error(call, "org.varlink.service.ExpectedMore",
                                     "a drill answers with several replies",
                                     "call it with more: true");
        drill.confirm = p.confirm;
        memcpy(drill.volume, p.volume, sizeof(drill.volume));
        memcpy(drill.rung, p.rung, sizeof(drill.rung));
        r = control->ops->drill(control->agent, &drill, call, &diag);
        return r != 0 ? control_refuse(call, r, p.volume, &diag) : 0;
}

static void fill_step(struct jsonw *w, void *arg)
{
        jsonw_object(w, "step");
        report_write_step(w, arg);
        jsonw_object_end(w);
}

static void fill_report(struct jsonw *w, void *arg)
{
        jsonw_object(w, "report");
        report_write_drill(w, arg);
        jsonw_object_end(w);
}

int control_drill_step(struct varlink_call *call, const struct report_step *step, bool last)
{
        return varlink_reply(call, !last, fill_step, (void *)(uintptr_t)step);
}

int control_drill_end(struct varlink_call *call, const struct report_drill *drill)
{
        return varlink_reply(call, false, fill_report, (void *)(uintptr_t)drill);
}

/* ---- all ---- */

static const struct varlink_method methods[] = {
    {"Status", VARLINK_ANYBODY, control_status}, {"Why", VARLINK_ANYBODY, control_why},
    {"Metrics", VARLINK_ANYBODY, run_metrics},   {"Receipts", VARLINK_ANYBODY, control_receipts},
    {"Probe", VARLINK_ROOT, run_probe},          {"Drill", VARLINK_ROOT, run_drill},
    {"Reload", VARLINK_ROOT, run_reload},        {NULL, VARLINK_ROOT, NULL},
};

static const struct varlink_interface interface = {
    .name = CONTROL_INTERFACE, .description = control_description, .methods = methods};

int control_new(sd_event *event, int fd, const char *version, const struct control_ops *ops,
                void *agent, struct control **ret)
{
        struct control *control = calloc(1, sizeof(*control));
        int r;

        if (!control) {
                close_fd(fd);
                return -ENOMEM;
        }
        control->ops = ops;
        control->agent = agent;
        r = varlink_server_new(event, fd, &interface, version, control, &control->server);
        if (r < 0) {
                free(control);
                return r;
        }
        *ret = control;
        return 0;
}

struct varlink_server *control_server(struct control *control)
{
        return control->server;
}

void control_free(struct control *control)
{
        if (!control)
                return;
        varlink_server_free(control->server);
        free(control);
}
