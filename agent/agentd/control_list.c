/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What can be read of the agent: it hands structs over one by one, and they are written as they
 * come. */

#include "agentd/control_method.h"
#include "base/clock.h"

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
                report_write_why(l->w, volume, clock_wall_us() / 1000);
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
        struct control_parameters p;
        int r;

        if (!control_take(call, parameters, takes, &p))
                return 0;
        list->listing.volume = p.has_volume ? p.volume : NULL;
        r = list->run(&list->listing);
        if (r != 0)
                return control_refuse(call, r, p.volume, &list->listing.diag);
        return varlink_reply(call, false, fill_list, list);
}

int control_status(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        struct list list = {"volumes", list_volumes, {.control = userdata}};

        return answer_list(call, parameters, TAKES_VOLUME, &list);
}

int control_why(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        struct list list = {NULL, list_why, {.control = userdata}};

        return answer_list(call, parameters, NEEDS_VOLUME, &list);
}

int control_receipts(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        struct list list = {"receipts", list_receipts, {.control = userdata}};

        return answer_list(call, parameters, TAKES_VOLUME, &list);
}
