/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the files, in order, into sections, and checks the whole at the end. Reads nothing that
 * somebody else than root could have written. */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "base/ini.h"
#include "policy/config.h"

enum { FILE_MAX = 1 << 20, TIMEOUT_DEFAULT_MS = 10000 };

#define KEY_FILE_DEFAULT "/etc/luks-kms/platform.key"

struct loading {
        struct config *config;
        struct key_config *key; /* the section that is open: one of the two, or none */
        struct volume_config *volume;
};

/* Puts FILE:LINE in front of what a setting's parser said. */
static int at(struct diag *diag, const struct ini_entry *e)
{
        const struct diag said = diag ? *diag : DIAG_INIT;

        (void)diag_refuse(diag, CONFIG_E_INVALID, "config", "%s:%u: %s", e->file, e->line,
                          said.message);
        diag_advise(diag, "%s", said.advice);
        return CONFIG_E_INVALID;
}

static int name_valid(const char *name)
{
        return *name && strlen(name) < CONFIG_NAME_MAX && name[0] != '.' && name[0] != '-' &&
               strcmp(name, "control") != 0 && /* the device mapper's own */
               strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
                   strlen(name);
}

static struct key_config *find_or_add_key(struct config *c, const char *name)
{
        struct key_config **p = &c->keys;

        for (; *p; p = &(*p)->next)
                if (strcmp((*p)->name, name) == 0)
                        return *p;
        *p = calloc(1, sizeof(**p));
        if (*p) {
                (void)snprintf((*p)->name, sizeof((*p)->name), "%s", name);
                (*p)->timeout_ms = TIMEOUT_DEFAULT_MS;
        }
        return *p;
}

static struct volume_config *find_or_add_volume(struct config *c, const char *name)
{
        struct volume_config **p = &c->volumes;

        for (; *p; p = &(*p)->next)
                if (strcmp((*p)->name, name) == 0)
                        return *p;
        *p = calloc(1, sizeof(**p));
        if (*p)
                (void)snprintf((*p)->name, sizeof((*p)->name), "%s", name);
        return *p;
}

static int open_section(struct loading *l, const struct ini_entry *e, struct diag *diag)
{
        const char *name = strchr(e->section, ' ');
        char *where;

        l->key = NULL;
        l->volume = NULL;
        if (!name || !name_valid(name + 1) ||
            (strncmp(e->section, "Key ", 4) != 0 && strncmp(e->section, "Volume ", 7) != 0))
                return diag_refuse(diag, CONFIG_E_INVALID, "config",
                                   "%s:%u: [%s]: expected [Key NAME] or [Volume NAME]", e->file,
                                   e->line, e->section);
        if (e->section[0] == 'K')
                l->key = find_or_add_key(l->config, name + 1);
        else
                l->volume = find_or_add_volume(l->config, name + 1);
        if (!l->key && !l->volume)
                return -ENOMEM;
        where = l->key ? l->key->where : l->volume->where;
        if (*where == '\0')
                (void)snprintf(where, sizeof(l->key->where), "%s:%u", e->file, e->line);
        return 0;
}

static int on_entry(const struct ini_entry *e, void *userdata, struct diag *diag)
{
        struct loading *l = userdata;
        int r;

        if (!e->key)
                return open_section(l, e, diag);
        if (!l->key && !l->volume)
                return diag_refuse(diag, CONFIG_E_INVALID, "config",
                                   "%s:%u: %s= stands before any section", e->file, e->line,
                                   e->key);
        r = l->key ? config_set_key(l->key, e->key, e->value, diag)
                   : config_set_volume(l->volume, e->key, e->value, diag);
        return r > 0 ? at(diag, e) : r;
}

static int load_file(struct config *config, const char *path, struct diag *diag)
{
        struct loading l = {.config = config};
        char *text CLEANUP_FREE = NULL;
        int fd CLEANUP_FD = -1;
        size_t len;
        int r;

        r = file_open_trusted(path, 0, &fd, diag);
        if (r != 0)
                return r > 0 ? CONFIG_E_INVALID : r;
        r = fd_read_text(fd, FILE_MAX, &text, &len);
        if (r < 0)
                return diag_fail(diag, r, "cannot read %s", path);
        r = ini_parse(text, path, on_entry, &l, diag);
        return r > 0 ? CONFIG_E_INVALID : r;
}

static int is_conf(const struct dirent *d)
{
        const size_t len = strlen(d->d_name);

        return d->d_name[0] != '.' && len > 5 && strcmp(d->d_name + len - 5, ".conf") == 0;
}

