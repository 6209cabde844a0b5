/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Looks for a volume key wherever the kernel shows that one is: in crypt targets, live or loaded,
 * of all mappings, and in /proc/keys. Believes no earlier result; when in doubt nothing is proven.
 */

#include "volume/erasure.h"

#include "base/clock.h"
#include "volume/keys.h"
#include "volume/names.h"
#include "volume/table.h"

enum { POLL_MS = 20 };

/* Does a table of the mapping hold a key? With ours = 0 only one that is named after the UUID. */
static int holds_key(const char *name, const char *uuid, int ours, int *ret)
{
        static const int states[] = {TABLE_LIVE, TABLE_LOADED};
        int found = 0;

        for (size_t i = 0; i < 2; i++) {
                struct table_keys keys;
                int r = table_find_keys(name, states[i], uuid, &keys);

                if (r < 0)
                        return r;
                found |= ours ? keys.any : keys.named;
        }
        *ret = found;
        return 0;
}

static void set_table(const struct table *t, int key, struct erasure *e)
{
        const char *word = t->live ? t->target : "none";

        if (key)
                word = "key";
        else if (strcmp(word, "crypt") == 0)
                word = "wiped";
        (void)snprintf(e->table, sizeof(e->table), "%s", word);
}

static void add_other(struct erasure *e, const char *name)
{
        const size_t at = strlen(e->mappings);

        (void)snprintf(e->mappings + at, sizeof(e->mappings) - at, "%s%s", at > 0 ? " " : "", name);
}

static int look_at(const char *other, const char *name, const char *uuid, struct erasure *e)
{
        const int named = strcmp(other, name) == 0;
        struct table t;
        int r, ours, key = 0;

        r = table_read(other, &t);
        if (r < 0 || !t.exists)
                return r;
        ours = table_is_ours(&t, uuid, other);
        r = holds_key(other, uuid, ours, &key);
        if (r < 0)
                return r == -ENXIO ? 0 : r; /* it has gone meanwhile */
        if (named && ours)
                set_table(&t, key, e);
        else if (key)
                add_other(e, other);
        return 0;
}

static int check_mappings(const char *name, const char *uuid, struct erasure *e, struct diag *diag)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = NULL;
        struct dm_names *first;
        int r = names_list(&task, &first, diag);

        for (struct dm_names *n = first; r == 0 && n; n = names_next(n)) {
                r = look_at(n->name, name, uuid, e);
                if (r < 0)
                        (void)diag_fail(diag, r, "cannot read the tables of %s", n->name);
        }
        return r;
}

int erasure_check(const char *name, const char *uuid, int patience_ms, struct erasure *ret,
                  struct diag *diag)
{
        const uint64_t deadline = clock_now_ms() + (uint64_t)(patience_ms > 0 ? patience_ms : 0);
        struct erasure e;
        int r;

        for (;;) {
                e = (struct erasure){.table = "none"};
                r = check_mappings(name, uuid, &e, diag);
                if (r == 0)
                        r = keys_count(KEYS_FILE, uuid, &e.keyring_keys);
                if (r < 0)
                        return diag_fail(diag, r, "cannot tell whether the key of %s is gone",
                                         name);
                if (e.keyring_keys == 0 || clock_left_ms(deadline) == 0)
                        break;
                clock_sleep_ms(POLL_MS);
        }
        e.proven = strcmp(e.table, "key") != 0 && !e.mappings[0] && e.keyring_keys == 0;
        *ret = e;
        return 0;
}
