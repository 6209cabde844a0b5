/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Settings: names, forms, and what a wrong one is told. Trusts that root wrote the text; believes
 * nothing about its form. */

#include <ctype.h>
#include <inttypes.h>

#include "policy/config.h"
#include "token/token.h"

enum { TIMEOUT_MIN_MS = 100, TIMEOUT_MAX_MS = 600000 };

static int invalid(struct diag *diag, const char *name, const char *value, const char *expected)
{
        return diag_refuse(diag, CONFIG_E_INVALID, "config", "%s=%s: expected %s", name, value,
                           expected);
}

static int set_text(char *field, size_t size, const char *name, const char *value,
                    struct diag *diag)
{
        if (*value == '\0' || strlen(value) >= size)
                return invalid(diag, name, value, "a value of moderate length");
        (void)snprintf(field, size, "%s", value);
        return 0;
}

static int set_path(char *field, size_t size, const char *name, const char *value,
                    struct diag *diag)
{
        return value[0] == '/' ? set_text(field, size, name, value, diag)
                               : invalid(diag, name, value, "an absolute path");
}

/* A number with systemd's units ms, s, min; seconds without one. */
static int set_time_span(uint32_t *ret_ms, const char *name, const char *value, struct diag *diag)
{
        static const struct {
                const char *unit;
                uint64_t ms;
        } units[] = {{"", 1000}, {"s", 1000}, {"sec", 1000}, {"ms", 1}, {"min", 60000}};
        char *end = NULL;
        uint64_t n = isdigit((unsigned char)*value) ? strtoull(value, &end, 10) : 0;

        while (end && isblank((unsigned char)*end))
                end++;
        for (size_t i = 0; end && i < sizeof(units) / sizeof(units[0]); i++)
                if (strcmp(end, units[i].unit) == 0 && n <= TIMEOUT_MAX_MS &&
                    n * units[i].ms >= TIMEOUT_MIN_MS && n * units[i].ms <= TIMEOUT_MAX_MS) {
                        *ret_ms = (uint32_t)(n * units[i].ms);
                        return 0;
                }
        return invalid(diag, name, value, "a time span from 100ms to 10min, such as 10s");
}

static int set_boolean(int *ret, const char *name, const char *value, struct diag *diag)
{
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
                return invalid(diag, name, value, "yes or no");
        *ret = value[0] == 'y';
        return 0;
}

static int set_credentials(struct key_config *key, const char *value, struct diag *diag)
{
        if (strcmp(value, "env") != 0 && strncmp(value, "file:/", 6) != 0 &&
            (strncmp(value, "profile:", 8) != 0 || value[8] == '\0'))
                return invalid(diag, "Credentials", value, "env, profile:NAME or file:/PATH");
        return set_text(key->credentials, sizeof(key->credentials), "Credentials", value, diag);
}

static int set_endpoint(struct key_config *key, const char *value, struct diag *diag)
{
        const char *host = value + strlen("https://");

        if (strncmp(value, "https://", strlen("https://")) != 0 || *host == '\0' ||
            strpbrk(host, "/?#@ \\") != NULL)
                return invalid(diag, "Endpoint", value, "https://HOST or https://HOST:PORT");
        return set_text(key->endpoint, sizeof(key->endpoint), "Endpoint", value, diag);
}

static int set_uri(struct key_config *key, const char *value, struct diag *diag)
{
        struct diag why = DIAG_INIT;

        if (keyuri_parse(value, &key->uri, &why) != 0) {
                (void)diag_refuse(diag, CONFIG_E_INVALID, "config", "URI=%s: %s", value,
                                  why.message);
                diag_advise(diag, "%s", why.advice);
                return CONFIG_E_INVALID;
        }
        return set_text(key->uri_text, sizeof(key->uri_text), "URI", value, diag);
}

/* Names the setting that is nearest by common letters at the start, for a typing mistake. */
static int unknown(struct diag *diag, const char *name, const char *const *known)
{
        const char *nearest = known[0];
        size_t best = 0;

        for (; *known; known++) {
                size_t n = 0;

                while (name[n] &&
                       tolower((unsigned char)name[n]) == tolower((unsigned char)(*known)[n]))
                        n++;
                if (n > best) {
                        best = n;
                        nearest = *known;
                }
        }
        return diag_refuse(diag, CONFIG_E_INVALID, "config",
                           "%s= is not known here; did you mean %s=?", name, nearest);
}

