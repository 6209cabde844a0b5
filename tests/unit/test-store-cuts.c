/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/store.h: power cuts in a row. A recipient change is cut at one of its writes, made again
 * and cut again, made again and done; and the next one is cut too. At each moment who should open
 * the volume does, and what was said to be done is said by both copies. */

#include "volume-fixture.h"

enum { SPAN = 1 << 20, NEVER = 1 << 20 };

/* What becomes of the write at which the power goes: nothing, a part of it; or it and all since the
 * last flush never came. */
enum way { CUT, TORN, LOST, WAYS };

static struct {
        int fd, left, off;
        enum way way;
        uint8_t flushed[SPAN];
} power = {.fd = -1};

int __real_pwrite_full(int fd, const void *buf, size_t len, off_t offset);
int __wrap_pwrite_full(int fd, const void *buf, size_t len, off_t offset);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_pwrite_full(int fd, const void *buf, size_t len, off_t offset)
{
        if (fd != power.fd)
                return __real_pwrite_full(fd, buf, len, offset);
        assert_in_range(offset + (off_t)len, 1, SPAN);
        if (!power.off && power.left-- > 0)
                return __real_pwrite_full(fd, buf, len, offset);
        if (!power.off && power.way == TORN)
                assert_int_equal(__real_pwrite_full(fd, buf, len / 4, offset), 0);
        if (!power.off && power.way == LOST)
                assert_int_equal(__real_pwrite_full(fd, power.flushed, SPAN, 0), 0);
        power.off = 1;
        return -EIO;
}

int __wrap_fsync(int fd)
{
        if (fd != power.fd)
                return 0; /* this machine stays on */
        if (power.off) {
                errno = EIO;
                return -1;
        }
        volume_get(power.flushed, SPAN, 0);
        return 0;
}

enum who { ONE, TWO };

/* keeper opens the volume before, during and after the change. */
struct change {
        enum who who, keeper;
        int add;
};

static struct secret *secrets[2];

static void fill(struct token *token, enum who who)
{
        fill_token(token);
        if (who == TWO)
                assert_int_equal(
                    keyuri_parse("aws-kms://arn:aws:kms:eu-west-1:000000000002:key/two",
                                 &token->key, NULL),
                    0);
}

static int find(const struct header *h, enum who who)
{
        struct token token;
        int id = 0;

        fill(&token, who);
        while (id < HEADER_TOKENS_MAX &&
               (!h->tokens[id] || strcmp(h->tokens[id]->key.text, token.key.text) != 0))
                id++;
        return id < HEADER_TOKENS_MAX ? id : -1;
}

static void add(struct header *h, const struct change *c)
{
        struct secret *passphrase CLEANUP_SECRET = NULL;
        const struct token *opener = h->tokens[find(h, c->keeper)];
        struct token token;
        struct enrolment e = {.secret = secrets[c->who], .token = &token};

        fill(&token, c->who);
        assert_int_equal(header_authenticate(h, opener, secrets[c->keeper], &passphrase, NULL), 0);
        assert_int_equal(enrol_add(h, opener->keyslot, passphrase, &e, NULL), 0);
}

/* As recipient add and recipient remove go, on a machine whose power goes at the write number at.
 * 1 if it came to its end. */
static int run(const struct change *c, int at, enum way way)
{
        struct header *before CLEANUP_HEADER = volume_read(), *after CLEANUP_HEADER = NULL;
        CLEANUP_FD int fd = volume_open();
        int r;

        volume_get(power.flushed, SPAN, 0);
        power.left = at;
        power.way = way;
        power.off = 0;
        if ((find(before, c->who) >= 0) == c->add) {
                power.fd = fd;
                r = store_complete(fd, before, NULL);
        } else {
                assert_int_equal(header_clone(before, &after, NULL), 0);
                if (c->add)
                        add(after, c);
                else
                        assert_int_equal(enrol_remove(after, find(after, c->who), NULL), 0);
                power.fd = fd;
                r = store_update(fd, before, after, NULL);
        }
        power.fd = -1;
        assert_int_equal(r, power.off ? -EIO : 0);
        return r == 0;
}

