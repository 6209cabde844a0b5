/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The settings: a table for each kind of section. Names, forms and limits are here and nowhere
 * else; what several settings must be together is in finish.c. */

#include "policy/setting.h"
#include "token/token.h"

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define DAY    (24 * 60 * MINUTE)

#define FIELD(type, member) offsetof(struct type, member)
#define ROOM(type, member)  sizeof(((struct type *)NULL)->member)

static const char *const no_yes[] = {"no", "yes", NULL}; /* false is 0 */
static const char *const performances[] = {"auto", "queues", "no-queues", NULL};
static const char *const opens[] = {"manual", "auto", NULL};

static int set_boolean(const struct setting *s, void *field, const char *value, struct diag *diag)
{
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
                return setting_invalid(s, value, "yes or no", diag);
        return set_choice(s, field, value, diag);
}

static int set_group(const struct setting *s, void *field, const char *value, struct diag *diag)
{
        static const char letters[] =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

        if (value[0] == '-' || strspn(value, letters) != strlen(value))
                return setting_invalid(s, value, "the name of a group", diag);
        return set_text(s, field, value, diag);
}

const struct setting agent_settings[] = {
    {"AuditLog", FIELD(agent_config, audit_log), set_path, show_text, 0,
     ROOM(agent_config, audit_log), NULL},
    {"ReadGroup", FIELD(agent_config, read_group), set_group, show_text, 0,
     ROOM(agent_config, read_group), NULL},
    {"ConfirmDenials", FIELD(agent_config, confirm_denials), set_number, show_number, 1, 100, NULL},
    {"ConfirmSpan", FIELD(agent_config, confirm_span_ms), set_span64, show_span64, 0, DAY, NULL},
    {"PendingTimeout", FIELD(agent_config, pending_timeout_ms), set_span64, show_span64, SECOND,
     3650 * DAY, NULL},
    {"RungTimeout", FIELD(agent_config, rung_timeout_ms), set_span32, show_span32, 100, 10 * MINUTE,
     NULL},
    {"SyncTime", FIELD(agent_config, sync_time_ms), set_span32, show_span32, 0, MINUTE, NULL},
    {NULL, 0, NULL, NULL, 0, 0, NULL},
};

static int set_credentials(const struct setting *s, void *field, const char *value,
                           struct diag *diag)
{
        if (strcmp(value, "env") != 0 && strncmp(value, "file:/", 6) != 0 &&
            (strncmp(value, "profile:", 8) != 0 || value[8] == '\0'))
                return setting_invalid(s, value, "env, profile:NAME or file:/PATH", diag);
        return set_text(s, field, value, diag);
}

static int set_endpoint(const struct setting *s, void *section, const char *value,
                        struct diag *diag)
{
        const char *host = value + strlen("https://");

        if (strncmp(value, "https://", strlen("https://")) != 0 || *host == '\0' ||
            strpbrk(host, "/?#@ \\") != NULL)
                return setting_invalid(s, value, "https://HOST or https://HOST:PORT", diag);
        return set_text(s, ((struct key_config *)section)->endpoint, value, diag);
}

static int set_uri(const struct setting *s, void *section, const char *value, struct diag *diag)
{
        struct key_config *key = section;
        struct diag why = DIAG_INIT;

        if (keyuri_parse(value, &key->uri, &why) != 0) {
                (void)diag_refuse(diag, CONFIG_E_INVALID, "config", "URI=%s: %s", value,
                                  why.message);
                diag_advise(diag, "%s", why.advice);
                return CONFIG_E_INVALID;
        }
        return set_text(s, key->uri_text, value, diag);
}

static int show_uri(const struct setting *s, const void *section, char *buf, size_t size)
{
        return show_text(s, ((const struct key_config *)section)->uri_text, buf, size);
}

/* Where nothing is set, the service's own address. */
static int show_endpoint(const struct setting *s, const void *section, char *buf, size_t size)
{
        const struct key_config *key = section;
        char text[CONFIG_PATH_MAX];

        if (key->endpoint[0] || key->uri.kind != KEYURI_AWS)
                return show_text(s, key->endpoint, buf, size);
        (void)snprintf(text, sizeof(text), "https://%s", key->uri.host);
        return show_text(s, text, buf, size);
}

