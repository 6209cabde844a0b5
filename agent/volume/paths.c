/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lists what opens a volume, from a header that passed the rules and from sysfs. Nothing is tried
 * and nothing is believed beyond form: a token may lie about what it is, a keyslot may be
 * anybody's, and each of them is a way in until it is gone. */

#include "volume/paths.h"

#include <dirent.h>

const char *path_kind_name(enum path_kind kind)
{
        static const char *const names[] = {
            [PATH_RECIPIENT] = "recipient",
            [PATH_PLATFORM_FILE] = "platform-file",
            [PATH_RECOVERY] = "recovery",
            [PATH_PASSPHRASE] = "passphrase",
            [PATH_FOREIGN_TOKEN] = "foreign-token",
            [PATH_OTHER_MAPPING] = "other-mapping",
            [PATH_BACKUP_HINT] = "header-backup-hint",
        };

        return names[kind];
}

/* ---- sysfs ---- */

static void read_line(const char *sysfs, const char *device, const char *file, char *buf,
                      size_t size)
{
        char path[512];
        FILE *f CLEANUP_FILE = NULL;

        buf[0] = '\0';
        (void)snprintf(path, sizeof(path), "%s/block/%s/dm/%s", sysfs, device, file);
        f = fopen(path, "re");
        if (!f || !fgets(buf, (int)size, f)) {
                buf[0] = '\0';
                return;
        }
        buf[strcspn(buf, "\n")] = '\0';
}

/* "CRYPT-LUKS2-" and the UUID without dashes, as cryptsetup begins a mapping's DM UUID. */
static void dm_prefix(const char *uuid, char *buf, size_t size)
{
        size_t n = (size_t)snprintf(buf, size, "CRYPT-LUKS2-");

        for (; *uuid && n + 2 < size; uuid++)
                if (*uuid != '-')
                        buf[n++] = *uuid;
        buf[n++] = '-';
        buf[n] = '\0';
}

static void close_dir(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

size_t paths_mappings(const char *sysfs, const char *uuid, const char *own,
                      struct paths_mapping ret[PATHS_MAPPINGS_MAX])
{
        char path[300], prefix[64];
        DIR *dir CLEANUP(close_dir) = NULL;
        const struct dirent *entry;
        size_t count = 0;

        (void)snprintf(path, sizeof(path), "%s/block", sysfs);
        dm_prefix(uuid, prefix, sizeof(prefix));
        dir = opendir(path);
        while (dir && (entry = readdir(dir)) && count < PATHS_MAPPINGS_MAX) {
                char dm_uuid[160], name[128];

                if (strncmp(entry->d_name, "dm-", 3) != 0)
                        continue;
                read_line(sysfs, entry->d_name, "uuid", dm_uuid, sizeof(dm_uuid));
                read_line(sysfs, entry->d_name, "name", name, sizeof(name));
                if (strncmp(dm_uuid, prefix, strlen(prefix)) == 0 && strcmp(name, own) != 0)
                        diag_text(ret[count++].name, sizeof(ret[0].name), name);
        }
        return count;
}

/* ---- the list ---- */

static const struct token *token_of(const struct header *h, int keyslot)
{
        for (size_t i = 0; i < HEADER_TOKENS_MAX; i++)
                if (h->tokens[i] && h->tokens[i]->keyslot == keyslot)
                        return h->tokens[i];
        return NULL;
}

static bool is_allowed(const char *key, const char *const *allowed, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(allowed[i], key) == 0)
                        return true;
        return false;
}

static void describe_ours(const struct token *token, const char *foreign, struct path *p)
{
        const bool file = token->key.kind == KEYURI_PLATFORM_FILE;
        size_t used;

        p->kind = file ? PATH_PLATFORM_FILE : PATH_RECIPIENT;
        (void)snprintf(p->key, sizeof(p->key), "%s", token->key.text);
        (void)snprintf(p->note, sizeof(p->note), "%s%s",
                       file ? "whoever reads the key file of this machine opens it"
                            : "whoever may use this key at the KMS opens it",
                       p->allowed ? ""
                                  : "; luks-kms itself does not, as the configuration does not "
                                    "allow the key");
        used = strlen(p->note);
        if (foreign[0])
                (void)snprintf(p->note + used, sizeof(p->note) - used,
                               "; and a token %s names its keyslot too", foreign);
}

static void describe_foreign(const char *type, struct path *p)
{
        if (!type[0]) {
                p->kind = PATH_PASSPHRASE;
                (void)snprintf(p->note, sizeof(p->note),
                               "no token: a passphrase or a recovery key opens it, without a KMS");
        } else if (strcmp(type, "systemd-recovery") == 0) {
                p->kind = PATH_RECOVERY;
                (void)snprintf(p->note, sizeof(p->note),
                               "a recovery key of systemd-cryptenroll opens it, without a KMS");
        } else {
                p->kind = PATH_FOREIGN_TOKEN;
                (void)snprintf(p->note, sizeof(p->note),
                               "token %s: opened by what that belongs to, without a KMS", type);
        }
}

size_t paths_list(const struct header *h, const char *const *allowed, size_t allowed_count,
                  const struct paths_mapping *mappings, size_t mapping_count,
                  struct path ret[PATHS_MAX])
{
        size_t count = 0;

        for (int slot = 0; slot < HEADER_KEYSLOTS_MAX; slot++) {
                const struct token *token = token_of(h, slot);
                struct path *p = &ret[count];

                if (!h->keyslots[slot].used)
                        continue;
                *p = (struct path){.keyslot = slot};
                if (token) {
                        p->allowed = is_allowed(token->key.text, allowed, allowed_count);
                        describe_ours(token, h->foreign[slot], p);
                } else {
                        describe_foreign(h->foreign[slot], p);
                }
                count++;
        }
        for (size_t i = 0; i < mapping_count && i < PATHS_MAPPINGS_MAX; i++) {
                ret[count] = (struct path){.kind = PATH_OTHER_MAPPING, .keyslot = -1};
                (void)snprintf(ret[count].note, sizeof(ret[count].note),
                               "it is open under the name %s as well: cryptsetup close it",
                               mappings[i].name);
                count++;
        }
        ret[count] = (struct path){.kind = PATH_BACKUP_HINT, .keyslot = -1};
        (void)snprintf(
            ret[count].note, sizeof(ret[count].note),
            "backups of older headers cannot be seen from here: each opens the volume by "
            "what it held when it was made");
        return count + 1;
}