static void opens(const struct header *h, enum who who)
{
        assert_in_range(find(h, who), 0, HEADER_TOKENS_MAX - 1);
        assert_int_equal(volume_opens(h, find(h, who), secrets[who], NULL), 0);
}

static void check_cut(const struct change *c)
{
        struct header *h CLEANUP_HEADER = volume_read();

        opens(h, c->keeper);
}

/* No key material but that of keyslots in use. */
static void check_material(const struct header *h)
{
        static uint8_t area[SPAN];

        volume_get(area, SPAN, 0);
        for (size_t i = 0; i < HEADER_KEYSLOTS_MAX; i++)
                if (h->keyslots[i].used)
                        memset(area + h->keyslots[i].offset, 0, h->keyslots[i].size);
        for (size_t i = 2 * AREA; i < SPAN; i++)
                assert_int_equal(area[i], 0);
}

/* The change is there, in each copy alone. */
static void check_done(const struct change *c)
{
        uint8_t saved[AREA];

        for (int other = 0; other < 2; other++) {
                struct header *h CLEANUP_HEADER = NULL;

                volume_get(saved, AREA, other * AREA);
                volume_fill(0, AREA, other * AREA);
                h = volume_read();
                opens(h, c->keeper);
                assert_int_equal(find(h, c->who) >= 0, c->add);
                if (c->add)
                        opens(h, c->who);
                check_material(h);
                volume_put(saved, AREA, other * AREA);
        }
}

/* Writes at which the power goes: those of keyslot and copies, and some of the wiping. */
static const int points[] = {0, 1, 2, 40};

static size_t point_count(void)
{
        return runs_slowly() ? 2 : LENGTH(points);
}

/* The change that comes after, after what came before was done or only half done, cut once. */
static void check_next(const struct change *c, enum way way)
{
        static uint8_t saved[SPAN];
        struct header *h CLEANUP_HEADER = volume_read();

        if (find(h, c->keeper) < 0)
                return; /* what came before was cut too early for this one */
        volume_get(saved, SPAN, 0);
        for (size_t i = 0; i < point_count(); i++) {
                volume_put(saved, SPAN, 0);
                (void)run(c, points[i], way);
                check_cut(c);
                assert_true(run(c, NEVER, way));
                check_done(c);
        }
}

static void check_changes(const struct change *first, const struct change *next)
{
        static uint8_t base[SPAN], once[SPAN];

        volume_get(base, SPAN, 0);
        for (enum way way = runs_slowly() ? LOST : CUT; way < WAYS; way++)
                for (size_t i = 0; i < point_count(); i++) {
                        volume_put(base, SPAN, 0);
                        (void)run(first, points[i], way);
                        check_cut(first);
                        volume_get(once, SPAN, 0);
                        check_next(next, way);
                        for (size_t j = 0; way == TORN && j < point_count(); j++) {
                                volume_put(once, SPAN, 0);
                                (void)run(first, points[j], way);
                                check_cut(first);
                                assert_true(run(first, NEVER, way));
                                check_done(first);
                        }
                        volume_put(once, SPAN, 0);
                        assert_true(run(first, NEVER, way));
                        check_done(first);
                        check_next(next, way);
                }
}

static const struct change add_two = {.who = TWO, .keeper = ONE, .add = 1};

/* one becomes two: at the end only two opens. */
static void test_replacement(void **state)
{
        static const struct change remove_one = {.who = ONE, .keeper = TWO};

        (void)state;
        volume_make(4096);
        check_changes(&add_two, &remove_one);
}

static void test_removal(void **state)
{
        static const struct change remove_two = {.who = TWO, .keeper = ONE};

        (void)state;
        volume_make(4096);
        assert_true(run(&add_two, NEVER, CUT));
        check_changes(&remove_two, &add_two);
}

static int set_up(void **state)
{
        int r = folder_make(state);

        secrets[ONE] = volume_secret;
        return r != 0 ? r : secret_random(TOKEN_SECRET_SIZE, &secrets[TWO]);
}

static int tear_down(void **state)
{
        secret_free(secrets[TWO]);
        return folder_remove(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_replacement),
            cmocka_unit_test(test_removal),
        };

        return cmocka_run_group_tests_name("store-cuts", tests, set_up, tear_down);
}
