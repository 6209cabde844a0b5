/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which mapping is whose, and what is known of a volume from before: by the agent before this one,
 * or under another name. The keeper hears what was found right after, and before anything else. */

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agentd/look.h"
#include "agentd/tell.h"

/* The lease of a predecessor, before anything else is told to the new one. True if there is one. */
static bool load_lease(struct ward *w)
{
        struct saved_lease saved;

        if (w->loaded)
                return false;
        w->loaded = true;
        if (state_load(w, &saved) != 0)
                return false;
        (void)keeper_restore(w->agent->keeper, w->name, &saved.lease);
        w->saved = saved.lease;
        w->told = saved.lease.state;
        w->by_hand = saved.by_hand;
        if (!saved.same_keys)
                agent_event(w, &(const struct lease_event){.kind = LEASE_EV_CHANGED});
        return true;
}

/* What was watched without a [Volume] section, or under the name that it had in the configuration
 * before, and is named now, goes on under its name. */
static bool take_over(struct ward *w, const struct mapping *m)
{
        struct agent *a = w->agent;
        struct ward *from = a->wards;
        const struct lease *lease;

        while (from && (from == w || from->config || strcmp(from->mapping, m->name) != 0 ||
                        strcmp(from->uuid, w->uuid) != 0))
                from = from->next;
        lease = from ? keeper_lease(a->keeper, from->name) : NULL;
        if (!lease)
                return false;
        w->told = lease->state;
        w->by_hand = from->by_hand;
        (void)keeper_restore(a->keeper, w->name, lease);
        state_forget(from);
        agent_drop_ward(from);
        return true;
}

static void adopt(struct ward *w, const struct mapping *m)
{
        (void)snprintf(w->mapping, sizeof(w->mapping), "%s", m->name);
        w->data_device = makedev(m->data_major, m->data_minor);
        tell_adopted(w);
        agent_event(w, &(const struct lease_event){.kind = LEASE_EV_ADOPTED,
                                                   .suspended = m->suspended || m->dead});
}

void look_announce(struct ward *w, const struct mapping *m)
{
        const bool inherited = load_lease(w) || (m && take_over(w, m));

        if (m) {
                adopt(w, m);
        } else if (inherited && w->saved.mapped) {
                tell_gone(w);
                agent_event(w, &(const struct lease_event){.kind = LEASE_EV_GONE});
        } else if (w->wanted && w->config && w->config->open_auto &&
                   !(inherited && w->saved.state == LEASE_CLOSED)) {
                agent_event(w, &(const struct lease_event){.kind = LEASE_EV_WANTED});
        }
        w->wanted = false;
}

/* Two [Volume] sections of one device: the first to adopt its mapping has it. */
static bool is_others(const struct ward *w, const struct mapping *m)
{
        for (const struct ward *o = w->agent->wards; o; o = o->next)
                if (o != w && o->config && strcmp(o->mapping, m->name) == 0)
                        return true;
        return false;
}

const struct mapping *look_find(const struct mapping *all, size_t count, const struct ward *w)
{
        struct stat st;

        for (size_t i = 0; i < count; i++)
                if (w->mapping[0] && strcmp(all[i].name, w->mapping) == 0)
                        return &all[i];
        if (!w->config) {
                for (size_t i = 0; i < count; i++)
                        if (strcmp(all[i].name, w->name) == 0)
                                return &all[i];
                return NULL;
        }
        if (stat(w->config->device, &st) < 0 || !S_ISBLK(st.st_mode))
                return NULL;
        for (size_t i = 0; i < count; i++)
                if (makedev(all[i].data_major, all[i].data_minor) == st.st_rdev &&
                    !is_others(w, &all[i]))
                        return &all[i];
        return NULL;
}
