/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What root allows: keys and volumes from /etc/luks-kms/luks-kms.conf, luks-kms.conf.d and
 * volumes.d. A header's token can only pick among the keys that its volume names here. */

#include <stdint.h>

#include "base/diag.h"
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
        struct volume_config *next;
};

struct config {
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

/* Inside policy/: one setting. 0, CONFIG_E_INVALID with words in diag. */
int config_set_key(struct key_config *key, const char *name, const char *value, struct diag *diag);
int config_set_volume(struct volume_config *volume, const char *name, const char *value,
                      struct diag *diag);

DEFINE_CLEANUP(struct config *, config_free)
#define CLEANUP_CONFIG CLEANUP(config_freep)
