/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One verb on one volume: its config, its worker, and the way from a header to an unwrapped secret.
 */

#include "cli/cli.h"
#include "volume/header.h"
#include "wire/client.h"

struct session {
        const struct options *options;
        struct config *config;
        const struct volume_config *volume;
        struct wire_client *worker;
        struct diag diag;
};

/* Loads the config, finds the volume, and starts the KMS worker, which gets ready while the disk is
 * read. Returns an exit code. */
int session_begin(struct session *s, const struct options *o);
void session_end(struct session *s);

/* Reports and returns code. */
int session_fail(struct session *s, int code);

/* Wraps secret under key for this volume. Returns an exit code. ret_version: 128 bytes. */
int session_wrap(struct session *s, const struct key_config *key, const struct kms_context *context,
                 struct secret *plain, struct token_blob *ret, char *ret_version);

/* Unwraps one blob. Returns an exit code. */
int session_unwrap(struct session *s, const struct key_config *key,
                   const struct kms_context *context, const struct token_blob *wrapped,
                   struct secret **ret);

/* Unwraps by one token, which must be allowed by the config, and authenticates the header.
 * Returns an exit code; ret_passphrase opens token->keyslot. */
int session_unlock_token(struct session *s, const struct header *h, const struct token *token,
                         struct secret **ret_passphrase);

/* The id of this key's token in the header, or -1. The rules let through one at most. */
int session_find_token(const struct header *h, const struct key_config *key);

/* Of two exit codes of several recipients the one to end with: an outage beats a denial. */
int session_worse(int a, int b);

/* The first of the volume's recipients that opens it, in the config's order of keys.
 * Returns an exit code; if none did, by session_worse(). */
int session_unlock(struct session *s, const struct header *h, const struct token **ret_token,
                   struct secret **ret_passphrase);

/* Makes a new recipient: random secret, wrapped, unwrapped again and compared, and a wrapped probe.
 * Nothing is written anywhere. Fills the token but keyslot and mac. Returns an exit code. */
int session_make_recipient(struct session *s, const struct key_config *key, const char *uuid,
                           uint64_t generation, struct token *ret_token,
                           struct secret **ret_secret);

#define CLEANUP_SESSION CLEANUP(session_end)
