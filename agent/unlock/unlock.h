/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The walk between a header and an unwrapped secret, for whoever walks it: the command, and the
 * agent's children. All functions here may block for as long as the key's Timeout= allows. */

#include <stdbool.h>

#include "base/verdict.h"
#include "device/device.h"
#include "policy/config.h"
#include "unlock/outcome.h"
#include "volume/activate.h"
#include "wire/client.h"

struct unlock {
        const struct volume_config *volume;
        struct wire_client *worker;
        struct diag diag; /* of the last step; requests are counted over all */
        bool enrolling;   /* what is missing is to be made, not to be found */
};

/* The part of a request that comes from config: URI, endpoint, timeout, credentials, CA and key
 * file, opened. An exit code, with words in u->diag. The caller releases *request in any case. */
int unlock_request(struct unlock *u, const struct key_config *key,
                   const struct kms_context *context, struct wire_request *request);

/* Wraps secret under key for this volume. An exit code. ret_version: 128 bytes. */
int unlock_wrap(struct unlock *u, const struct key_config *key, const struct kms_context *context,
                struct secret *plain, struct token_blob *ret, char *ret_version);

/* Unwraps one blob. An exit code. */
int unlock_unwrap(struct unlock *u, const struct key_config *key, const struct kms_context *context,
                  const struct token_blob *wrapped, struct secret **ret);

/* Unwraps by one token, which must be allowed by the config, and authenticates the header.
 * An exit code; ret_passphrase opens token->keyslot. */
int unlock_token(struct unlock *u, const struct header *h, const struct token *token,
                 struct secret **ret_passphrase);

/* The id of this key's token in the header, or -1. The rules let through one at most. */
int unlock_find_token(const struct header *h, const struct key_config *key);

/* Of two exit codes of several recipients the one to end with: an outage beats a denial. */
int unlock_worse(int a, int b);

/* The first of the volume's recipients that opens it, in the config's order of keys.
 * An exit code; if none did, by unlock_worse(). */
int unlock_header(struct unlock *u, const struct header *h, const struct token **ret_token,
                  struct secret **ret_passphrase);

/* Makes a new recipient: random secret, wrapped, unwrapped again and compared, and a wrapped probe.
 * Nothing is written anywhere. Fills the token but keyslot and mac. An exit code. */
int unlock_make_recipient(struct unlock *u, const struct key_config *key, const char *uuid,
                          uint64_t generation, struct token *ret_token, struct secret **ret_secret);

/* What a volume's config asks of its mapping: flags by the kind of device. The caller adds keyslot,
 * passphrase and time limit. */
struct activation unlock_activation(const struct volume_config *volume,
                                    const struct device_kind *kind, const char *mapping,
                                    const struct header *h);
