/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: header rules -> [which recipient, by local config] -> KMS. Answers questions about loaded
 * config; reads no files. */

#include <openssl/evp.h>

#include "base/bytes.h"
#include "policy/setting.h"

enum { CONFIG_VALUE_MAX = 1024 }; /* longer than any value that is let in */

void config_free(struct config *config)
{
        if (!config)
                return;
        while (config->keys) {
                struct key_config *next = config->keys->next;

                free(config->keys);
                config->keys = next;
        }
        while (config->volumes) {
                struct volume_config *next = config->volumes->next;

                free(config->volumes);
                config->volumes = next;
        }
        free(config);
}

int config_volume(const struct config *config, const char *name, const struct volume_config **ret,
                  struct diag *diag)
{
        char names[256] = "";
        size_t len = 0;

        for (const struct volume_config *v = config->volumes; v; v = v->next) {
                if (strcmp(v->name, name) == 0) {
                        *ret = v;
                        return 0;
                }
                if (len < sizeof(names))
                        len += (size_t)snprintf(names + len, sizeof(names) - len, " %s", v->name);
        }
        (void)diag_refuse(diag, CONFIG_E_NO_VOLUME, "no-such-volume",
                          "the config knows no volume %s; it has:%s", name,
                          *names ? names : " none");
        diag_advise(diag, "write a section [Volume %s] with Device=, Role= and Key=", name);
        return CONFIG_E_NO_VOLUME;
}

const struct key_config *config_key(const struct config *config, const char *name)
{
        for (const struct key_config *k = config->keys; k; k = k->next)
                if (strcmp(k->name, name) == 0)
                        return k;
        return NULL;
}

int config_allow_key(const struct volume_config *volume, const struct keyuri *uri,
                     const struct key_config **ret, struct diag *diag)
{
        for (size_t i = 0; i < volume->key_count; i++)
                if (strcmp(volume->keys[i]->uri.text, uri->text) == 0) {
                        *ret = volume->keys[i];
                        return 0;
                }
        (void)diag_refuse(diag, CONFIG_E_KEY_NOT_ALLOWED, "key-not-allowed",
                          "the header asks for %s, which the config does not allow for volume %s",
                          uri->text, volume->name);
        diag_advise(diag,
                    "if that key is right, add a [Key] section with its URI and name it in "
                    "[Volume %s] Key=",
                    volume->name);
        return CONFIG_E_KEY_NOT_ALLOWED;
}

/* Each text with its NUL: no two configurations run together to the same bytes. */
int config_fingerprint(const struct key_config *key, char ret[17])
{
        const char *const texts[] = {key->uri_text, key->credentials, key->endpoint, key->ca_file,
                                     key->key_file};
        char bytes[sizeof(key->uri_text) + 4 * CONFIG_PATH_MAX];
        uint8_t digest[32];
        size_t len = 0;

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                memcpy(bytes + len, texts[i], strlen(texts[i]) + 1);
                len += strlen(texts[i]) + 1;
        }
        if (!EVP_Digest(bytes, len, digest, NULL, EVP_sha256(), NULL))
                return -EIO;
        hex_encode(digest, 8, ret);
        return 0;
}

/* Of a key of another kind, where it would be an error. */
static bool means_nothing(const char *setting, enum keyuri_kind kind)
{
        if (kind == KEYURI_PLATFORM_FILE)
                return strcmp(setting, "Credentials") == 0 || strcmp(setting, "Endpoint") == 0 ||
                       strcmp(setting, "CAFile") == 0;
        return strcmp(setting, "KeyFile") == 0;
}

struct showing {
        int (*fn)(const struct config_shown *shown, void *userdata);
        void *userdata;
        const struct key_config *key; /* NULL: not a key's section */
};

static int show_section(const struct showing *to, const char *section, const char *name,
                        const struct setting *table, const void *fields, uint32_t given)
{
        char value[CONFIG_VALUE_MAX];
        struct config_shown shown = {.section = section, .name = name};
        int r = to->fn(&shown, to->userdata);

        shown.value = value;
        for (const struct setting *s = table; r == 0 && s->name; s++) {
                if (to->key && means_nothing(s->name, to->key->uri.kind))
                        continue;
                shown.setting = s->name;
                shown.is_default = !(given >> (s - table) & 1);
                r = s->show(s, (const char *)fields + s->offset, value, sizeof(value));
                if (r == 0)
                        r = to->fn(&shown, to->userdata);
        }
        return r;
}

int config_show(const struct config *config,
                int (*fn)(const struct config_shown *shown, void *userdata), void *userdata)
{
        const struct agent_config *agent = &config->agent;
        struct showing to = {.fn = fn, .userdata = userdata};
        int r = show_section(&to, "Agent", "", agent_settings, agent, agent->given);

        for (const struct key_config *k = config->keys; r == 0 && k; k = k->next) {
                to.key = k;
                r = show_section(&to, "Key", k->name, key_settings, k, k->given);
        }
        to.key = NULL;
        for (const struct volume_config *v = config->volumes; r == 0 && v; v = v->next)
                r = show_section(&to, "Volume", v->name, volume_settings, v, v->given);
        return r;
}
