/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Defaults, and what only the whole shows: settings that are right by themselves and wrong together
 * are refused here, before anything acts on them. */

#include "policy/setting.h"

#define AUDIT_LOG_DEFAULT "/var/log/luks-kms/audit.jsonl"
#define KEY_FILE_DEFAULT  "/etc/luks-kms/platform.key"

enum { ERASE_DELAY_MIN_MS = 60000 };

static int refuse_at(struct diag *diag, const char *where, const char *what)
{
        return diag_refuse(diag, CONFIG_E_INVALID, "config", "%s: %s", where, what);
}

void config_begin_agent(struct agent_config *agent)
{
        (void)snprintf(agent->audit_log, sizeof(agent->audit_log), "%s", AUDIT_LOG_DEFAULT);
        agent->confirm_denials = 3;
        agent->confirm_span_ms = 2 * 60 * 1000;
        agent->pending_timeout_ms = UINT64_C(7) * 24 * 60 * 60 * 1000;
        agent->rung_timeout_ms = 10 * 1000;
        agent->sync_time_ms = 300;
}

void config_begin_key(struct key_config *key)
{
        key->timeout_ms = 10 * 1000;
        key->probe_interval_ms = 60 * 1000;
}

static int finish_agent(const struct agent_config *agent, struct diag *diag)
{
        if (agent->sync_time_ms >= agent->rung_timeout_ms)
                return refuse_at(diag, agent->where,
                                 "SyncTime= must be shorter than RungTimeout=, or suspend would "
                                 "run out of time before it begins");
        return 0;
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

/* The volume with the system on it can only be left in peace or taken down as a whole. */
static int check_os(const struct volume_config *v, const char *setting, enum rung_kind kind,
                    struct diag *diag)
{
        if (strcmp(v->role, "os") != 0 || kind == RUNG_ALERT || kind == RUNG_POWEROFF)
                return 0;
        (void)diag_refuse(diag, CONFIG_E_INVALID, "config",
                          "%s: %s=: %s is not possible with Role=os: the agent, its libraries and "
                          "its log are on that volume, and nothing would be left to take it back",
                          v->where, setting, rung_name(kind));
        diag_advise(diag, "with Role=os a ladder has alert and poweroff, such as: alert; "
                          "poweroff 1h");
        return CONFIG_E_INVALID;
}

static int check_erase(const struct volume_config *v, const char *setting, const struct rung *rung,
                       struct diag *diag)
{
        if (rung->kind != RUNG_ERASE)
                return 0;
        if (strcmp(setting, "OnOutage") == 0) {
                (void)diag_refuse(diag, CONFIG_E_INVALID, "config",
                                  "%s: OnOutage=: erase is not possible here: an outage says "
                                  "nothing of the key, and what is erased does not come back with "
                                  "the network",
                                  v->where);
                diag_advise(diag, "OnOutage= goes as far as poweroff; erase belongs to OnRevoke=");
                return CONFIG_E_INVALID;
        }
        if (!v->allow_erase)
                return diag_refuse(diag, CONFIG_E_INVALID, "config",
                                   "%s: %s=: erase destroys the volume for good and needs "
                                   "AllowErase=yes",
                                   v->where, setting);
        if (rung->after_ms < ERASE_DELAY_MIN_MS)
                return diag_refuse(diag, CONFIG_E_INVALID, "config",
                                   "%s: %s=: erase needs a delay of at least 1min, such as: erase "
                                   "72h",
                                   v->where, setting);
        return 0;
}

static int check_ladder(const struct volume_config *v, const char *setting,
                        const struct ladder *ladder, struct diag *diag)
{
        for (size_t i = 0; i < ladder->count; i++)
                if (check_os(v, setting, ladder->rungs[i].kind, diag) != 0 ||
                    check_erase(v, setting, &ladder->rungs[i], diag) != 0)
                        return CONFIG_E_INVALID;
        return 0;
}

static int finish_ladders(struct volume_config *v, struct diag *diag)
{
        if (v->on_revoke.count == 0) {
                v->on_revoke.rungs[v->on_revoke.count++] = (struct rung){.kind = RUNG_ALERT};
                if (strcmp(v->role, "os") != 0)
                        v->on_revoke.rungs[v->on_revoke.count++] =
                            (struct rung){.kind = RUNG_SUSPEND};
        }
        if (check_ladder(v, "OnRevoke", &v->on_revoke, diag) != 0 ||
            check_ladder(v, "OnOutage", &v->on_outage, diag) != 0)
                return CONFIG_E_INVALID;
        if (v->on_outage.count > 0 && v->max_outage_ms == 0)
                return refuse_at(diag, v->where,
                                 "OnOutage= needs MaxOutage=: an outage no longer than that is "
                                 "waited out");
        if (v->on_outage.count == 0 && v->max_outage_ms > 0)
                return refuse_at(diag, v->where,
                                 "MaxOutage= does nothing without a ladder in OnOutage=");
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
        return finish_ladders(v, diag);
}

int config_finish(struct config *config, struct diag *diag)
{
        if (finish_agent(&config->agent, diag) != 0)
                return CONFIG_E_INVALID;
        for (struct key_config *k = config->keys; k; k = k->next)
                if (finish_key(k, diag) != 0)
                        return CONFIG_E_INVALID;
        for (struct volume_config *v = config->volumes; v; v = v->next)
                if (finish_volume(config, v, diag) != 0)
                        return CONFIG_E_INVALID;
        return 0;
}
