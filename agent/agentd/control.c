/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The methods of org.lukskms.Agent. Parameters are a client's: each has a type and a length, and a
 * member that the method does not have is refused. Reading is for whoever may connect; what asks,
 * changes or tries something is root's. */

#include "agentd/control.h"

#include <time.h>

struct control {
        const struct control_ops *ops;
        void *agent;
        struct varlink_server *server;
};

static uint64_t wall_ms(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- parameters ---- */

enum { NAME_MAX_ = 64 };

struct parameters {
        char volume[NAME_MAX_], rung[16];
        bool has_volume, confirm;
};

/* Bits of what a method takes. */
enum { VOLUME = 1, VOLUME_NEEDED = 2, DRILL = 4 };

static bool take_one(const struct json_node *node, const char *key, int takes,
                     struct parameters *ret)
{
        if (json_type(node) == JSON_NULL)
                return true;
        if (strcmp(key, "volume") == 0 && takes & (VOLUME | VOLUME_NEEDED)) {
                ret->has_volume = true;
                return json_string(node, ret->volume, sizeof(ret->volume)) == 0;
        }
        if (strcmp(key, "rung") == 0 && takes & DRILL)
                return json_string(node, ret->rung, sizeof(ret->rung)) == 0 &&
                       (strcmp(ret->rung, "suspend") == 0 || strcmp(ret->rung, "close") == 0 ||
                        strcmp(ret->rung, "kill") == 0);
        if (strcmp(key, "confirm") == 0 && takes & DRILL) {
                ret->confirm = json_type(node) == JSON_TRUE;
                return ret->confirm || json_type(node) == JSON_FALSE;
        }
        return false;
}

/* True, or the call has its error. */
static bool take(struct varlink_call *call, const struct json_node *parameters, int takes,
                 struct parameters *ret)
{
        *ret = (struct parameters){.rung = "suspend"};
        for (const struct json_node *n = json_first(parameters); n; n = json_next(n)) {
                char key[32];

                if (json_key(n, key, sizeof(key)) != 0)
                        (void)snprintf(key, sizeof(key), "?");
                if (!take_one(n, key, takes, ret)) {
                        (void)varlink_error_parameter(call, key);
                        return false;
                }
        }
        if (takes & VOLUME_NEEDED && !ret->has_volume) {
                (void)varlink_error_parameter(call, "volume");
                return false;
        }
        return true;
}

/* The agent's refusals as errors. Negative is passed on, for InternalError. */
static int refuse(struct varlink_call *call, int r, const char *volume, const struct diag *diag)
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

/* ---- lists ---- */

/* One call's way through the agent's table and back. */
struct listing {
        struct control *control;
        const char *volume; /* NULL: all */
        struct jsonw *w;    /* NULL: only whether the agent would answer */
        struct diag diag;
};

static void write_volume(void *arg, const struct report_volume *volume)
{
        const struct listing *l = arg;

        if (!l->w)
                return;
        jsonw_object(l->w, NULL);
        report_write_volume(l->w, volume);
        jsonw_object_end(l->w);
}

static void write_why(void *arg, const struct report_volume *volume)
{
        const struct listing *l = arg;

        if (l->w)
                report_write_why(l->w, volume, wall_ms());
}

static void write_path(void *arg, const struct report_path *path)
{
        const struct listing *l = arg;

        if (!l->w)
                return;
        jsonw_object(l->w, NULL);
        report_write_path(l->w, path);
        jsonw_object_end(l->w);
}

static void write_receipt(void *arg, const struct report_receipt *receipt)
{
        const struct listing *l = arg;

        if (!l->w)
                return;
        jsonw_object(l->w, NULL);
        report_write_receipt(l->w, receipt);
        jsonw_object_end(l->w);
}

static int list_volumes(struct listing *l)
{
        return l->control->ops->volumes(l->control->agent, l->volume, write_volume, l);
}

static int list_why(struct listing *l)
{
        return l->control->ops->volumes(l->control->agent, l->volume, write_why, l);
}

static int list_paths(struct listing *l)
{
        return l->control->ops->explain(l->control->agent, l->volume, write_path, l, &l->diag);
}

static int list_receipts(struct listing *l)
{
        return l->control->ops->receipts(l->control->agent, l->volume, write_receipt, l);
}

struct list {
        const char *member; /* NULL: the list writes members itself */
        int (*run)(struct listing *l);
        struct listing listing;
};

static void fill_list(struct jsonw *w, void *arg)
{
        struct list *list = arg;

        list->listing.w = w;
        if (list->member)
                jsonw_array(w, list->member);
        (void)list->run(&list->listing);
        if (list->member)
                jsonw_array_end(w);
}

/* Asked once whether there is an answer, then for it: a reply that has begun cannot be refused. */
static int answer_list(struct varlink_call *call, const struct json_node *parameters, int takes,
                       struct list *list)
{
        struct parameters p;
        int r;

        if (!take(call, parameters, takes, &p))
                return 0;
        list->listing.volume = p.has_volume ? p.volume : NULL;
        r = list->run(&list->listing);
        if (r != 0)
                return refuse(call, r, p.volume, &list->listing.diag);
        return varlink_reply(call, false, fill_list, list);
}

static int run_status(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        struct list list = {"volumes", list_volumes, {.control = userdata}};

        return answer_list(call, parameters, VOLUME, &list);
}

static int run_why(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        struct list list = {NULL, list_why, {.control = userdata}};

        return answer_list(call, parameters, VOLUME_NEEDED, &list);
}

static int run_explain(struct varlink_call *call, const struct json_node *parameters,
                       void *userdata)
{
        struct list list = {"paths", list_paths, {.control = userdata}};

        return answer_list(call, parameters, VOLUME_NEEDED, &list);
}

static int run_receipts(struct varlink_call *call, const struct json_node *parameters,
                        void *userdata)
{
        struct list list = {"receipts", list_receipts, {.control = userdata}};

        return answer_list(call, parameters, VOLUME, &list);
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
        struct parameters p;
        int r;

        if (!take(call, parameters, 0, &p))
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
        struct parameters p;
        int r;

        if (!take(call, parameters, VOLUME_NEEDED, &p))
                return 0;
        r = control->ops->probe(control->agent, p.volume, &diag);
        return r != 0 ? refuse(call, r, p.volume, &diag) : varlink_reply(call, false, NULL, NULL);
}

static int run_reload(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        struct control *control = userdata;
        struct diag diag = DIAG_INIT;
        struct parameters p;
        int r;

        if (!take(call, parameters, 0, &p))
                return 0;
        r = control->ops->reload(control->agent, &diag);
        return r != 0 ? refuse(call, r, "", &diag) : varlink_reply(call, false, NULL, NULL);
}

static int run_drill(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        struct control *control = userdata;
        struct diag diag = DIAG_INIT;
        struct control_drill drill;
        struct parameters p;
        int r;

        if (!take(call, parameters, VOLUME_NEEDED | DRILL, &p))
                return 0;
        if (p.confirm && !varlink_call_more(call))
                return varlink_error(call, "org.varlink.service.ExpectedMore",
                                     "a drill answers with several replies",
                                     "call it with more: true");
        drill.confirm = p.confirm;
        memcpy(drill.volume, p.volume, sizeof(drill.volume));
        memcpy(drill.rung, p.rung, sizeof(drill.rung));
        r = control->ops->drill(control->agent, &drill, call, &diag);
        return r != 0 ? refuse(call, r, p.volume, &diag) : 0;
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
    {"Status", VARLINK_ANYBODY, run_status},
    {"Why", VARLINK_ANYBODY, run_why},
    {"Explain", VARLINK_ANYBODY, run_explain},
    {"Metrics", VARLINK_ANYBODY, run_metrics},
    {"Receipts", VARLINK_ANYBODY, run_receipts},
    {"Probe", VARLINK_ROOT, run_probe},
    {"Drill", VARLINK_ROOT, run_drill},
    {"Reload", VARLINK_ROOT, run_reload},
    {NULL, VARLINK_ROOT, NULL},
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
