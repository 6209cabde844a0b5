/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agentd/scan.c, look.c and reload.c: which mappings are adopted, by whom, and what becomes of it
 * when disks, headers, names and configuration change. Kernel and disks are the test's. */

#include "agentd-fixture.h"

#include <sys/sysmacros.h>

#include "volume/header.h"
#include "volume/rung.h"

#define URI2 "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/9999abcd-12ab-34cd-56ef-1234567890ab"
#define URI3 "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/8888abcd-12ab-34cd-56ef-1234567890ab"
#define KEY2 "[Key second]\nURI=" URI2 "\nCredentials=env\n"
#define DATA(name, more)                                                                           \
        "[Volume " name "]\nDevice=/dev/fake-data\nRole=persistence\nKey=main\n" more

enum { DATA_MINOR = 77, DATA_MAJOR = 250 };

/* What there is; children have it too, as they are forked. */
static struct {
        struct mapping mappings[4];
        size_t count;
        bool present; /* /dev/fake-data */
        char uuid[37], uri[2][KEYURI_MAX];
        uint8_t nonce;
        int fails;
} world;

/* stat(2), as it is called where files may be large */
int __real_stat64(const char *path, struct stat *st);
int __wrap_stat64(const char *path, struct stat *st);
int __wrap_mapping_list(struct mapping **ret, size_t *ret_count, struct diag *diag);
int __wrap_header_read(const char *device, struct header **ret, struct diag *diag);
void __wrap_header_free(struct header *h);

int __wrap_stat64(const char *path, struct stat *st)
{
        if (strcmp(path, "/dev/fake-data") != 0)
                return __real_stat64(path, st);
        if (!world.present) {
                errno = ENOENT;
                return -1;
        }
        *st = (struct stat){.st_mode = S_IFBLK, .st_rdev = makedev(DATA_MAJOR, DATA_MINOR)};
        return 0;
}

int __wrap_mapping_list(struct mapping **ret, size_t *ret_count, struct diag *diag)
{
        (void)diag;
        *ret = calloc(world.count + 1, sizeof(**ret));
        assert_non_null(*ret);
        memcpy(*ret, world.mappings, world.count * sizeof(**ret));
        *ret_count = world.count;
        return 0;
}

int __wrap_header_read(const char *device, struct header **ret, struct diag *diag)
{
        struct header *h = calloc(1, sizeof(*h));

        (void)device;
        if (world.fails || !h) {
                free(h);
                return diag_refuse(diag, VOLUME_E_RULE, "x", "the header is damaged");
        }
        (void)snprintf(h->binding.uuid, sizeof(h->binding.uuid), "%s", world.uuid);
        for (size_t i = 0; i < 2 && world.uri[i][0]; i++) {
                h->tokens[i] = calloc(1, sizeof(*h->tokens[i]));
                if (!h->tokens[i])
                        _exit(1);
                (void)snprintf(h->tokens[i]->key.text, sizeof(h->tokens[i]->key.text), "%s",
                               world.uri[i]);
                (void)snprintf(h->tokens[i]->role, sizeof(h->tokens[i]->role), "persistence");
                h->tokens[i]->probe = (struct token_blob){.len = 1, .data = {world.nonce}};
        }
        *ret = h;
        return 0;
}

void __wrap_header_free(struct header *h)
{
        for (size_t i = 0; h && i < 2; i++)
                free(h->tokens[i]);
        free(h);
}

/* ---- the world ---- */

static void map(const char *name, const char *uuid, unsigned int minor)
{
        struct mapping *m = &world.mappings[world.count++];

        *m = (struct mapping){.data_major = DATA_MAJOR, .data_minor = minor};
        (void)snprintf(m->name, sizeof(m->name), "%s", name);
        (void)snprintf(m->uuid, sizeof(m->uuid), "%s", uuid);
}

static void header_of(const char *uuid, const char *uri)
{
        (void)snprintf(world.uuid, sizeof(world.uuid), "%s", uuid);
        (void)snprintf(world.uri[0], KEYURI_MAX, "%s", uri);
        world.uri[1][0] = '\0';
}

static int up(void **state)
{
        (void)state;
        memset(&world, 0, sizeof(world));
        world.present = true;
        world.nonce = 1;
        header_of(UUID, AWS_URI);
        agent_up(KEY DATA("data", ""));
        return 0;
}

