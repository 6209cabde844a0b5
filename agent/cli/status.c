/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* status: what the kernel says is in force, and how the agent's lease stands where one runs. Asks
 * neither the KMS nor the disk. */

#include "cli/cli.h"
#include "cli/lease.h"
#include "volume/driver.h"
#include "volume/table.h"

#include <inttypes.h>

static const char *state_of(const struct table *t)
{
        if (!t->exists)
                return "closed";
        if (!t->live)
                return "incomplete";
        if (strcmp(t->target, "crypt") != 0)
                return "killed";
        return t->suspended ? "suspended" : "open";
}

static const char *key_of(const struct table *t)
{
        switch (t->key) {
        case TABLE_KEY_KEYRING: return "kernel keyring";
        case TABLE_KEY_WIPED: return "wiped";
        default: return "in the table, readable by root";
        }
}

struct facts {
        const struct volume_config *volume;
        struct table table;
        char driver[128];
        int generic;
        struct lease_line *lease;
};

static void print_crypt(const struct facts *f)
{
        const struct table *t = &f->table;

        (void)printf("  cipher       %s, %u-byte sectors\n", t->cipher, t->sector_size);
        (void)printf("  key          %s\n", key_of(t));
        (void)printf(
            "  flags       %s%s%s%s\n", t->no_read_workqueue ? " no_read_workqueue" : "",
            t->no_write_workqueue ? " no_write_workqueue" : "", t->discards ? " discards" : "",
            !t->no_read_workqueue && !t->no_write_workqueue && !t->discards ? " none" : "");
        (void)printf("  device       %u:%u, data from byte %" PRIu64 "\n", t->data_major,
                     t->data_minor, t->data_offset * 512);
        (void)printf("  driver       %s\n", f->driver[0] ? f->driver : "unknown");
        if (f->generic)
                (void)puts(
                    "  warning      AES runs in plain C, many times slower than the CPU's own "
                    "instructions: modprobe aesni_intel, then close and open");
}

static void print_text(const struct facts *f)
{
        (void)printf("%s: %s\n", f->volume->name, state_of(&f->table));
        (void)printf("  role         %s\n", f->volume->role);
        (void)printf("  configured   %s\n", f->volume->device);
        for (size_t i = 0; i < f->volume->key_count; i++)
                (void)printf("  allowed key  %s\n", f->volume->keys[i]->uri.text);
        if (f->table.exists && strcmp(f->table.target, "crypt") == 0)
                print_crypt(f);
        lease_print(f->lease, f->volume->name);
}

static void write_crypt(struct jsonw *w, const struct facts *f)
{
        const struct table *t = &f->table;
        char device[32];

        (void)snprintf(device, sizeof(device), "%u:%u", t->data_major, t->data_minor);
        jsonw_string(w, "cipher", t->cipher);
        jsonw_uint64(w, "sector_size", t->sector_size);
        jsonw_string(w, "key", key_of(t));
        jsonw_bool(w, "no_read_workqueue", t->no_read_workqueue != 0);
        jsonw_bool(w, "no_write_workqueue", t->no_write_workqueue != 0);
        jsonw_bool(w, "discards", t->discards != 0);
        jsonw_string(w, "data_device", device);
        jsonw_uint64(w, "data_offset", t->data_offset * 512);
        jsonw_string(w, "dm_uuid", t->dm_uuid);
        jsonw_string(w, "driver", f->driver);
        jsonw_bool(w, "driver_generic", f->generic != 0);
}

static void print_json(const struct facts *f)
{
        static char buf[65536];
        struct jsonw w;
        size_t len;

        jsonw_init(&w, buf, sizeof(buf));
        jsonw_object(&w, NULL);
        jsonw_string(&w, "volume", f->volume->name);
        jsonw_string(&w, "state", state_of(&f->table));
        jsonw_string(&w, "role", f->volume->role);
        jsonw_string(&w, "device", f->volume->device);
        jsonw_array(&w, "keys");
        for (size_t i = 0; i < f->volume->key_count; i++)
                jsonw_string(&w, NULL, f->volume->keys[i]->uri.text);
        jsonw_array_end(&w);
        if (f->table.exists && strcmp(f->table.target, "crypt") == 0)
                write_crypt(&w, f);
        lease_write(f->lease, f->volume->name, &w);
        jsonw_object_end(&w);
        if (jsonw_end(&w, &len) == 0)
                (void)puts(buf);
}

static int show(const struct options *o, const struct volume_config *v, struct lease_line *lease)
{
        struct facts f = {.volume = v, .lease = lease};
        struct diag diag = DIAG_INIT;

        if (table_ask(v->name, &f.table, &diag) < 0)
                return report_failure(o, v->name, EXIT_ENVIRONMENT, &diag);
        if (driver_find(NULL, "xts(aes)", f.driver, sizeof(f.driver)) == 0)
                f.generic = driver_is_generic(f.driver);
        if (o->json)
                print_json(&f);
        else
                print_text(&f);
        return EXIT_OK;
}

int verb_status(const struct options *o)
{
        struct config *config CLEANUP_CONFIG = NULL;
        struct lease_line lease CLEANUP_LEASE = {.agent = NULL};
        const struct volume_config *v;
        struct diag diag = DIAG_INIT;
        int code, r = config_load(o->config_dir, &config, &diag);

        if (r == 0 && o->arg_count == 1)
                r = config_volume(config, o->args[0], &v, &diag);
        if (r != 0)
                return report_failure(o, o->arg_count == 1 ? o->args[0] : NULL, exit_of_config(r),
                                      &diag);
        lease_begin(&lease, o);
        if (o->arg_count == 1)
                return show(o, v, &lease);
        code = EXIT_OK;
        if (!config->volumes && !o->json)
                (void)printf("no volumes are configured in %s\n", o->config_dir);
        for (v = config->volumes; v && code == EXIT_OK; v = v->next)
                code = show(o, v, &lease);
        return code;
}
