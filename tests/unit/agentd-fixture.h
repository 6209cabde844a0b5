/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An agent without devices, workers and journal, on a configuration that the test writes. The tests
 * are linked with --wrap=journal_send,--wrap=journal_send_diag. */

#include "config-fixture.h"

#include "agentd/agent.h"
#include "agentd/journal.h"
#include "base/clock.h"

#define UUID  "7c3e1b0a-5a0f-4d41-9b6e-2f1f3a1d0c11"
#define OTHER "00000000-5a0f-4d41-9b6e-2f1f3a1d0c11"

static struct agent agent;

void __wrap_journal_send(enum journal_event event, const struct journal_entry *entry);
void __wrap_journal_send_diag(enum journal_event event, const struct journal_entry *entry,
                              const struct diag *diag);

void __wrap_journal_send(enum journal_event event, const struct journal_entry *entry)
{
        (void)event;
        (void)entry;
}

void __wrap_journal_send_diag(enum journal_event event, const struct journal_entry *entry,
                              const struct diag *diag)
{
        (void)event;
        (void)entry;
        (void)diag;
}

static inline void agent_up(const char *text)
{
        char path[128];

        path_of("leases", path);
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        agent = (struct agent){.lock = -1, .config_dir = folder, .run_dir = folder};
        assert_true(sd_event_new(&agent.event) >= 0);
        agent.keeper = keeper_new(7);
        assert_non_null(agent.keeper);
        assert_int_equal(agent_apply(&agent, load_good(text)), 0);
}

/* As it ends when it is told to; its leases stay. */
static inline void agent_down(void)
{
        struct sd_event *event = agent.event;

        agent_end(&agent);
        (void)sd_event_unref(event);
}

static inline void reload(const char *text)
{
        struct diag diag = DIAG_INIT;

        write_file(MAIN, text);
        assert_int_equal(agent_reload(&agent, &diag), 0);
}

static inline struct ward *ward(const char *name)
{
        struct ward *w = agent_ward(&agent, name);

        if (!w)
                fail_msg("no ward %s", name);
        return w;
}

static inline enum lease_state state_of(const char *name)
{
        return keeper_lease(agent.keeper, name)->state;
}

/* Turns the loop until the ward has no task any more. */
static inline void finish_task(struct ward *w)
{
        while (w->task)
                assert_true(sd_event_run(agent.event, UINT64_MAX) >= 0);
}

static inline int leases_remove(void **state)
{
        static const char *const names[] = {"leases/data", "leases/other", "leases/stranger",
                                            "leases/renamed", "leases/a.new"};
        char path[128];

        for (size_t i = 0; i < LENGTH(names); i++)
                remove_file(names[i]);
        remove_file("lease.new");
        path_of("leases", path);
        (void)rmdir(path);
        return folder_remove(state);
}
