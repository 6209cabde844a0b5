/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agentd/enforce.c: what the end of a rung's child is told as. The rungs are the test's; the
 * children are real. */

#include "agentd-fixture.h"

#include "volume/rung.h"

static struct {
        int rung, proof;
        bool proven, hangs;
} world;
static struct lease_event told;
static int events;

int __wrap_rung_suspend(const char *name, const char *uuid, int sync_ms, struct diag *diag);
int __wrap_rung_kill(const char *name, const char *uuid, struct diag *diag);
int __wrap_rung_erase(const char *device, const char *uuid, struct diag *diag);
int __wrap_erasure_check(const char *name, const char *uuid, int patience_ms, struct erasure *ret,
                         struct diag *diag);
int __wrap_keeper_event(struct keeper *keeper, const char *volume, const struct lease_event *event,
                        uint64_t now_ms);

static int climb(struct diag *diag)
{
        if (world.hangs)
                clock_sleep_ms(10000);
        return world.rung ? diag_refuse(diag, world.rung, "x", "no") : 0;
}

int __wrap_rung_suspend(const char *name, const char *uuid, int sync_ms, struct diag *diag)
{
        (void)sync_ms;
        return strcmp(name, "luks-x") == 0 && strcmp(uuid, UUID) == 0 ? climb(diag) : -EINVAL;
}

int __wrap_rung_kill(const char *name, const char *uuid, struct diag *diag)
{
        return strcmp(name, "luks-x") == 0 && strcmp(uuid, UUID) == 0 ? climb(diag) : -EINVAL;
}

int __wrap_rung_erase(const char *device, const char *uuid, struct diag *diag)
{
        return strcmp(device, "/dev/d") == 0 && strcmp(uuid, UUID) == 0 ? climb(diag) : -EINVAL;
}

int __wrap_erasure_check(const char *name, const char *uuid, int patience_ms, struct erasure *ret,
                         struct diag *diag)
{
        (void)name;
        (void)uuid;
        (void)patience_ms;
        if (world.proof < 0)
                return diag_fail(diag, world.proof, "cannot tell");
        *ret = (struct erasure){.proven = world.proven, .keyring_keys = world.proven ? 0 : 2};
        return 0;
}

int __wrap_keeper_event(struct keeper *keeper, const char *volume, const struct lease_event *event,
                        uint64_t now_ms)
{
        (void)keeper;
        (void)now_ms;
        assert_string_equal(volume, "data");
        told = *event;
        events++;
        return 0;
}

static int up(void **state)
{
        struct ward *w;

        (void)state;
        memset(&world, 0, sizeof(world));
        events = 0;
        agent_up(KEY VOLUME);
        w = ward("data");
        (void)snprintf(w->mapping, sizeof(w->mapping), "luks-x");
        (void)snprintf(w->uuid, sizeof(w->uuid), "%s", UUID);
        (void)snprintf(w->device, sizeof(w->device), "/dev/d");
        return 0;
}

static int down(void **state)
{
        (void)state;
        agent_down();
        return 0;
}

static void run(enum rung_kind kind)
{
        enforce(ward("data"), &(const struct lease_order){.kind = LEASE_DO_RUNG, .rung = kind});
        finish_task(ward("data"));
}

static void test_ends(void **state)
{
        static const struct {
                const char *name;
                enum rung_kind kind;
                int rung, proof;
                bool proven, hangs;
                enum lease_result result;
        } rows[] = {
            {"alert", RUNG_ALERT, -EIO, 0, false, true, LEASE_DONE},
            {"suspended, proven", RUNG_SUSPEND, 0, 0, true, false, LEASE_DONE},
            {"suspended, a key is left", RUNG_SUSPEND, 0, 0, false, false, LEASE_FAILED},
            {"suspended, nobody knows", RUNG_SUSPEND, 0, -EIO, true, false, LEASE_FAILED},
            {"not suspended", RUNG_SUSPEND, VOLUME_E_FOREIGN, 0, true, false, LEASE_FAILED},
            {"suspend fails", RUNG_SUSPEND, -EIO, 0, true, false, LEASE_FAILED},
            {"suspend hangs", RUNG_SUSPEND, 0, 0, true, true, LEASE_HUNG},
            {"the kernel hangs in it", RUNG_SUSPEND, VOLUME_E_TIMEOUT, 0, true, false, LEASE_HUNG},
            {"killed, proven", RUNG_KILL, 0, 0, true, false, LEASE_DONE},
            {"not there any more", RUNG_KILL, VOLUME_E_INACTIVE, 0, true, false, LEASE_DONE},
            {"not there, a key is left", RUNG_KILL, VOLUME_E_INACTIVE, 0, false, false,
             LEASE_FAILED},
            {"erased", RUNG_ERASE, 0, -EIO, false, false, LEASE_DONE},
            {"not erased", RUNG_ERASE, VOLUME_E_TABLE, 0, true, false, LEASE_FAILED},
            {"nothing to erase", RUNG_ERASE, VOLUME_E_INACTIVE, 0, true, false, LEASE_FAILED},
        };

        for (size_t i = 0; i < LENGTH(rows); i++) {
                (void)up(state);
                world.rung = rows[i].rung;
                world.proof = rows[i].proof;
                world.proven = rows[i].proven;
                world.hangs = rows[i].hangs;
                if (rows[i].hangs)
                        agent.config->agent.rung_timeout_ms = 20;
                run(rows[i].kind);
                ROW_ASSERT(events == 1, rows[i].name);
                ROW_ASSERT(told.kind == LEASE_EV_RUNG, rows[i].name);
                ROW_ASSERT(told.result == rows[i].result, rows[i].name);
                ROW_ASSERT(ward("data")->rungs[rows[i].kind][rows[i].result] == 1, rows[i].name);
                if (rows[i].result == LEASE_DONE && rows[i].kind == RUNG_SUSPEND)
                        ROW_ASSERT(ward("data")->receipt.proven, rows[i].name);
                (void)down(state);
        }
}

/* What somebody suspended: an order to resume it ends at once, and nothing is done. */
static void test_by_hand(void **state)
{
        (void)up(state);
        ward("data")->by_hand = true;
        enforce(ward("data"), &(const struct lease_order){.kind = LEASE_DO_RESUME});
        assert_null(ward("data")->task);
        assert_int_equal(events, 1);
        assert_int_equal(told.kind, LEASE_EV_RESTORED);
        assert_int_equal(told.result, LEASE_DONE);
        assert_true(ward("data")->by_hand);
        world.proven = true;
        run(RUNG_KILL);
        assert_false(ward("data")->by_hand);
        (void)down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_ends),
                                           cmocka_unit_test(test_by_hand)};

        return cmocka_run_group_tests(tests, folder_make, leases_remove);
}
