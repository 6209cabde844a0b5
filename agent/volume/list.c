/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which LUKS2 mappings there are, whoever opened them. Trusts the kernel's tables. */

#include "volume/rung.h"

#include "volume/dm.h"
#include "volume/names.h"
#include "volume/table.h"

int names_list(struct dm_task **ret, struct dm_names **ret_first, struct diag *diag)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_LIST, NULL);
        struct dm_names *first;
        int r;

        if (!task)
                return diag_fail(diag, -ENODEV, "cannot ask the device mapper for its devices");
        r = dm_run(task);
        if (r < 0)
                return diag_fail(diag, r, "cannot ask the device mapper for its devices");
        first = dm_task_get_names(task);
        *ret_first = first && first->dev ? first : NULL;
        *ret = TAKE_PTR(task);
        return 0;
}

struct dm_names *names_next(struct dm_names *n)
{
        return n->next ? (struct dm_names *)(void *)((char *)n + n->next) : NULL;
}

/* "0b0f4f5c9b1c..." to "0b0f4f5c-9b1c-..." */
static void put_dashes(const char *digits, char ret[37])
{
        size_t at = 0;

        for (size_t i = 0; i < 32; i++) {
                if (i == 8 || i == 12 || i == 16 || i == 20)
                        ret[at++] = '-';
                ret[at++] = digits[i];
        }
        ret[at] = '\0';
}

static void describe(const char *name, const struct table *t, struct mapping *ret)
{
        *ret = (struct mapping){
            .data_major = t->data_major,
            .data_minor = t->data_minor,
            .major = t->major,
            .minor = t->minor,
            .suspended = table_is_suspended(t),
            .dead = strcmp(t->target, "crypt") != 0,
        };
        (void)snprintf(ret->name, sizeof(ret->name), "%s", name);
        put_dashes(t->dm_uuid + strlen("CRYPT-LUKS2-"), ret->uuid);
}

int mapping_list(struct mapping **ret, size_t *ret_count, struct diag *diag)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = NULL;
        struct mapping *list CLEANUP_FREE = NULL;
        struct dm_names *first;
        size_t count = 0;
        int r = names_list(&task, &first, diag);

        if (r < 0)
                return r;
        for (struct dm_names *n = first; n; n = names_next(n)) {
                struct mapping *larger;
                struct table t;

                r = table_ask(n->name, &t, diag);
                if (r < 0)
                        return r;
                if (!t.live || !table_is_ours(&t, NULL, n->name))
                        continue; /* or it has gone meanwhile */
                larger = reallocarray(list, count + 1, sizeof(*list));
                if (!larger)
                        return -ENOMEM;
                list = larger;
                describe(n->name, &t, &list[count++]);
        }
        *ret = TAKE_PTR(list);
        *ret_count = count;
        return 0;
}
