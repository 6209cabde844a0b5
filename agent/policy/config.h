/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What root allows: the agent, keys and volumes from /etc/luks-kms/luks-kms.conf, luks-kms.conf.d
 * and volumes.d. A header's token can only pick among the keys that its volume names here. */

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "policy/ladder.h"
#include "token/context.h"
#include "token/keyuri.h"

#define CONFIG_DIR_DEFAULT "/etc/luks-kms"

enum { CONFIG_NAME_MAX = 64, CONFIG_PATH_MAX = 256, CONFIG_KEYS_PER_VOLUME = 8 };
enum { CONFIG_E_INVALID = 1, CONFIG_E_NO_VOLUME, CONFIG_E_KEY_NOT_ALLOWED };

enum performance { PERFORMANCE_AUTO, PERFORMANCE_QUEUES, PERFORMANCE_NO_QUEUES };

struct key_config {
        char name[CONFIG_NAME_MAX];
        char where[CONFIG_PATH_MAX + 16]; /* FILE:LINE of its section, for messages */
        char uri_text[KEYURI_MAX];
        struct keyuri uri;
        char credentials[CONFIG_PATH_MAX]; /* env, profile:NAME, file:PATH */
        char endpoint[CONFIG_PATH_MAX];
        char ca_file[CONFIG_PATH_MAX];
        char key_file[CONFIG_PATH_MAX]; /* platform:file */
        uint32_t timeout_ms;
        uint64_t probe_interval_ms; /* the agent asks whether the grant stands so often */
        uint32_t given;             /* which settings a file has, by place in their table */
        struct key_config *next;
};

struct volume_config {
        char name[CONFIG_NAME_MAX];
        char where[CONFIG_PATH_MAX + 16];
        char device[CONFIG_PATH_MAX];
        char role[ROLE_TEXT_MAX];
        const struct key_config *keys[CONFIG_KEYS_PER_VOLUME]; /* in order of preference */
        char key_names[CONFIG_KEYS_PER_VOLUME][CONFIG_NAME_MAX];
        size_t key_count;
        char uuid[UUID_TEXT_MAX]; /* pin: "" = any volume that its keys open */
        uint32_t sector_size;     /* 0 = 4096 where the device's size allows it */
        enum performance performance;
        int discard;
        struct ladder on_revoke;
        struct ladder on_outage; /* count 0: keep */
        uint64_t max_outage_ms;  /* 0: unset; never so if on_outage has rungs */
        int open_auto;           /* the agent opens it when its device appears */
        int allow_erase;
        uint32_t given;
        struct volume_config *next;
};

/* Section [Agent]; the defaults where there is none. */
struct agent_config {
        char where[CONFIG_PATH_MAX + 16];
        char audit_log[CONFIG_PATH_MAX];
        char read_group[CONFIG_NAME_MAX]; /* may ask for status; "": root alone */
        uint32_t confirm_denials;
        uint64_t confirm_span_ms, pending_timeout_ms;
        uint32_t rung_timeout_ms; /* of each rung */
        uint32_t sync_time_ms;    /* suspend waits so long for a sync; less than rung_timeout_ms */
        uint32_t given;
};

struct config {
        struct agent_config agent;
        struct key_config *keys;
        struct volume_config *volumes;
};

/* Reads all files under dir (later files add sections and override single settings), resolves
 * Key= names and checks every value. A file that others than root can write is refused.
 * 0; CONFIG_E_INVALID (rule "config": file, line, what was expected); -errno. */
int config_load(const char *dir, struct config **ret, struct diag *diag);
void config_free(struct config *config);

/* 0, or CONFIG_E_NO_VOLUME naming the ones there are. *ret lives as long as config. */
int config_volume(const struct config *config, const char *name, const struct volume_config **ret,
                  struct diag *diag);

/* Key NAME, or NULL. */
const struct key_config *config_key(const struct config *config, const char *name);

/* The volume's key that has this URI: whether a token may be used is decided here.
 * 0; CONFIG_E_KEY_NOT_ALLOWED (rule "key-not-allowed"). */
int config_allow_key(const struct volume_config *volume, const struct keyuri *uri,
                     const struct key_config **ret, struct diag *diag);

/* What makes a denial of this key mean something, in 16 hex digits: URI, credentials, endpoint, CA
 * file, key file. If it changes, a key that once worked may be denied for the change. 0 or -EIO. */
int config_fingerprint(const struct key_config *key, char ret[17]);

/* Each setting that is in force. section "Agent", "Key" or "Volume"; name of it, or "". */
struct config_shown {
        const char *section, *name;
        const char *setting; /* NULL: the section begins */
        const char *value;   /* as a file would have it; "": none */
        bool is_default;     /* no file has it */
};

/* Calls fn for each, in the order of the sections; a result of fn that is not 0 ends it and is
 * returned. 0 or -ENOBUFS. */
int config_show(const struct config *config,
                int (*fn)(const struct config_shown *shown, void *userdata), void *userdata);

DEFINE_CLEANUP(struct config *, config_free)
#define CLEANUP_CONFIG CLEANUP(config_freep)
