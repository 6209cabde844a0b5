/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's own: wards and keys, begin and end, and the pump between keeper and the rest. */

#include "agentd/agent.h"

#include <sys/stat.h>

#include "agentd/drill.h"
#include "agentd/scribe.h"
#include "agentd/task.h"
#include "agentd/tell.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/fdio.h"
#include "wire/client.h"

enum { SCRIBE_WAIT_MS = 3000 };

struct ward *agent_ward(const struct agent *a, const char *name)
{
        struct ward *w = a->wards;

        while (w && strcmp(w->name, name) != 0)
                w = w->next;
        return w;
}

struct keystate *agent_key(const struct agent *a, const char *name)
{
        struct keystate *k = a->keys;

        while (k && strcmp(k->name, name) != 0)
                k = k->next;
        return k;
}

int agent_worker(const struct agent *a, bool own, struct wire_client **ret, struct diag *diag)
{
        int r = own ? -ENOENT : wire_client_connect(a->worker_socket, ret, diag);

        return r == -ENOENT ? wire_client_start(WORKER_PATH, own, ret, diag) : r;
}

bool agent_needs_own_worker(const struct volume_config *v)
{
        for (size_t i = 0; i < v->key_count; i++)
                if (strcmp(v->keys[i]->credentials, "env") == 0)
                        return true;
        return false;
}

/* A mapping that config does not name is watched, and told of, and left alone: whether it may be
 * taken away is for its owner to write down. */
struct lease_policy agent_policy(const struct agent *a, const struct volume_config *v)
{
        const struct agent_config *settings = &a->config->agent;
        struct lease_policy policy = {
            .on_revoke = {.count = 1, .rungs = {{.kind = RUNG_ALERT}}},
            .confirm_count = settings->confirm_denials,
            .confirm_span_ms = settings->confirm_span_ms,
            .pending_timeout_ms = settings->pending_timeout_ms,
        };

        if (!v)
                return policy;
        policy.on_revoke = v->on_revoke;
        policy.on_outage = v->on_outage;
        policy.max_outage_ms = v->max_outage_ms;
        policy.may_erase = v->allow_erase;
        return policy;
}

struct ward *agent_add_ward(struct agent *a, const char *name, const struct volume_config *config)
{
        const struct lease_policy policy = agent_policy(a, config);
        struct ward *w = calloc(1, sizeof(*w));

        if (!w || keeper_set_volume(a->keeper, name, &policy) < 0) {
                free(w);
                return NULL;
        }
        (void)snprintf(w->name, sizeof(w->name), "%s", name);
        w->agent = a;
        w->config = config;
        lease_init(&w->saved);
        w->told = w->saved.state;
        w->next = a->wards;
        a->wards = w;
        return w;
}

void agent_drop_ward(struct ward *w)
{
        struct ward **p = &w->agent->wards;

        while (*p && *p != w)
                p = &(*p)->next;
        if (*p)
                *p = w->next;
        task_forget(w);
        drill_forget(w);
        if (w->restoring)
                w->agent->restoring--;
        keeper_drop_volume(w->agent->keeper, w->name);
        for (size_t i = 0; i < w->key_count; i++)
                free(w->keys[i].probe);
        free(w);
}

void agent_event(struct ward *w, const struct lease_event *event)
{
        (void)keeper_event(w->agent->keeper, w->name, event, clock_boot_ms());
}

/* ---- keeper and the rest ---- */

/* Whatever an event has changed is on the disk, and told, before anything is done about it. */
static void settle(struct agent *a)
{
        for (struct ward *w = a->wards; w; w = w->next) {
                const struct lease *lease = keeper_lease(a->keeper, w->name);
                int r;

                if (!lease || memcmp(lease, &w->saved, sizeof(*lease)) == 0)
                        continue;
                r = state_save(w, lease);
                if (r < 0)
                        tell_agent(a, TELL_TROUBLE,
                                   "cannot save a lease: after a restart its "
                                   "delays would begin anew");
                w->saved = *lease;
                if (lease->state != w->told)
                        tell_state(w, lease);
                w->told = lease->state;
        }
}

static void carry_out(struct agent *a, const struct keeper_order *order)
{
        struct ward *w;

        if (order->kind == KEEPER_PROBE) {
                probe_begin(a, order->key);
                return;
        }
        w = agent_ward(a, order->volume);
        if (w)
                enforce(w, &order->lease);
}

