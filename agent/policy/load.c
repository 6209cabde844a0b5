/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the files, in order, into sections, and has the whole checked at the end. Reads nothing
 * that somebody else than root could have written. */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "base/ini.h"
#include "policy/setting.h"

enum { FILE_MAX = 1 << 20 };

struct loading {
        struct config *config;
        const struct setting *settings; /* of the section that is open; NULL: none is */
        void *section;
        uint32_t *given;
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
                config_begin_key(*p);
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

/* The first line that begins a section is where the whole of it is spoken of. */
static void note_where(char *where, size_t size, const struct ini_entry *e)
{
        if (*where == '\0')
                (void)snprintf(where, size, "%s:%u", e->file, e->line);
}

static int open_key(struct loading *l, const char *name, const struct ini_entry *e)
{
        struct key_config *key = find_or_add_key(l->config, name);

        if (!key)
                return -ENOMEM;
        note_where(key->where, sizeof(key->where), e);
        l->settings = key_settings;
        l->section = key;
        l->given = &key->given;
        return 0;
}

static int open_volume(struct loading *l, const char *name, const struct ini_entry *e)
{
        struct volume_config *volume = find_or_add_volume(l->config, name);

        if (!volume)
                return -ENOMEM;
        note_where(volume->where, sizeof(volume->where), e);
        l->settings = volume_settings;
        l->section = volume;
        l->given = &volume->given;
        return 0;
}

static int open_agent(struct loading *l, const struct ini_entry *e)
{
        struct agent_config *agent = &l->config->agent;

        note_where(agent->where, sizeof(agent->where), e);
        l->settings = agent_settings;
        l->section = agent;
        l->given = &agent->given;
        return 0;
}

static int open_section(struct loading *l, const struct ini_entry *e, struct diag *diag)
{
        const char *name = strchr(e->section, ' ');

        if (strcmp(e->section, "Agent") == 0)
                return open_agent(l, e);
        if (name && name_valid(name + 1) && strncmp(e->section, "Key ", 4) == 0)
                return open_key(l, name + 1, e);
        if (name && name_valid(name + 1) && strncmp(e->section, "Volume ", 7) == 0)
                return open_volume(l, name + 1, e);
        return diag_refuse(diag, CONFIG_E_INVALID, "config",
                           "%s:%u: [%s]: expected [Key NAME], [Volume NAME] or [Agent]", e->file,
                           e->line, e->section);
}

static int on_entry(const struct ini_entry *e, void *userdata, struct diag *diag)
{
        struct loading *l = userdata;
        int r;

        if (!e->key)
                return open_section(l, e, diag);
        if (!l->settings)
                return diag_refuse(diag, CONFIG_E_INVALID, "config",
                                   "%s:%u: %s= stands before any section", e->file, e->line,
                                   e->key);
        r = setting_set(l->settings, l->section, l->given, e->key, e->value, diag);
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
        return r == 0 ? config_finish(config, diag) : r;
}

int config_load(const char *dir, struct config **ret, struct diag *diag)
{
        struct config *config CLEANUP_CONFIG = calloc(1, sizeof(*config));
        int r;

        if (!config)
                return -ENOMEM;
        config_begin_agent(&config->agent);
        if (strlen(dir) > CONFIG_PATH_MAX - 32)
                return diag_refuse(diag, CONFIG_E_INVALID, "config",
                                   "--config: the path of the folder is too long");
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