int config_set_key(struct key_config *key, const char *name, const char *value, struct diag *diag)
{
        static const char *const known[] = {"URI",     "Credentials", "Endpoint", "CAFile",
                                            "KeyFile", "Timeout",     NULL};

        if (strcmp(name, "URI") == 0)
                return set_uri(key, value, diag);
        if (strcmp(name, "Credentials") == 0)
                return set_credentials(key, value, diag);
        if (strcmp(name, "Endpoint") == 0)
                return set_endpoint(key, value, diag);
        if (strcmp(name, "CAFile") == 0)
                return set_path(key->ca_file, sizeof(key->ca_file), name, value, diag);
        if (strcmp(name, "KeyFile") == 0)
                return set_path(key->key_file, sizeof(key->key_file), name, value, diag);
        if (strcmp(name, "Timeout") == 0)
                return set_time_span(&key->timeout_ms, name, value, diag);
        return unknown(diag, name, known);
}

static int set_role(struct volume_config *volume, const char *value, struct diag *diag)
{
        if (!token_role_valid(value))
                return invalid(diag, "Role", value, "os, persistence, backup or temp");
        return set_text(volume->role, sizeof(volume->role), "Role", value, diag);
}

static int add_keys(struct volume_config *volume, const char *value, struct diag *diag)
{
        char copy[CONFIG_PATH_MAX], *save = NULL;

        if (set_text(copy, sizeof(copy), "Key", value, diag) != 0)
                return CONFIG_E_INVALID;
        volume->key_count = 0;
        for (char *w = strtok_r(copy, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
                if (volume->key_count == CONFIG_KEYS_PER_VOLUME || strlen(w) >= CONFIG_NAME_MAX)
                        return invalid(diag, "Key", value, "at most 8 names of [Key] sections");
                (void)snprintf(volume->key_names[volume->key_count++], CONFIG_NAME_MAX, "%s", w);
        }
        return 0;
}

static int set_uuid(struct volume_config *volume, const char *value, struct diag *diag)
{
        static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

        for (size_t i = 0; i < sizeof(form); i++)
                if (form[i] == 'x' ? !strchr("0123456789abcdef", value[i]) || !value[i]
                                   : value[i] != form[i])
                        return invalid(diag, "UUID", value, "a UUID in lower case");
        return set_text(volume->uuid, sizeof(volume->uuid), "UUID", value, diag);
}

static int set_performance(struct volume_config *volume, const char *value, struct diag *diag)
{
        static const char *const names[] = {"auto", "queues", "no-queues"};

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (strcmp(value, names[i]) == 0) {
                        volume->performance = (enum performance)i;
                        return 0;
                }
        return invalid(diag, "Performance", value, "auto, queues or no-queues");
}

static int set_sector_size(struct volume_config *volume, const char *value, struct diag *diag)
{
        if (strcmp(value, "512") != 0 && strcmp(value, "4096") != 0)
                return invalid(diag, "SectorSize", value, "512 or 4096");
        volume->sector_size = value[0] == '5' ? 512 : 4096;
        return 0;
}

int config_set_volume(struct volume_config *volume, const char *name, const char *value,
                      struct diag *diag)
{
        static const char *const known[] = {"Device",  "Role",        "Key",  "SectorSize",
                                            "Discard", "Performance", "UUID", NULL};

        if (strcmp(name, "Device") == 0)
                return set_path(volume->device, sizeof(volume->device), name, value, diag);
        if (strcmp(name, "Role") == 0)
                return set_role(volume, value, diag);
        if (strcmp(name, "Key") == 0)
                return add_keys(volume, value, diag);
        if (strcmp(name, "SectorSize") == 0)
                return set_sector_size(volume, value, diag);
        if (strcmp(name, "Discard") == 0)
                return set_boolean(&volume->discard, name, value, diag);
        if (strcmp(name, "UUID") == 0)
                return set_uuid(volume, value, diag);
        if (strcmp(name, "Performance") == 0)
                return set_performance(volume, value, diag);
        return unknown(diag, name, known);
}
