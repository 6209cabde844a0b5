/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agentd/task.c: ends, time limits, tasks that nobody waits for any more, and many at once. */

#include "agentd-fixture.h"

#include <signal.h>
#include <unistd.h>

#include "agentd/task.h"
#include "volume/header.h"

enum { LONG_MS = 60000 };

struct job {
        int result, number;
        bool waits, dies;
};

static struct {
        int calls, result, number;
        char message[sizeof(((struct diag *)0)->message)];
} seen;

static int work(void *shared, struct diag *diag)
{
        struct job *job = shared;

        if (job->dies)
                (void)raise(SIGKILL);
        if (job->waits)
                clock_sleep_ms(10000);
        job->number *= 2;
        return job->result ? diag_refuse(diag, job->result, "x", "words of the child") : 0;
}

static void done(struct ward *w, int result, const struct diag *diag, void *shared)
{
        const struct job *job = shared;

        assert_null(w->task);
        seen.calls++;
        seen.result = result;
        seen.number = job->number;
        (void)snprintf(seen.message, sizeof(seen.message), "%s", diag->message);
}

static int up(void **state)
{
        (void)state;
        agent_up(KEY VOLUME "[Volume other]\nDevice=/dev/y\nRole=persistence\nKey=main\n");
        memset(&seen, 0, sizeof(seen));
        return 0;
}

static int down(void **state)
{
        (void)state;
        agent_down();
        return 0;
}

static void begin(const char *name, struct job job, uint64_t timeout_ms)
{
        assert_int_equal(task_start(ward(name), work, &job, sizeof(job), timeout_ms, done), 0);
        assert_non_null(ward(name)->task);
}

static void test_ends(void **state)
{
        (void)state;
        begin("data", (struct job){.number = 21}, LONG_MS);
        finish_task(ward("data"));
        assert_int_equal(seen.calls, 1);
        assert_int_equal(seen.result, 0);
        assert_int_equal(seen.number, 42);
        begin("data", (struct job){.number = 1, .result = 5}, LONG_MS);
        finish_task(ward("data"));
        assert_int_equal(seen.result, 5);
        assert_string_equal(seen.message, "words of the child");
        begin("data", (struct job){.dies = true}, LONG_MS);
        finish_task(ward("data"));
        assert_int_equal(seen.result, VOLUME_E_DIED);
        assert_null(agent.hung);
}

static void test_time_limit(void **state)
{
        (void)state;
        begin("data", (struct job){.waits = true}, 10);
        finish_task(ward("data"));
        assert_int_equal(seen.calls, 1);
        assert_int_equal(seen.result, VOLUME_E_TIMEOUT);
        while (agent.hung) { /* one that is slow to die */
                clock_sleep_ms(1);
                task_reap(&agent);
        }
}

/* Nobody is told; the child goes on, and is reaped when it is through. */
static void test_forgotten(void **state)
{
        (void)state;
        begin("data", (struct job){.number = 1}, LONG_MS);
        task_forget(ward("data"));
        assert_null(ward("data")->task);
        task_forget(ward("data")); /* once is enough */
        while (agent.hung) {
                clock_sleep_ms(1);
                task_reap(&agent);
        }
        assert_int_equal(seen.calls, 0);
}

/* A ward that is dropped takes nothing with it that the loop still needs. */
static void test_dropped(void **state)
{
        (void)state;
        begin("data", (struct job){.number = 1}, 50);
        begin("other", (struct job){.number = 3}, LONG_MS);
        agent_drop_ward(ward("data"));
        finish_task(ward("other"));
        assert_int_equal(seen.calls, 1);
        assert_int_equal(seen.number, 6);
        while (agent.hung) {
                clock_sleep_ms(1);
                task_reap(&agent);
        }
}

/* A later child has a copy of an earlier one's pipe, which thus stays open when the agent closes
 * it: nothing of it may be left in the loop, or it would wake what is gone. */
static void test_copies_of_pipes(void **state)
{
        (void)state;
        begin("data", (struct job){.number = 4}, LONG_MS);
        begin("other", (struct job){.waits = true}, LONG_MS);
        finish_task(ward("data"));
        assert_int_equal(seen.number, 8);
        for (int i = 0; i < 20; i++) /* nothing is left to happen */
                assert_int_equal(sd_event_run(agent.event, 0), 0);
        assert_int_equal(seen.calls, 1);
        assert_non_null(ward("other")->task);
        task_forget(ward("other"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_ends, up, down),
            cmocka_unit_test_setup_teardown(test_time_limit, up, down),
            cmocka_unit_test_setup_teardown(test_forgotten, up, down),
            cmocka_unit_test_setup_teardown(test_dropped, up, down),
            cmocka_unit_test_setup_teardown(test_copies_of_pipes, up, down),
        };

        return cmocka_run_group_tests(tests, folder_make, leases_remove);
}