static int on_pump(sd_event_source *source, void *userdata)
{
        struct agent *a = userdata;
        struct keeper_order order;
        uint64_t wake = UINT64_MAX;

        (void)source;
        enforce_waiting(a);
        do {
                order = keeper_next(a->keeper, clock_boot_ms(), &wake);
                settle(a);
                if (order.kind != KEEPER_NOTHING)
                        carry_out(a, &order);
        } while (order.kind != KEEPER_NOTHING);
        if (wake != UINT64_MAX)
                (void)sd_event_source_set_time(a->wake, wake * 1000);
        (void)sd_event_source_set_enabled(a->wake,
                                          wake == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
        return 0; /* anything else would take the pump out of the loop */
}

static int on_wake(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source;
        (void)usec;
        (void)userdata; /* the pump runs after every event, and so after this one */
        return 0;
}

/* ---- begin and end ---- */

/* Spreads the probes of a fleet; any number does where there is no machine-id. */
static uint64_t machine_seed(void)
{
        uint64_t seed = 1469598103934665603U;
        char id[64] = "";
        FILE *f CLEANUP_FILE = fopen("/etc/machine-id", "re");

        if (f && fgets(id, sizeof(id), f))
                for (const char *c = id; *c; c++)
                        seed = (seed ^ (unsigned char)*c) * 1099511628211U;
        return seed;
}

static int make_folders(const struct agent *a, struct diag *diag)
{
        char path[CONFIG_PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/leases", a->run_dir);
        if ((mkdir(a->run_dir, 0755) < 0 && errno != EEXIST) ||
            (mkdir(path, 0700) < 0 && errno != EEXIST))
                return diag_fail(diag, -errno, "cannot make %s", path);
        return 0;
}

/* Two agents would pull one volume in two directions. */
static int be_alone(struct agent *a, struct diag *diag)
{
        char path[CONFIG_PATH_MAX];
        int r;

        (void)snprintf(path, sizeof(path), "%s/lock", a->run_dir);
        r = file_lock(path, false, &a->lock);
        if (r == 0)
                return 0;
        if (r != -EAGAIN)
                return diag_fail(diag, r, "cannot lock %s", path);
        (void)diag_fail(diag, r, "another agent runs (%s)", path);
        diag_advise(diag, "see which: systemctl status luks-kms; pgrep luks-kmsd");
        return r;
}

static int begin_scribe(struct agent *a, const char *log, struct diag *diag)
{
        char path[CONFIG_PATH_MAX];
        int r;

        (void)snprintf(path, sizeof(path), "%s/scribe.lock", a->run_dir);
        r = scribe_new(a->event, log, path, tell_scribe_news, a, &a->scribe);
        return r < 0 ? diag_fail(diag, r, "cannot start the writer of the audit log") : 0;
}

int agent_begin(struct agent *a, struct diag *diag)
{
        struct config *config CLEANUP_CONFIG = NULL;
        int r = config_load(a->config_dir, &config, diag);

        if (r != 0)
                return r;
        a->started_us = clock_wall_us();
        a->keeper = keeper_new(machine_seed());
        if (!a->keeper)
                return -ENOMEM;
        r = make_folders(a, diag);
        if (r == 0)
                r = be_alone(a, diag);
        if (r == 0)
                r = begin_scribe(a, config->agent.audit_log, diag);
        if (r == 0)
                r = monitor_new(&a->monitor, diag);
        if (r != 0)
                return r;
        r = sd_event_add_time(a->event, &a->wake, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_wake, a);
        if (r >= 0)
                r = sd_event_add_post(a->event, &a->pump, on_pump, a);
        if (r >= 0)
                r = agent_apply(a, TAKE_PTR(config));
        if (r >= 0)
                r = scan_begin(a);
        return r < 0 ? diag_fail(diag, r, "cannot set up the agent") : 0;
}

void agent_end(struct agent *a)
{
        while (a->wards)
                agent_drop_ward(a->wards);
        task_forget_all(a);
        while (a->keys) {
                struct keystate *next = a->keys->next;

                probe_cancel(a->keys);
                free(a->keys);
                a->keys = next;
        }
        wire_client_free(a->idle);
        sd_event_source_disable_unref(a->wake);
        sd_event_source_disable_unref(a->pump);
        sd_event_source_disable_unref(a->news);
        sd_event_source_disable_unref(a->rescan);
        monitor_free(a->monitor);
        scribe_free(a->scribe, SCRIBE_WAIT_MS);
        keeper_free(a->keeper);
        config_free(a->config);
        close_fd(a->lock);
}