/* Whoever may write to a folder may exchange what is in it. */
static int check_folder(const char *folder, struct diag *diag)
{
        int fd CLEANUP_FD = -1;
        int r = file_open_trusted(folder, FILE_FOLDER, &fd, diag);

        return r > 0 ? CONFIG_E_INVALID : r;
}

/* All *.conf of a folder by name; a folder that is not there holds none. */
static int load_folder(struct config *config, const char *folder, struct diag *diag)
{
        struct dirent **names = NULL;
        struct diag why = DIAG_INIT;
        int n, r = check_folder(folder, &why);

        if (r == -ENOENT)
                return 0;
        if (r != 0) {
                if (diag)
                        *diag = why;
                return r;
        }
        n = scandir(folder, &names, is_conf, alphasort);
        if (n < 0)
                return diag_fail(diag, -errno, "cannot read %s", folder);
        for (int i = 0; i < n; i++) {
                char path[CONFIG_PATH_MAX * 2];

                (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
                if (r == 0)
                        r = load_file(config, path, diag);
                free(names[i]);
        }
        free(names);
        return r;
}

static int refuse_at(struct diag *diag, const char *where, const char *what)
{
        return diag_refuse(diag, CONFIG_E_INVALID, "config", "%s: %s", where, what);
}

static int finish_key(struct key_config *key, struct diag *diag)
{
        if (key->uri_text[0] == '\0')
                return refuse_at(diag, key->where, "the key has no URI=");
        if (key->uri.kind == KEYURI_PLATFORM_FILE) {
                if (key->credentials[0] || key->endpoint[0] || key->ca_file[0])
                        return refuse_at(
                            diag, key->where,
                            "Credentials=, Endpoint= and CAFile= mean nothing to platform:file");
                if (key->key_file[0] == '\0')
                        (void)snprintf(key->key_file, sizeof(key->key_file), "%s",
                                       KEY_FILE_DEFAULT);
                return 0;
        }
        if (key->key_file[0])
                return refuse_at(diag, key->where, "KeyFile= belongs to platform:file only");
        if (key->credentials[0] == '\0')
                return refuse_at(diag, key->where,
                                 "the key has no Credentials= (env, profile:NAME or file:/PATH)");
        return 0;
}

static int finish_volume(const struct config *config, struct volume_config *v, struct diag *diag)
{
        if (v->device[0] == '\0' || v->role[0] == '\0' || v->key_count == 0)
                return refuse_at(diag, v->where, "a volume needs Device=, Role= and Key=");
        for (size_t i = 0; i < v->key_count; i++) {
                v->keys[i] = config_key(config, v->key_names[i]);
                if (!v->keys[i])
                        return diag_refuse(diag, CONFIG_E_INVALID, "config",
                                           "%s: Key=%s: there is no section [Key %s]", v->where,
                                           v->key_names[i], v->key_names[i]);
        }
        return 0;
}

static int finish(struct config *config, struct diag *diag)
{
        for (struct key_config *k = config->keys; k; k = k->next)
                if (finish_key(k, diag) != 0)
                        return CONFIG_E_INVALID;
        for (struct volume_config *v = config->volumes; v; v = v->next)
                if (finish_volume(config, v, diag) != 0)
                        return CONFIG_E_INVALID;
        return 0;
}

static int load_all(struct config *config, const char *dir, struct diag *diag)
{
        static const char *const folders[] = {"luks-kms.conf.d", "volumes.d"};
        char path[CONFIG_PATH_MAX];
        struct stat st;
        int r = check_folder(dir, diag);

        (void)snprintf(path, sizeof(path), "%s/luks-kms.conf", dir);
        if (r == 0 && lstat(path, &st) == 0)
                r = load_file(config, path, diag);
        for (size_t i = 0; r == 0 && i < sizeof(folders) / sizeof(folders[0]); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", dir, folders[i]);
                r = load_folder(config, path, diag);
        }
        return r == 0 ? finish(config, diag) : r;
}

int config_load(const char *dir, struct config **ret, struct diag *diag)
{
        struct config *config CLEANUP_CONFIG = calloc(1, sizeof(*config));
        int r;

        if (!config)
                return -ENOMEM;
        if (strlen(dir) > CONFIG_PATH_MAX - 32)
                return refuse_at(diag, "--config", "the path of the folder is too long");
        r = load_all(config, dir, diag);
        if (r == -ENOENT) {
                diag_advise(diag, "write %s/luks-kms.conf: man luks-kms shows how", dir);
                r = CONFIG_E_INVALID;
        }
        if (r != 0)
                return r;
        *ret = TAKE_PTR(config);
        return 0;
}
