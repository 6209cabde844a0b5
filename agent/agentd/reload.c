/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Configuration to keeper. A reload disturbs no volume, no probe and no work that is under way,
 * unless the key that it is about has changed. */

#include "agentd/drill.h"
#include "agentd/tell.h"

/* Other credentials, or another key by that name: what was granted before proves nothing of these.
 */
static void note_change(struct agent *a, struct keystate *k)
{
        probe_cancel(k);
        for (struct ward *w = a->wards; w; w = w->next)
                for (size_t i = 0; i < w->key_count; i++)
                        if (strcmp(w->keys[i].key, k->name) == 0)
                                agent_event(w,
                                            &(const struct lease_event){.kind = LEASE_EV_CHANGED});
}

static int add_key(struct agent *a, const struct key_config *config)
{
        struct keystate *k = agent_key(a, config->name);
        char before[sizeof(k->fingerprint)];
        int r = keeper_set_key(a->keeper, config->name, config->probe_interval_ms);

        if (r < 0)
                return r;
        if (!k) {
                k = calloc(1, sizeof(*k));
                if (!k)
                        return -ENOMEM;
                (void)snprintf(k->name, sizeof(k->name), "%s", config->name);
                k->verdict = -1;
                k->next = a->keys;
                a->keys = k;
        }
        k->config = config;
        memcpy(before, k->fingerprint, sizeof(before));
        r = config_fingerprint(config, k->fingerprint);
        if (before[0] && strcmp(before, k->fingerprint) != 0)
                note_change(a, k);
        return r;
}

static int add_volume(struct agent *a, const struct volume_config *config)
{
        const struct lease_policy policy = agent_policy(a, config);
        struct ward *w = agent_ward(a, config->name);

        if (!w)
                return agent_add_ward(a, config->name, config) ? 0 : -ENOMEM;
        w->config = config;
        w->stale = false;
        return keeper_set_volume(a->keeper, config->name, &policy);
}

/* Strangers stay; what was configured and is not any more becomes one, if it is open. */
static void release_volumes(struct agent *a)
{
        for (struct ward *w = a->wards; w; w = w->next) {
                const struct lease_policy policy = agent_policy(a, NULL);

                w->stale = w->config != NULL;
                w->config = NULL;
                w->foreign = false;
                scan_header(w); /* other keys may guard it now */
                if (!w->stale || w->mapping[0])
                        (void)keeper_set_volume(a->keeper, w->name, &policy);
        }
}

static void drop_stale(struct agent *a)
{
        for (struct ward *w = a->wards, *next; w; w = next) {
                next = w->next;
                if (w->stale && !w->mapping[0]) {
                        state_forget(w);
                        agent_drop_ward(w);
                }
        }
        for (struct keystate **p = &a->keys; *p;) {
                struct keystate *k = *p;

                k->config = config_key(a->config, k->name);
                if (k->config) {
                        p = &k->next;
                        continue;
                }
                probe_cancel(k);
                *p = k->next;
                free(k);
        }
}

int agent_apply(struct agent *a, struct config *fresh)
{
        struct config *old = a->config; /* until nothing points to it any more */
        int r = 0;

        for (struct ward *w = a->wards; w; w = w->next)
                drill_forget(w);
        a->config = fresh;
        keeper_mark(a->keeper);
        release_volumes(a);
        for (const struct key_config *k = fresh->keys; k && r == 0; k = k->next)
                r = add_key(a, k);
        for (const struct volume_config *v = fresh->volumes; v && r == 0; v = v->next)
                r = add_volume(a, v);
        drop_stale(a);
        keeper_sweep(a->keeper);
        config_free(old);
        return r;
}

int agent_reload(struct agent *a, struct diag *diag)
{
        struct config *fresh CLEANUP_CONFIG = NULL;
        int r = config_load(a->config_dir, &fresh, diag);

        if (r != 0)
                return r;
        r = agent_apply(a, TAKE_PTR(fresh));
        if (r < 0)
                return diag_fail(diag, r, "cannot take the configuration over");
        scan_soon(a);
        return 0;
}
