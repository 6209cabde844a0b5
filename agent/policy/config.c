/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: header rules -> [which recipient, by local config] -> KMS. Answers questions about loaded
 * config; reads no files. */

#include "policy/config.h"

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