static int down(void **state)
{
        (void)state;
        while (agent.wards) {
                state_forget(agent.wards);
                agent_drop_ward(agent.wards);
        }
        agent_down();
        return 0;
}

/* Looks until there is nothing new to see; what was looked at a moment ago is looked at again. */
static void scan(void)
{
        for (int i = 0; i < 3; i++) {
                scan_now(&agent);
                for (struct ward *w = agent.wards; w; w = w->next) {
                        finish_task(w);
                        w->look_again_ms = 0;
                }
        }
}

static void verdict(int v)
{
        assert_int_equal(keeper_verdict(agent.keeper, "main", v, 0, clock_boot_ms()), 0);
}

static struct keeper_order next(void)
{
        uint64_t wake;

        return keeper_next(agent.keeper, clock_boot_ms(), &wake);
}

/* Runs the ladder of alert and suspend to its end, as if all went well. */
static void take_back(const char *name)
{
        verdict(VERDICT_KEY_STATE);
        for (struct keeper_order o = next(); o.kind != KEEPER_NOTHING; o = next())
                if (o.kind == KEEPER_LEASE)
                        agent_event(ward(name), &(const struct lease_event){.kind = LEASE_EV_RUNG,
                                                                            .result = LEASE_DONE});
        assert_int_equal(state_of(name), LEASE_REVOKED);
        assert_true(keeper_lease(agent.keeper, name)->suspended);
        world.mappings[0].suspended = 1;
        assert_int_equal(state_save(ward(name), keeper_lease(agent.keeper, name)), 0);
}

/* As an agent that was killed, and the next one. */
static void restart(const char *config)
{
        agent_down();
        agent_up(config);
        scan();
}

/* ---- adoption ---- */

static void test_adopts(void **state)
{
        (void)state;
        map("luks-x", UUID, DATA_MINOR);
        scan();
        assert_null(agent_ward(&agent, "luks-x")); /* one mapping, one ward */
        assert_string_equal(ward("data")->mapping, "luks-x");
        assert_string_equal(ward("data")->uuid, UUID);
        assert_int_equal(ward("data")->key_count, 1);
        assert_int_equal(state_of("data"), LEASE_OPEN);
        world.count = 0;
        scan();
        assert_string_equal(ward("data")->mapping, "");
        assert_int_equal(state_of("data"), LEASE_CLOSED);
        map("luks-y", UUID, DATA_MINOR);
        scan();
        assert_string_equal(ward("data")->mapping, "luks-y");
        assert_int_equal(state_of("data"), LEASE_OPEN);
}

/* A mapping that config does not name: watched if one of our keys guards it, and told of only. */
static void test_stranger(void **state)
{
        const struct lease_policy *policy;

        (void)state;
        map("stranger", UUID, 5);
        scan();
        assert_int_equal(state_of("stranger"), LEASE_OPEN);
        assert_int_equal(ward("stranger")->key_count, 1);
        policy = keeper_policy(agent.keeper, "stranger");
        assert_int_equal(policy->on_revoke.count, 1);
        assert_int_equal(policy->on_revoke.rungs[0].kind, RUNG_ALERT);
        world.count = 0;
        scan();
        assert_null(agent_ward(&agent, "stranger"));
        assert_null(keeper_lease(agent.keeper, "stranger"));
}

static void test_foreign(void **state)
{
        (void)state;
        header_of(UUID, URI3);
        map("stranger", UUID, 5);
        scan();
        assert_true(ward("stranger")->foreign);
        assert_int_equal(ward("stranger")->key_count, 0);
        reload(KEY DATA("data", "") "[Key third]\nURI=" URI3 "\nCredentials=env\n");
        scan();
        assert_int_equal(state_of("stranger"), LEASE_OPEN);
}

static void test_uuid_mismatch(void **state)
{
        (void)state;
        map("luks-x", OTHER, DATA_MINOR);
        scan();
        assert_string_equal(ward("data")->mapping, "");
        assert_int_equal(state_of("data"), LEASE_CLOSED);
}

static void test_unreadable(void **state)
{
        (void)state;
        world.fails = 1;
        map("luks-x", UUID, DATA_MINOR);
        scan();
        assert_string_equal(ward("data")->mapping, "");
        world.fails = 0;
        scan();
        assert_string_equal(ward("data")->mapping, "luks-x");
}

