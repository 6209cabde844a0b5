/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agentd/probe.c: whatever becomes of a probe, the keeper hears of its end, and a worker is used
 * again only when it has nothing to do. The worker is the test's. */

#include "agentd-fixture.h"

#include <unistd.h>

#include "agentd/scribe.h"
#include "unlock/unlock.h"

enum answer { WAIT, GRANT, DENY, TAMPER, BROKEN, NO_WORKER, NO_BEGIN, NO_CREDENTIALS };

struct wire_client {
        int ends[2];
        bool busy;
};

static struct {
        enum answer answer;
        int made, freed, freed_busy, begun;
} world;

int __wrap_agent_worker(const struct agent *a, bool own, struct wire_client **ret,
                        struct diag *diag);
int __wrap_unlock_request(struct unlock *u, const struct key_config *key,
                          const struct kms_context *context, struct wire_request *request);
int __wrap_wire_client_begin(struct wire_client *c, const struct wire_request *request);
int __wrap_wire_client_fd(const struct wire_client *c);
uint64_t __wrap_wire_client_deadline(const struct wire_client *c);
int __wrap_wire_client_finish(struct wire_client *c, struct wire_reply *ret);
int __wrap_wire_client_expire(struct wire_client *c, struct wire_reply *ret);
void __wrap_wire_client_free(struct wire_client *c);

int __wrap_agent_worker(const struct agent *a, bool own, struct wire_client **ret,
                        struct diag *diag)
{
        struct wire_client *c;

        (void)a;
        (void)own;
        if (world.answer == NO_WORKER)
                return diag_fail(diag, -ECONNREFUSED, "nobody listens");
        c = calloc(1, sizeof(*c));
        assert_non_null(c);
        assert_int_equal(pipe(c->ends), 0);
        world.made++;
        *ret = c;
        return 0;
}

int __wrap_unlock_request(struct unlock *u, const struct key_config *key,
                          const struct kms_context *context, struct wire_request *request)
{
        (void)key;
        assert_string_equal(context->use, "probe");
        wire_request_init(request);
        if (world.answer != NO_CREDENTIALS)
                return EXIT_OK;
        (void)diag_fail(&u->diag, -ENOENT, "cannot open credentials");
        return EXIT_CONFIG;
}

int __wrap_wire_client_begin(struct wire_client *c, const struct wire_request *request)
{
        assert_int_equal(request->op, WIRE_UNWRAP);
        if (c->busy || world.answer == NO_BEGIN)
                return -EBUSY;
        c->busy = true;
        world.begun++;
        if (world.answer != WAIT)
                assert_int_equal(write(c->ends[1], "x", 1), 1);
        return 0;
}

int __wrap_wire_client_fd(const struct wire_client *c)
{
        return c->ends[0];
}

uint64_t __wrap_wire_client_deadline(const struct wire_client *c)
{
        (void)c;
        return clock_now_ms() + (world.answer == WAIT ? 5 : 60000);
}

int __wrap_wire_client_finish(struct wire_client *c, struct wire_reply *ret)
{
        char byte;

        assert_true(c->busy);
        assert_int_equal(read(c->ends[0], &byte, 1), 1);
        c->busy = false;
        ret->diag = DIAG_INIT;
        switch (world.answer) {
        case GRANT: return VERDICT_GRANTED;
        case DENY: return VERDICT_KEY_STATE;
        case TAMPER: return VERDICT_TAMPERED;
        case WAIT:
        case BROKEN:
        case NO_WORKER:
        case NO_BEGIN:
        case NO_CREDENTIALS: break;
        }
        return -EIO;
}

int __wrap_wire_client_expire(struct wire_client *c, struct wire_reply *ret)
{
        c->busy = false;
        ret->diag = DIAG_INIT;
        return VERDICT_UNAVAILABLE;
}

void __wrap_wire_client_free(struct wire_client *c)
{
        if (!c)
                return;
        world.freed++;
        world.freed_busy += c->busy;
        (void)close(c->ends[0]);
        (void)close(c->ends[1]);
        free(c);
}

/* ---- an agent with one open volume ---- */

#define FILE_KEY(name) "[Key " name "]\nURI=" AWS_URI "\nCredentials=file:/c\n"

static void guard(const char *volume, const char *key)
{
        struct ward *w = ward(volume);

        (void)snprintf(w->keys[0].key, sizeof(w->keys[0].key), "%s", key);
        (void)snprintf(w->uuid, sizeof(w->uuid), "%s", UUID);
        w->keys[0].probe = calloc(1, sizeof(*w->keys[0].probe));
        assert_non_null(w->keys[0].probe);
        w->key_count = 1;
        assert_int_equal(keeper_watch(agent.keeper, volume, &key, 1), 0);
        agent_event(w, &(const struct lease_event){.kind = LEASE_EV_ADOPTED});
}

static int up(void **state)
{
        (void)state;
        memset(&world, 0, sizeof(world));
        agent_up(FILE_KEY("main") VOLUME);
        guard("data", "main");
        return 0;
}

static int down(void **state)
{
        (void)state;
        agent_down();
        assert_int_equal(world.made, world.freed);
        return 0;
}

static struct keeper_probe probe_of(const char *key)
{
        struct keeper_probe p;

        assert_int_equal(keeper_probe(agent.keeper, key, &p), 0);
        return p;
}

