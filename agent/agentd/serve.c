/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the agent's state to the structs that control.h hands on. Asks nobody, waits for nobody. */

#include "agentd/serve.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agentd/control.h"
#include "agentd/drill.h"
#include "agentd/scribe.h"
#include "base/clock.h"

/* What the keeper counts in CLOCK_BOOTTIME, on the wall clock; 0 and "never" stay 0. */
static uint64_t to_wall(uint64_t boot_ms)
{
        const uint64_t boot = clock_boot_ms(), wall = clock_wall_us() / 1000;

        if (boot_ms == 0 || boot_ms == UINT64_MAX || wall + boot_ms < boot)
                return 0;
        return wall + boot_ms - boot;
}

/* "" is nothing. */
static const char *some(const char *text)
{
        return text[0] ? text : NULL;
}

static void fill_probe(const struct agent *a, const struct keystate *k, struct report_probe *ret)
{
        struct keeper_probe probe = {.verdict = -1};

        (void)keeper_probe(a->keeper, k->name, &probe);
        *ret = (struct report_probe){
            .key = k->name,
            .uri = k->config->uri.text,
            .verdict = k->verdict >= 0 ? verdict_name(k->verdict) : NULL,
            .code = some(k->said.code),
            .request_id = some(k->said.request_id),
            .message = k->verdict == VERDICT_GRANTED ? NULL : k->said.message,
            .at_ms = k->verdict_us / 1000,
            .next_ms = to_wall(probe.next_ms),
            .interval_ms = k->config->probe_interval_ms,
            .in_flight = k->call != NULL,
        };
}

static size_t fill_history(const struct ward *w, struct report_event ret[PAST_MAX])
{
        const unsigned int count = w->past_count < PAST_MAX ? w->past_count : PAST_MAX;

        for (unsigned int i = 0; i < count; i++) {
                const struct past *p = &w->past[(w->past_count - count + i) % PAST_MAX];

                ret[i] = (struct report_event){.at_ms = p->time_us / 1000,
                                               .event = p->event,
                                               .verdict = p->verdict,
                                               .code = p->code,
                                               .request_id = p->request_id,
                                               .message = p->message,
                                               .rung = p->rung,
                                               .outcome = p->outcome};
        }
        return count;
}

static void hand_volume(const struct ward *w, control_volume_fn each, void *arg)
{
        const struct lease *lease = keeper_lease(w->agent->keeper, w->name);
        const struct lease_policy *policy = keeper_policy(w->agent->keeper, w->name);
        struct report_probe probes[CONFIG_KEYS_PER_VOLUME];
        struct report_event history[PAST_MAX];
        struct report_volume v = {.name = w->name,
                                  .mapping = w->mapping,
                                  .uuid = w->uuid,
                                  .role = w->role,
                                  .device = w->device,
                                  .keys = probes,
                                  .history = history};
        enum rung_kind next;
        uint64_t next_ms;

        if (!lease || !policy)
                return;
        for (size_t i = 0; i < w->key_count; i++) {
                const struct keystate *k = agent_key(w->agent, w->keys[i].key);

                if (k)
                        fill_probe(w->agent, k, &probes[v.key_count++]);
        }
        v.history_count = fill_history(w, history);
        v.state = lease_state_name(lease->state);
        v.suspended = lease->suspended;
        v.by_outage = lease->by_outage;
        v.unproven = lease->unproven;
        v.rung = lease->rung == LEASE_NO_RUNG ? NULL : rung_name((enum rung_kind)lease->rung);
        v.since_ms = to_wall(lease->since_ms);
        if (lease_next_rung(policy, lease, &next, &next_ms)) {
                v.next_rung = rung_name(next);
                v.next_rung_ms = to_wall(next_ms);
        }
        each(arg, &v);
}

static int op_volumes(void *agent, const char *volume, control_volume_fn each, void *arg)
{
        const struct agent *a = agent;
        const struct ward *one = volume ? agent_ward(a, volume) : NULL;

        if (volume && (!one || one->foreign))
                return CONTROL_E_NO_VOLUME;
        if (one)
                hand_volume(one, each, arg);
        for (const struct ward *w = a->wards; w && !one; w = w->next)
                if (!w->foreign)
                        hand_volume(w, each, arg);
        return 0;
}

void serve_receipt(const struct ward *w, struct report_receipt *ret)
{
        *ret = (struct report_receipt){.at_ms = w->receipt_us / 1000,
                                       .volume = w->name,
                                       .uuid = w->uuid,
                                       .rung = rung_name(w->receipt_rung),
                                       .proven = w->receipt.proven != 0,
                                       .table = w->receipt.table,
                                       .mappings = w->receipt.mappings,
                                       .keyring_keys = (uint64_t)w->receipt.keyring_keys};
}

static void hand_receipt(const struct ward *w, control_receipt_fn each, void *arg)
{
        struct report_receipt receipt;

        if (w->receipt_us == 0)
                return;
        serve_receipt(w, &receipt);
        each(arg, &receipt);
}

static int op_receipts(void *agent, const char *volume, control_receipt_fn each, void *arg)
{
        const struct agent *a = agent;

        if (volume && !agent_ward(a, volume))
                return CONTROL_E_NO_VOLUME;
        for (const struct ward *w = a->wards; w; w = w->next)
                if (!volume || strcmp(w->name, volume) == 0)
                        hand_receipt(w, each, arg);
        return 0;
}

