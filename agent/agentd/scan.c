/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which mappings there are now, and whose. News of devices only make the agent look again: what it
 * believes is what the kernel's tables say. */

#include <sys/stat.h>

#include "agentd/look.h"
#include "agentd/task.h"
#include "agentd/tell.h"
#include "base/clock.h"

enum {
        SOON_MS = 100,    /* devices come in bursts */
        EVERY_MS = 60000, /* should news be lost */
};

/* A disk that comes is to be opened once: whoever closes it then means it. What comes next may be
 * another disk; one that goes is not waited for any more, unless it was taken away by us. */
static void update_presence(struct ward *w)
{
        const struct lease *lease = keeper_lease(w->agent->keeper, w->name);
        struct stat st;
        const bool present = w->config && stat(w->config->device, &st) == 0 && S_ISBLK(st.st_mode);

        if (present && !w->present)
                w->wanted = true;
        if (!present && !w->mapping[0]) {
                if (w->present && lease && lease->state == LEASE_PENDING)
                        agent_event(w, &(const struct lease_event){.kind = LEASE_EV_GONE});
                look_forget_keys(w);
                w->look_again_ms = 0;
        }
        w->present = present;
}

/* Suspended or resumed behind our back. What somebody suspends stays so; what somebody resumes is
 * live, whatever the ladder had done to it. */
static void notice_hands(struct ward *w, const struct mapping *m)
{
        const struct lease *lease = keeper_lease(w->agent->keeper, w->name);
        const bool wiped = m->suspended || m->dead;
        const bool by_hand = wiped && (w->by_hand || (lease && !lease->suspended));

        if (!lease || lease->work != LEASE_IDLE)
                return;
        if (by_hand != w->by_hand) {
                w->by_hand = by_hand;
                tell_hand(w);
                (void)state_save(w, lease);
        }
        if (!wiped && lease->suspended)
                agent_event(w, &(const struct lease_event){.kind = LEASE_EV_ADOPTED});
}

static void lose(struct ward *w)
{
        tell_gone(w);
        w->mapping[0] = '\0';
        w->by_hand = false;
        w->look_again_ms = 0;
        agent_event(w, &(const struct lease_event){.kind = LEASE_EV_GONE});
}

/* Without a mapping a header is of interest if the volume is to be opened now, or later, by what
 * this agent or the one before it knows. */
static bool is_of_interest(const struct ward *w)
{
        const struct lease *lease = keeper_lease(w->agent->keeper, w->name);

        return w->wanted && w->present &&
               (w->config->open_auto || (lease && lease->state != LEASE_CLOSED) ||
                (!w->loaded && state_exists(w)));
}

/* One ward against what there is now. */
static void compare(struct ward *w, const struct mapping *m)
{
        update_presence(w);
        if (w->task) /* it will be compared again when that is over */
                return;
        if (w->mapping[0] && (!m || strcmp(m->uuid, w->uuid) != 0)) {
                lose(w);
                if (m)
                        scan_soon(w->agent);
        } else if (m && w->mapping[0]) {
                notice_hands(w, m);
                if (w->look_due || clock_boot_ms() >= w->relook_ms)
                        look_at(w, m);
        } else if (m && w->key_count > 0 && strcmp(w->uuid, m->uuid) == 0) {
                look_announce(w, m);
        } else if (m || is_of_interest(w)) {
                look_at(w, m);
        }
}

void scan_header(struct ward *w)
{
        if (!w)
                return;
        w->look_due = true;
        w->look_again_ms = 0;
        scan_soon(w->agent);
}

/* By a ward that has it, or will when its header has been read. */
static bool is_watched(const struct agent *a, const struct mapping *all, size_t count,
                       const struct mapping *m)
{
        for (const struct ward *w = a->wards; w; w = w->next)
                if (strcmp(w->mapping, m->name) == 0 || look_find(all, count, w) == m)
                        return true;
        return false;
}

/* Mappings that config does not name are watched as well, if their header names one of our keys. */
static void find_strangers(struct agent *a, const struct mapping *all, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                struct ward *w;

                if (is_watched(a, all, count, &all[i]) || agent_ward(a, all[i].name) ||
                    strlen(all[i].name) >= CONFIG_NAME_MAX)
                        continue;
                w = agent_add_ward(a, all[i].name, NULL);
                if (w)
                        look_at(w, &all[i]);
        }
}

/* A stranger that has gone is nobody's business any more. */
static void drop_gone_strangers(struct agent *a, const struct mapping *all, size_t count)
{
        for (struct ward *w = a->wards, *next; w; w = next) {
                bool there = false;

                next = w->next;
                for (size_t i = 0; i < count; i++)
                        there = there || strcmp(all[i].name, w->name) == 0;
                if (!w->config && !w->task && !w->mapping[0] && !there) {
                        state_forget(w);
                        agent_drop_ward(w);
                }
        }
}

void scan_now(struct agent *a)
{
        struct mapping *all CLEANUP_FREE = NULL;
        struct diag diag = DIAG_INIT;
        size_t count = 0;

        task_reap(a);
        if (mapping_list(&all, &count, &diag) < 0) {
                tell_agent(a, TELL_TROUBLE, diag.message);
                return;
        }
        for (struct ward *w = a->wards; w; w = w->next)
                if (!w->foreign)
                        compare(w, look_find(all, count, w));
        drop_gone_strangers(a, all, count);
        find_strangers(a, all, count);
}

static int on_rescan(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct agent *a = userdata;

        (void)usec;
        (void)sd_event_source_set_time_relative(source, EVERY_MS * 1000ULL);
        (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        scan_now(a); /* may ask for the next one sooner */
        return 0;
}

void scan_soon(struct agent *a)
{
        uint64_t at, now;

        /* a burst moves nothing: the first of it has set the time */
        if (sd_event_now(a->event, CLOCK_BOOTTIME, &now) >= 0 &&
            sd_event_source_get_time(a->rescan, &at) >= 0 && at > now + SOON_MS * 1000ULL)
                (void)sd_event_source_set_time(a->rescan, now + SOON_MS * 1000ULL);
}

/* Somebody has written to a disk: to a header of ours, as like as not. */
static void on_change(void *arg, dev_t device)
{
        const struct agent *a = arg;

        for (struct ward *w = a->wards; w; w = w->next)
                if (w->mapping[0] && w->data_device == device)
                        scan_header(w);
}

static int on_news(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct agent *a = userdata;

        (void)source;
        (void)fd;
        (void)revents;
        if (monitor_take(a->monitor, on_change, a))
                scan_soon(a);
        return 0;
}

int scan_begin(struct agent *a)
{
        int r = sd_event_add_io(a->event, &a->news, monitor_fd(a->monitor), EPOLLIN, on_news, a);

        return r < 0 ? r
                     : sd_event_add_time_relative(a->event, &a->rescan, CLOCK_BOOTTIME, 0, 1000,
                                                  on_rescan, a);
}
