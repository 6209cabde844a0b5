/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every way to open a volume that this machine can know of: what `explain` lists, so that nobody
 * takes a key back and finds the volume open by another. */

#include "volume/header.h"

enum path_kind {
        PATH_RECIPIENT,     /* a token of ours under a KMS key */
        PATH_PLATFORM_FILE, /* a token of ours under platform:file */
        PATH_RECOVERY,      /* a keyslot that systemd made for a recovery key */
        PATH_PASSPHRASE,    /* a keyslot without a token */
        PATH_FOREIGN_TOKEN, /* a keyslot with somebody else's token */
        PATH_OTHER_MAPPING, /* a live mapping of this LUKS UUID under another name */
        PATH_BACKUP_HINT,   /* header backups cannot be seen from here */
        PATH_KINDS_
};

struct path {
        enum path_kind kind;
        int keyslot;          /* -1: none */
        char key[KEYURI_MAX]; /* of the token; "" */
        bool allowed;         /* the configuration allows that key for the volume */
        bool watched;         /* the agent asks for it; set by the caller */
        char note[256];       /* one sentence */
};

enum { PATHS_MAPPINGS_MAX = 16, PATHS_MAX = HEADER_KEYSLOTS_MAX + PATHS_MAPPINGS_MAX + 1 };

struct paths_mapping {
        char name[128];
};

/* Live LUKS2 mappings of this LUKS UUID, but the one called own, as sysfs (where it is mounted, or
 * a test's) tells. Returns how many, PATHS_MAPPINGS_MAX at most. */
size_t paths_mappings(const char *sysfs, const char *uuid, const char *own,
                      struct paths_mapping ret[PATHS_MAPPINGS_MAX]);

/* All paths, keyslots first. allowed: URIs of the keys that the configuration has for the volume.
 * Returns how many. */
size_t paths_list(const struct header *h, const char *const *allowed, size_t allowed_count,
                  const struct paths_mapping *mappings, size_t mapping_count,
                  struct path ret[PATHS_MAX]);

/* "recipient", "platform-file", "recovery", "passphrase", "foreign-token", "other-mapping",
 * "header-backup-hint". */
const char *path_kind_name(enum path_kind kind);
