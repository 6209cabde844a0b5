/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The header rules, version 1: what a header must look like before anything in it is used.
 * libcryptsetup accepts much more (null ciphers, moved offsets, foreign segments, duplicate
 * keys), and its checksum is not keyed, so that whoever writes to the disk can set all of it. */

#include "volume/header.h"

/* Strict reading of the JSON text as it lies on the disk (rule "header-json"): len bytes of JSON
 * area, padded with zeros. 0, VOLUME_E_RULE, -ENOMEM. */
int rules_check_text(const char *area, size_t len, struct diag *diag);

/* All rules in order over the JSON that libcryptsetup works with; fills binding, keyslots, tokens,
 * data_offset, sector_size and key_size of *h, of which area_size is set.
 * 0, VOLUME_E_RULE with the rule's name in diag, -errno. */
int rules_check(const struct json_node *root, struct header *h, struct diag *diag);

/* Inside volume/: what the rules share, and those of rules_keyslot.c. The table of rules.c adds the
 * rule's name to a refusal. */
enum { RULES_PBKDF2_ITERATIONS_MAX = 10000000 /* seconds of one core */ };
#define REFUSE(diag, ...) diag_refuse(diag, VOLUME_E_RULE, NULL, __VA_ARGS__)

int rule_keyslots(const struct json_node *root, struct header *h, struct diag *diag);
int rule_kdf_cost(const struct json_node *root, struct header *h, struct diag *diag);
int rule_tokens(const struct json_node *root, struct header *h, struct diag *diag);
int rule_token_kdf(const struct json_node *root, struct header *h, struct diag *diag);