static void test_two_sections_one_device(void **state)
{
        const char *a, *b;

        (void)state;
        reload(KEY DATA("data", "") DATA("other", ""));
        map("luks-x", UUID, DATA_MINOR);
        scan();
        a = ward("data")->mapping;
        b = ward("other")->mapping;
        assert_true(strcmp(a, b) != 0);
        assert_true(a[0] == '\0' || b[0] == '\0');
}

/* ---- opening ---- */

static void test_opens_once(void **state)
{
        (void)state;
        reload(KEY DATA("data", "Open=auto\n"));
        scan();
        assert_int_equal(state_of("data"), LEASE_PENDING);
        map("data", UUID, DATA_MINOR);
        scan();
        world.count = 0; /* somebody closes it, and means it */
        scan();
        agent_event(ward("data"), &(const struct lease_event){.kind = LEASE_EV_GONE});
        assert_int_equal(state_of("data"), LEASE_CLOSED);
        scan();
        assert_int_equal(state_of("data"), LEASE_CLOSED);
        world.present = false; /* unplugged and plugged in again */
        scan();
        assert_int_equal(ward("data")->key_count, 0);
        world.present = true;
        scan();
        assert_int_equal(state_of("data"), LEASE_PENDING);
        world.present = false; /* nothing to wait for */
        scan();
        assert_int_equal(state_of("data"), LEASE_CLOSED);
}

/* Of an erased volume nothing holds for the disk that comes in its place. */
static void test_other_disk(void **state)
{
        struct lease lease;

        (void)state;
        reload(KEY DATA("data", "Open=auto\n"));
        scan();
        assert_int_equal(state_of("data"), LEASE_PENDING);
        lease_init(&lease);
        lease.erased = true;
        assert_int_equal(keeper_restore(agent.keeper, "data", &lease), 0);
        world.present = false;
        scan();
        world.present = true;
        scan();
        assert_int_equal(state_of("data"), LEASE_CLOSED);
        world.present = false;
        scan();
        header_of(OTHER, AWS_URI);
        world.present = true;
        scan();
        assert_string_equal(ward("data")->uuid, OTHER);
        assert_int_equal(state_of("data"), LEASE_PENDING);
}

/* ---- restarts ---- */

static void test_restart_revoked(void **state)
{
        (void)state;
        map("luks-x", UUID, DATA_MINOR);
        scan();
        take_back("data");
        restart(KEY DATA("data", ""));
        assert_int_equal(state_of("data"), LEASE_REVOKED);
        assert_false(ward("data")->by_hand);
        verdict(VERDICT_GRANTED);
        assert_int_equal(state_of("data"), LEASE_RESTORING);
}

/* Taken away by the ladder, and nothing of it is there: it comes back all the same, Open= or not.
 */
static void test_restart_closed_by_ladder(void **state)
{
        struct lease lease;

        (void)state;
        map("luks-x", UUID, DATA_MINOR);
        scan();
        take_back("data");
        lease = *keeper_lease(agent.keeper, "data");
        lease.rung = RUNG_CLOSE;
        lease.mapped = lease.suspended = false;
        assert_int_equal(state_save(ward("data"), &lease), 0);
        world.count = 0;
        restart(KEY DATA("data", ""));
        assert_int_equal(state_of("data"), LEASE_REVOKED);
        assert_int_equal(ward("data")->key_count, 1);
        verdict(VERDICT_GRANTED);
        assert_int_equal(state_of("data"), LEASE_RESTORING);
}

static void test_by_hand(void **state)
{
        (void)state;
        map("luks-x", UUID, DATA_MINOR);
        scan();
        verdict(VERDICT_GRANTED);
        world.mappings[0].suspended = 1;
        scan();
        assert_true(ward("data")->by_hand);
        assert_int_equal(state_of("data"), LEASE_OPEN);
        restart(KEY DATA("data", ""));
        assert_true(ward("data")->by_hand);
        verdict(VERDICT_GRANTED);
        assert_int_equal(state_of("data"), LEASE_OPEN);
        take_back("data"); /* and the next agent knows that it was suspended before */
        restart(KEY DATA("data", ""));
        assert_true(ward("data")->by_hand);
        assert_int_equal(state_of("data"), LEASE_REVOKED);
        world.mappings[0].suspended = 0;
        scan();
        assert_false(ward("data")->by_hand);
}