/* As the keeper orders it, at whatever time it is due. */
static void order_probe(void)
{
        uint64_t wake = 0, now = clock_boot_ms();
        struct keeper_order order;

        for (int i = 0; i < 10; i++) {
                order = keeper_next(agent.keeper, now, &wake);
                if (order.kind == KEEPER_PROBE)
                        break;
                now = order.kind == KEEPER_NOTHING && wake != UINT64_MAX && wake > now ? wake : now;
        }
        assert_int_equal(order.kind, KEEPER_PROBE);
        probe_begin(&agent, order.key);
}

static void finish_probes(void)
{
        for (const struct keystate *k = agent.keys; k; k = k->next)
                while (k->call)
                        assert_true(sd_event_run(agent.event, UINT64_MAX) >= 0);
}

/* ---- the tests ---- */

static void test_each_end(void **state)
{
        static const struct {
                const char *name;
                enum answer answer;
                int verdict;
        } rows[] = {
            {"granted", GRANT, VERDICT_GRANTED},
            {"denied", DENY, VERDICT_KEY_STATE},
            {"tampered", TAMPER, VERDICT_TAMPERED},
            {"out of form", BROKEN, VERDICT_UNAVAILABLE},
            {"late", WAIT, VERDICT_UNAVAILABLE},
            {"no worker", NO_WORKER, VERDICT_CREDENTIAL},
            {"worker refuses", NO_BEGIN, VERDICT_CREDENTIAL},
            {"no credentials", NO_CREDENTIALS, VERDICT_CREDENTIAL},
        };

        for (size_t i = 0; i < LENGTH(rows); i++) {
                (void)up(state);
                world.answer = rows[i].answer;
                order_probe();
                finish_probes();
                ROW_ASSERT(!probe_of("main").in_flight, rows[i].name);
                ROW_ASSERT(probe_of("main").verdict == rows[i].verdict, rows[i].name);
                ROW_ASSERT(agent.keys->verdict == rows[i].verdict, rows[i].name);
                ROW_ASSERT(agent.keys->counts[rows[i].verdict] == 1, rows[i].name);
                ROW_ASSERT(ward("data")->look_due == (rows[i].answer == TAMPER), rows[i].name);
                world.answer = GRANT; /* and the next one goes as if nothing had been */
                order_probe();
                finish_probes();
                ROW_ASSERT(probe_of("main").verdict == VERDICT_GRANTED, rows[i].name);
                (void)down(state);
        }
}

static void test_one_idle_worker(void **state)
{
        (void)up(state);
        world.answer = GRANT;
        for (int i = 0; i < 3; i++) {
                order_probe();
                finish_probes();
                assert_non_null(agent.idle);
        }
        assert_int_equal(world.made, 1);
        assert_int_equal(world.begun, 3);
        (void)down(state);
}

/* Two at once take two workers, of which one is kept. */
static void test_two_at_once(void **state)
{
        (void)up(state);
        reload(FILE_KEY("main") FILE_KEY("second") VOLUME
               "[Volume other]\nDevice=/dev/y\nRole=persistence\nKey=second\n");
        guard("other", "second");
        world.answer = GRANT;
        order_probe();
        order_probe();
        assert_int_equal(world.made, 2);
        finish_probes();
        assert_int_equal(world.freed, 1);
        assert_non_null(agent.idle);
        (void)down(state);
}

/* A worker with this process's environment is nobody else's. */
static void test_env_worker_is_not_kept(void **state)
{
        (void)state;
        memset(&world, 0, sizeof(world));
        agent_up(KEY VOLUME);
        guard("data", "main");
        world.answer = GRANT;
        order_probe();
        finish_probes();
        assert_null(agent.idle);
        (void)down(state);
}

/* A reload disturbs no probe; one whose key has changed is broken off, its worker in the midst of a
 * call is not kept for the next, and the key is asked again. */
static void test_reload(void **state)
{
        (void)up(state);
        world.answer = GRANT;
        order_probe();
        assert_non_null(agent.keys->call);
        reload(FILE_KEY("main") VOLUME);
        assert_non_null(agent.keys->call);
        reload("[Key main]\nURI=" AWS_URI "\nCredentials=file:/d\n" VOLUME);
        assert_null(agent.keys->call);
        assert_null(agent.idle);
        assert_int_equal(world.freed_busy, 1);
        assert_false(probe_of("main").in_flight);
        order_probe();
        finish_probes();
        assert_int_equal(probe_of("main").verdict, VERDICT_GRANTED);
        (void)down(state);
}

static void test_key_or_ward_goes(void **state)
{
        (void)up(state);
        world.answer = GRANT;
        order_probe();
        agent_drop_ward(ward("data"));
        finish_probes();
        assert_false(probe_of("main").in_flight);
        (void)down(state);
        (void)up(state);
        world.answer = GRANT;
        order_probe();
        reload("[Key second]\nURI=" AWS_URI "\nCredentials=file:/c\n"
               "[Volume other]\nDevice=/dev/y\nRole=persistence\nKey=second\n");
        assert_int_equal(world.freed_busy, 1);
        assert_null(agent_key(&agent, "main"));
        (void)down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_each_end),    cmocka_unit_test(test_one_idle_worker),
            cmocka_unit_test(test_two_at_once), cmocka_unit_test(test_env_worker_is_not_kept),
            cmocka_unit_test(test_reload),      cmocka_unit_test(test_key_or_ward_goes),
        };

        return cmocka_run_group_tests(tests, folder_make, leases_remove);
}
