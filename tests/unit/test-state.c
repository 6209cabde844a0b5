/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agentd/state.c: leases that survive the agent, and files that are not what they should be. */

#include "agentd-fixture.h"

#include "base/fdio.h"

static char file[128];

static struct lease some_lease(void)
{
        struct lease lease;

        lease_init(&lease);
        lease.state = LEASE_REVOKED;
        lease.mapped = lease.suspended = lease.wanted = lease.alerted = true;
        lease.rung = RUNG_SUSPEND;
        lease.trouble_ms = 12345;
        return lease;
}

static int up(void **state)
{
        struct ward *w;

        (void)state;
        agent_up(KEY VOLUME);
        w = ward("data");
        (void)snprintf(w->uuid, sizeof(w->uuid), "%s", UUID);
        (void)snprintf(w->keys[0].key, sizeof(w->keys[0].key), "main");
        w->key_count = 1;
        path_of("leases/data", file);
        (void)unlink(file);
        return 0;
}

static int down(void **state)
{
        (void)state;
        agent_down();
        return 0;
}

static size_t read_file(char *buf, size_t size)
{
        FILE *f CLEANUP_FILE = fopen(file, "re");
        size_t n;

        assert_non_null(f);
        n = fread(buf, 1, size - 1, f);
        buf[n] = '\0';
        return n;
}

static void put_file(const char *text, size_t len)
{
        FILE *f CLEANUP_FILE = fopen(file, "we");

        assert_non_null(f);
        assert_int_equal(fwrite(text, 1, len, f), len);
}

static void test_back(void **state)
{
        const struct lease lease = some_lease();
        struct saved_lease saved;
        struct ward *w = ward("data");

        (void)state;
        assert_int_equal(state_load(w, &saved), -ENOENT);
        assert_false(state_exists(w));
        assert_int_equal(state_save(w, &lease), 0);
        assert_true(state_exists(w));
        assert_int_equal(state_load(w, &saved), 0);
        assert_int_equal(saved.lease.state, LEASE_REVOKED);
        assert_int_equal(saved.lease.rung, RUNG_SUSPEND);
        assert_int_equal(saved.lease.trouble_ms, 12345);
        assert_true(saved.same_keys);
        assert_false(saved.by_hand);
        w->by_hand = true;
        assert_int_equal(state_save(w, &lease), 0);
        assert_int_equal(state_load(w, &saved), 0);
        assert_true(saved.by_hand);
        state_forget(w);
        assert_int_equal(state_load(w, &saved), -ENOENT);
}

static void test_other_volume(void **state)
{
        const struct lease lease = some_lease();
        struct saved_lease saved;
        struct ward *w = ward("data");

        (void)state;
        assert_int_equal(state_save(w, &lease), 0);
        (void)snprintf(w->uuid, sizeof(w->uuid), "%s", OTHER);
        assert_int_equal(state_load(w, &saved), -ENOENT);
}

static void test_other_keys(void **state)
{
        const struct lease lease = some_lease();
        struct saved_lease saved;
        struct ward *w = ward("data");

        (void)state;
        assert_int_equal(state_save(w, &lease), 0);
        agent.keys->fingerprint[0] ^= 1;
        assert_int_equal(state_load(w, &saved), 0);
        assert_false(saved.same_keys);
}

static void test_other_boot(void **state)
{
        const struct lease lease = some_lease();
        struct saved_lease saved;
        struct ward *w = ward("data");
        char text[2048];
        size_t len;

        (void)state;
        assert_int_equal(state_save(w, &lease), 0);
        len = read_file(text, sizeof(text));
        text[0] = text[0] == 'a' ? 'b' : 'a';
        put_file(text, len);
        assert_int_equal(state_load(w, &saved), -ENOENT);
}

/* Cut anywhere, or with more behind it. */
static void test_torn(void **state)
{
        const struct lease lease = some_lease();
        struct saved_lease saved;
        struct ward *w = ward("data");
        char text[2048];
        size_t len;

        (void)state;
        assert_int_equal(state_save(w, &lease), 0);
        len = read_file(text, sizeof(text) - 2);
        for (size_t cut = 0; cut < len; cut++) {
                put_file(text, cut);
                if (state_load(w, &saved) == 0)
                        fail_msg("a file of %zu of %zu bytes was believed", cut, len);
        }
        memcpy(text + len, "x", 2);
        put_file(text, len + 1);
        assert_int_equal(state_load(w, &saved), -EINVAL);
}

/* What is written first has no name that a volume may have. */
static void test_names(void **state)
{
        struct lease lease = some_lease();
        struct saved_lease saved;
        struct ward *w = ward("data");
        struct ward neighbour = *w;

        (void)state;
        (void)snprintf(neighbour.name, sizeof(neighbour.name), "data.new");
        assert_int_equal(state_save(&neighbour, &lease), 0);
        lease.trouble_ms = 1;
        assert_int_equal(state_save(w, &lease), 0);
        assert_int_equal(state_load(&neighbour, &saved), 0);
        assert_int_equal(saved.lease.trouble_ms, 12345);
        state_forget(&neighbour);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_back, up, down),
            cmocka_unit_test_setup_teardown(test_other_volume, up, down),
            cmocka_unit_test_setup_teardown(test_other_keys, up, down),
            cmocka_unit_test_setup_teardown(test_other_boot, up, down),
            cmocka_unit_test_setup_teardown(test_torn, up, down),
            cmocka_unit_test_setup_teardown(test_names, up, down),
        };

        return cmocka_run_group_tests(tests, folder_make, leases_remove);
}