static int op_metrics(void *agent, void (*use)(void *arg, const struct metrics *metrics), void *arg)
{
        const struct agent *a = agent;
        struct metrics_volume *volumes CLEANUP_FREE = NULL;
        struct metrics_key *keys CLEANUP_FREE = NULL;
        struct metrics m = {.version = VERSION, .now_ms = clock_wall_us() / 1000};
        size_t wards = 0, sections = 0;

        for (const struct ward *w = a->wards; w; w = w->next)
                wards++;
        for (const struct keystate *k = a->keys; k; k = k->next)
                sections++;
        volumes = calloc(wards + 1, sizeof(*volumes));
        keys = calloc(sections + 1, sizeof(*keys));
        if (!volumes || !keys)
                return -ENOMEM;
        for (const struct ward *w = a->wards; w; w = w->next) {
                const struct lease *lease = keeper_lease(a->keeper, w->name);

                if (!lease || w->foreign)
                        continue;
                volumes[m.volume_count] = (struct metrics_volume){
                    .volume = w->name,
                    .state = lease->state,
                    .rung = lease->rung,
                    .erasure_proven = w->receipt_us ? w->receipt.proven : -1,
                };
                memcpy(volumes[m.volume_count++].rungs, w->rungs, sizeof(w->rungs));
        }
        for (const struct keystate *k = a->keys; k; k = k->next) {
                keys[m.key_count] =
                    (struct metrics_key){.key = k->name, .success_ms = k->granted_us / 1000};
                memcpy(keys[m.key_count++].probes, k->counts, sizeof(k->counts));
        }
        m.volumes = volumes;
        m.keys = keys;
        m.audit_errors = a->audit_errors + scribe_lost(a->scribe);
        use(arg, &m);
        return 0;
}

static int op_probe(void *agent, const char *volume, struct diag *diag)
{
        struct agent *a = agent;
        const struct ward *w = agent_ward(a, volume);

        if (!w)
                return CONTROL_E_NO_VOLUME;
        if (w->key_count == 0) {
                (void)diag_refuse(diag, 0, "not-watched", "%s is not watched: it is not open",
                                  volume);
                diag_advise(diag, "see how it stands: luks-kms status %s", volume);
                return CONTROL_E_REFUSED;
        }
        for (size_t i = 0; i < w->key_count; i++)
                (void)keeper_hurry(a->keeper, w->keys[i].key, clock_boot_ms());
        return 0;
}

static int op_reload(void *agent, struct diag *diag)
{
        int r = agent_reload(agent, diag);

        return r <= 0 ? r : CONTROL_E_REFUSED;
}

static int op_drill(void *agent, const struct control_drill *drill, struct varlink_call *call,
                    struct diag *diag)
{
        return drill_begin(agent, drill, call, diag);
}

static const struct control_ops ops = {
    .volumes = op_volumes,
    .receipts = op_receipts,
    .metrics = op_metrics,
    .probe = op_probe,
    .reload = op_reload,
    .drill = op_drill,
};

/* ---- the socket ---- */

/* From the file, not through the name service: its modules may wait for others. */
static int find_group(const char *name, gid_t *ret, struct diag *diag)
{
        FILE *groups CLEANUP_FILE = fopen("/etc/group", "re");
        const struct group *g;

        while (groups && (g = fgetgrent(groups)))
                if (strcmp(g->gr_name, name) == 0) {
                        *ret = g->gr_gid;
                        return 0;
                }
        return diag_fail(diag, -ENOENT, "ReadGroup=%s: /etc/group has no such group", name);
}

/* Who may connect is the mode; who is served then, with a group, control and its server see to. */
static int listen_at(const char *path, mode_t mask, struct diag *diag)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd CLEANUP_FD = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        mode_t before;
        int r;

        if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
                return diag_fail(diag, fd < 0 ? -errno : -ENAMETOOLONG, "cannot serve %s", path);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        (void)unlink(path); /* of an agent that was killed */
        before = umask(mask);
        r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
        (void)umask(before);
        if (r == 0 && listen(fd, 16) < 0)
                r = -errno;
        return r < 0 ? diag_fail(diag, r, "cannot serve %s", path) : take_fd(&fd);
}

int serve_begin(struct agent *a, struct diag *diag)
{
        const char *group = a->config->agent.read_group;
        char path[CONFIG_PATH_MAX * 2];
        gid_t gid = 0;
        int fd, r = group[0] ? find_group(group, &gid, diag) : 0;

        if (r < 0)
                return r;
        (void)snprintf(path, sizeof(path), "%s/control", a->run_dir);
        fd = listen_at(path, group[0] ? 0111 : 0177, diag);
        if (fd < 0)
                return fd;
        r = control_new(a->event, fd, VERSION, &ops, a, &a->control);
        if (r == 0 && group[0])
                varlink_server_set_group(control_server(a->control), gid);
        return r < 0 ? diag_fail(diag, r, "cannot serve %s", path) : 0;
}

void serve_end(struct agent *a)
{
        control_free(TAKE_PTR(a->control));
}