/* A key that comes back behind the agent's back has the ladder before it again. */
static void test_resumed_behind_its_back(void **state)
{
        struct keeper_order order;

        (void)state;
        map("luks-x", UUID, DATA_MINOR);
        scan();
        take_back("data");
        world.mappings[0].suspended = 0;
        scan();
        order = next();
        assert_int_equal(order.kind, KEEPER_LEASE);
        assert_int_equal(order.lease.kind, LEASE_DO_RUNG);
        assert_int_equal(order.lease.rung, RUNG_SUSPEND);
}

/* ---- reload, and headers that change ---- */

static void test_renamed_key(void **state)
{
        (void)state;
        map("luks-x", UUID, DATA_MINOR);
        scan();
        reload("[Key again]\nURI=" AWS_URI "\nCredentials=env\n[Volume data]\n"
               "Device=/dev/fake-data\nRole=persistence\nKey=again\n");
        scan();
        assert_int_equal(ward("data")->key_count, 1);
        assert_string_equal(ward("data")->keys[0].key, "again");
        assert_int_equal(keeper_verdict(agent.keeper, "again", VERDICT_KEY_STATE, 0, 1), 0);
        assert_int_equal(state_of("data"), LEASE_REVOKED);
}

static void test_renamed_volume(void **state)
{
        (void)state;
        map("luks-x", UUID, DATA_MINOR);
        scan();
        take_back("data");
        reload(KEY DATA("renamed", ""));
        scan();
        assert_null(agent_ward(&agent, "data"));
        assert_int_equal(state_of("renamed"), LEASE_REVOKED);
        verdict(VERDICT_GRANTED);
        assert_int_equal(state_of("renamed"), LEASE_RESTORING);
}

/* Denied with other credentials than those that were granted: a doubt, as often as it may be. */
static void test_changed_credentials(void **state)
{
        (void)state;
        map("luks-x", UUID, DATA_MINOR);
        scan();
        verdict(VERDICT_GRANTED);
        assert_true(keeper_lease(agent.keeper, "data")->succeeded);
        reload("[Key main]\nURI=" AWS_URI "\nCredentials=profile:x\n" DATA("data", ""));
        assert_false(keeper_lease(agent.keeper, "data")->succeeded);
        scan();
        reload("[Key main]\nURI=" AWS_URI "\nCredentials=profile:x\n" DATA("data", ""));
        verdict(VERDICT_GRANTED);
        scan();
        assert_true(keeper_lease(agent.keeper, "data")->succeeded);
}

/* The command has put another recipient into the header. */
static void test_rekeyed(void **state)
{
        (void)state;
        reload(KEY KEY2
               "[Volume data]\nDevice=/dev/fake-data\nRole=persistence\nKey=main second\n");
        map("luks-x", UUID, DATA_MINOR);
        scan();
        assert_string_equal(ward("data")->keys[0].key, "main");
        header_of(UUID, URI2);
        world.nonce = 2;
        scan();
        assert_string_equal(ward("data")->keys[0].key, "main"); /* not looked at without cause */
        scan_header(ward("data"));
        scan();
        assert_int_equal(ward("data")->key_count, 1);
        assert_string_equal(ward("data")->keys[0].key, "second");
        assert_int_equal(ward("data")->keys[0].probe->data[0], 2);
        header_of(UUID, URI3); /* none of ours: what was watched is watched on */
        scan_header(ward("data"));
        scan();
        assert_string_equal(ward("data")->keys[0].key, "second");
        assert_int_equal(state_of("data"), LEASE_OPEN);
}

/* A section that goes: an open volume is watched on, for its key, with an alert alone. */
static void test_section_goes(void **state)
{
        (void)state;
        map("luks-x", UUID, DATA_MINOR);
        scan();
        reload(KEY);
        scan();
        assert_int_equal(state_of("data"), LEASE_OPEN);
        assert_int_equal(keeper_policy(agent.keeper, "data")->on_revoke.count, 1);
        world.count = 0;
        scan();
        assert_null(agent_ward(&agent, "data"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, up, down)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(adopts),
            TEST(stranger),
            TEST(foreign),
            TEST(uuid_mismatch),
            TEST(unreadable),
            TEST(two_sections_one_device),
            TEST(opens_once),
            TEST(other_disk),
            TEST(restart_revoked),
            TEST(restart_closed_by_ladder),
            TEST(by_hand),
            TEST(resumed_behind_its_back),
            TEST(renamed_key),
            TEST(renamed_volume),
            TEST(changed_credentials),
            TEST(rekeyed),
            TEST(section_goes),
        };

        return cmocka_run_group_tests(tests, folder_make, leases_remove);
}