const struct setting key_settings[] = {
    {"URI", 0, set_uri, show_uri, 0, ROOM(key_config, uri_text), NULL},
    {"Credentials", FIELD(key_config, credentials), set_credentials, show_text, 0,
     ROOM(key_config, credentials), NULL},
    {"Endpoint", 0, set_endpoint, show_endpoint, 0, ROOM(key_config, endpoint), NULL},
    {"CAFile", FIELD(key_config, ca_file), set_path, show_text, 0, ROOM(key_config, ca_file), NULL},
    {"KeyFile", FIELD(key_config, key_file), set_path, show_text, 0, ROOM(key_config, key_file),
     NULL},
    {"Timeout", FIELD(key_config, timeout_ms), set_span32, show_span32, 100, 10 * MINUTE, NULL},
    {"ProbeInterval", FIELD(key_config, probe_interval_ms), set_span64, show_span64, SECOND, DAY,
     NULL},
    {NULL, 0, NULL, NULL, 0, 0, NULL},
};

static int set_role(const struct setting *s, void *field, const char *value, struct diag *diag)
{
        if (!token_role_valid(value))
                return setting_invalid(s, value, "os, persistence, backup or temp", diag);
        return set_text(s, field, value, diag);
}

static int set_keys(const struct setting *s, void *section, const char *value, struct diag *diag)
{
        struct volume_config *volume = section;
        char copy[CONFIG_PATH_MAX], *save = NULL;

        if (set_text(s, copy, value, diag) != 0)
                return CONFIG_E_INVALID;
        volume->key_count = 0;
        for (char *w = strtok_r(copy, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
                if (volume->key_count == CONFIG_KEYS_PER_VOLUME || strlen(w) >= CONFIG_NAME_MAX)
                        return setting_invalid(s, value, "at most 8 names of [Key] sections", diag);
                (void)snprintf(volume->key_names[volume->key_count++], CONFIG_NAME_MAX, "%s", w);
        }
        return 0;
}

static int show_keys(const struct setting *s, const void *section, char *buf, size_t size)
{
        const struct volume_config *volume = section;
        char text[CONFIG_KEYS_PER_VOLUME * (CONFIG_NAME_MAX + 1)] = "";
        size_t len = 0;

        for (size_t i = 0; i < volume->key_count; i++)
                len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? " " : "",
                                        volume->key_names[i]);
        return show_text(s, text, buf, size);
}

static int set_uuid(const struct setting *s, void *field, const char *value, struct diag *diag)
{
        static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

        for (size_t i = 0; i < sizeof(form); i++)
                if (form[i] == 'x' ? !strchr("0123456789abcdef", value[i]) || !value[i]
                                   : value[i] != form[i])
                        return setting_invalid(s, value, "a UUID in lower case", diag);
        return set_text(s, field, value, diag);
}

static int set_sector_size(const struct setting *s, void *field, const char *value,
                           struct diag *diag)
{
        if (strcmp(value, "512") != 0 && strcmp(value, "4096") != 0 && strcmp(value, "auto") != 0)
                return setting_invalid(s, value, "512 or 4096, or auto", diag);
        *(uint32_t *)field = value[0] == 'a' ? 0 : value[0] == '5' ? 512 : 4096;
        return 0;
}

static int show_sector_size(const struct setting *s, const void *field, char *buf, size_t size)
{
        return *(const uint32_t *)field == 0 ? show_text(s, "auto", buf, size)
                                             : show_number(s, field, buf, size);
}

const struct setting volume_settings[] = {
    {"Device", FIELD(volume_config, device), set_path, show_text, 0, ROOM(volume_config, device),
     NULL},
    {"Role", FIELD(volume_config, role), set_role, show_text, 0, ROOM(volume_config, role), NULL},
    {"Key", 0, set_keys, show_keys, 0, CONFIG_PATH_MAX, NULL},
    {"UUID", FIELD(volume_config, uuid), set_uuid, show_text, 0, ROOM(volume_config, uuid), NULL},
    {"SectorSize", FIELD(volume_config, sector_size), set_sector_size, show_sector_size, 0, 0,
     NULL},
    {"Discard", FIELD(volume_config, discard), set_boolean, show_choice, 0, 0, no_yes},
    {"Performance", FIELD(volume_config, performance), set_choice, show_choice, 0, 0, performances},
    {"Open", FIELD(volume_config, open_auto), set_choice, show_choice, 0, 0, opens},
    {"OnRevoke", FIELD(volume_config, on_revoke), set_ladder, show_ladder, 1, 0, NULL},
    {"OnOutage", FIELD(volume_config, on_outage), set_ladder, show_ladder, 0, 0, NULL},
    {"MaxOutage", FIELD(volume_config, max_outage_ms), set_span64, show_span64, 0, 3650 * DAY,
     NULL},
    {"AllowErase", FIELD(volume_config, allow_erase), set_boolean, show_choice, 0, 0, no_yes},
    {NULL, 0, NULL, NULL, 0, 0, NULL},
};
