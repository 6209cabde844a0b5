/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: dm-crypt activated -> [live table checked]. Trusts the kernel only. Never keeps or prints
 * a key: of the key field it tells the kind. */

#include "volume/table.h"

#include <ctype.h>
#include <libdevmapper.h>

#include "volume/dm.h"

enum { UUID_DIGITS = 32 };

static void parse_device(const char *word, struct table *t)
{
        (void)sscanf(word, "%u:%u", &t->data_major, &t->data_minor);
}

static void parse_key(const char *word, struct table *t)
{
        if (word[0] == ':') {
                t->key = TABLE_KEY_KEYRING;
                (void)snprintf(t->key_description, sizeof(t->key_description), "%s", word);
        } else if (strspn(word, "0") == strlen(word) || strcmp(word, "-") == 0) {
                t->key = TABLE_KEY_WIPED;
        } else {
                t->key = TABLE_KEY_OTHER;
        }
}

static void parse_option(const char *word, struct table *t)
{
        if (strcmp(word, "allow_discards") == 0)
                t->discards = 1;
        else if (strcmp(word, "no_read_workqueue") == 0)
                t->no_read_workqueue = 1;
        else if (strcmp(word, "no_write_workqueue") == 0)
                t->no_write_workqueue = 1;
        else if (sscanf(word, "sector_size:%u", &t->sector_size) != 1)
                t->other_options++;
}

/* "<cipher> <key> <iv_offset> <device> <offset> [<count> <option>...]"
 * (Documentation/admin-guide/device-mapper/dm-crypt.rst). */
void table_parse_crypt(char *params, struct table *t)
{
        const size_t len = strlen(params);
        char *save = NULL;
        unsigned int field = 0;

        t->sector_size = 512;
        for (char *w = strtok_r(params, " ", &save); w; w = strtok_r(NULL, " ", &save), field++)
                switch (field) {
                case 0: (void)snprintf(t->cipher, sizeof(t->cipher), "%s", w); break;
                case 1: parse_key(w, t); break;
                case 2: t->iv_offset = strtoull(w, NULL, 10); break;
                case 3: parse_device(w, t); break;
                case 4: t->data_offset = strtoull(w, NULL, 10); break;
                case 5: break; /* the number of options */
                default: parse_option(w, t);
                }
        explicit_bzero(params, len);
}

static void take_targets(struct dm_task *task, struct table *t)
{
        void *next = NULL;

        do {
                uint64_t start, length;
                char *type = NULL, *params = NULL;

                next = dm_get_next_target(task, next, &start, &length, &type, &params);
                if (!type)
                        continue;
                if (t->targets++ > 0)
                        continue;
                t->start = start;
                t->length = length;
                (void)snprintf(t->target, sizeof(t->target), "%s", type);
                if (strcmp(type, "crypt") == 0)
                        table_parse_crypt(params, t);
        } while (next);
}

int table_find_keys(const char *name, int state, const char *uuid, struct table_keys *ret)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_TABLE, name);
        struct table_keys keys = {.any = 0};
        void *next = NULL;
        int r;

        if (!task || !dm_task_secure_data(task) ||
            (state == TABLE_LOADED && !dm_task_query_inactive_table(task)))
                return -ENOMEM;
        r = dm_run(task);
        if (r < 0)
                return r;
        do {
                struct table t = {.key = TABLE_KEY_WIPED};
                uint64_t start, length;
                char *type = NULL, *params = NULL;

                next = dm_get_next_target(task, next, &start, &length, &type, &params);
                if (!type || strcmp(type, "crypt") != 0)
                        continue;
                table_parse_crypt(params, &t);
                keys.any |= t.key != TABLE_KEY_WIPED;
                keys.named |= t.key == TABLE_KEY_KEYRING && strstr(t.key_description, uuid) != NULL;
        } while (next);
        *ret = keys;
        return 0;
}

int table_read(const char *name, struct table *ret)
{
        struct dm_task *task CLEANUP(dm_task_destroyp) = dm_open_task(DM_DEVICE_TABLE, name);
        struct table t = {.exists = 0};
        struct dm_info info;

        if (!task)
                return -ENODEV; /* no device mapper in this kernel, or no right to use it */
        if (!dm_task_secure_data(task))
                return -ENOMEM;
        if (!dm_task_run(task)) {
                const int error = dm_task_get_errno(task);

                if (error != ENXIO)
                        return error ? -error : -EIO;
                *ret = t;
                return 0;
        }
        if (!dm_task_get_info(task, &info))
                return -EIO;
        t.exists = info.exists;
        t.suspended = info.suspended;
        t.live = info.live_table;
        t.inactive = info.inactive_table;
        t.open_count = info.open_count;
        t.major = info.major;
        t.minor = info.minor;
        if (info.exists) {
                const char *uuid = dm_task_get_uuid(task);

                (void)snprintf(t.dm_uuid, sizeof(t.dm_uuid), "%s", uuid ? uuid : "");
                take_targets(task, &t);
        }
        *ret = t;
        return 0;
}

int table_ask(const char *name, struct table *ret, struct diag *diag)
{
        int r = table_read(name, ret);

        if (r < 0) {
                (void)diag_fail(diag, r, "cannot ask the device mapper for %s", name);
                diag_advise(diag, "is the dm_mod module loaded, and are you root? modprobe dm_mod");
        }
        return r;
}

int table_is_suspended(const struct table *table)
{
        return table->suspended && !table->inactive && table->targets == 1 &&
               table->key == TABLE_KEY_WIPED;
}

int table_is_ours(const struct table *table, const char *uuid, const char *name)
{
        static const char prefix[] = "CRYPT-LUKS2-";
        const char *rest = table->dm_uuid + sizeof(prefix) - 1;
        size_t n = 0;

        if (strncmp(table->dm_uuid, prefix, sizeof(prefix) - 1) != 0 ||
            strlen(rest) < UUID_DIGITS + 1 || rest[UUID_DIGITS] != '-' ||
            strcmp(rest + UUID_DIGITS + 1, name) != 0)
                return 0;
        if (!uuid)
                return 1;
        for (; *uuid; uuid++)
                if (*uuid != '-' && (n == UUID_DIGITS || *uuid != rest[n++]))
                        return 0;
        return n == UUID_DIGITS;
}
