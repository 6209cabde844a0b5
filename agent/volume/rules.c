/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: header copied -> [rules] -> KMS. Decides on hostile JSON; never does I/O. The rules are an
 * ordered table: the first that refuses gives its name to the refusal. */

#include "volume/rules.h"

#include <inttypes.h>

static const char *text_of(const struct json_node *node, char *buf, size_t size)
{
        return json_string(node, buf, size) == 0 ? buf : "something unreadable";
}

static int copy_number(const struct json_node *node, char *buf, size_t size)
{
        uint64_t value;

        if (json_uint64(node, &value) != 0)
                return -EINVAL;
        (void)snprintf(buf, size, "%" PRIu64, value);
        return 0;
}

static const struct json_node *segment_of(const struct json_node *root)
{
        return json_get(json_get(root, "segments"), "0");
}

static int rule_requirements(const struct json_node *root, struct header *h, struct diag *diag)
{
        const struct json_node *requirements = json_get(json_get(root, "config"), "requirements");
        const struct json_node *mandatory = json_get(requirements, "mandatory");

        (void)h;
        if (!requirements ||
            (json_type(requirements) == JSON_OBJECT &&
             (!mandatory || (json_type(mandatory) == JSON_ARRAY && json_count(mandatory) == 0))))
                return 0;
        return REFUSE(diag, "the header has mandatory requirements (reencryption under way, "
                            "perhaps) that this version does not handle");
}

static int rule_one_segment(const struct json_node *root, struct header *h, struct diag *diag)
{
        const struct json_node *segments = json_get(root, "segments");
        size_t n = segments ? json_count(segments) : 0;

        (void)h;
        if (n == 1 && segment_of(root))
                return 0;
        return REFUSE(diag, "the header must have one data segment, \"0\"; it has %zu", n);
}

static int rule_segment_type(const struct json_node *root, struct header *h, struct diag *diag)
{
        char buf[32];

        if (json_string(json_get(segment_of(root), "type"), h->binding.segment_type,
                        sizeof(h->binding.segment_type)) == 0 &&
            strcmp(h->binding.segment_type, "crypt") == 0)
                return 0;
        return REFUSE(diag, "the data segment's type must be crypt; it is %s",
                      text_of(json_get(segment_of(root), "type"), buf, sizeof(buf)));
}

static int rule_cipher(const struct json_node *root, struct header *h, struct diag *diag)
{
        char buf[64];

        if (json_string(json_get(segment_of(root), "encryption"), h->binding.segment_encryption,
                        sizeof(h->binding.segment_encryption)) != 0 ||
            strcmp(h->binding.segment_encryption, "aes-xts-plain64") != 0)
                return REFUSE(diag, "the data segment's cipher must be aes-xts-plain64; it is %s",
                              text_of(json_get(segment_of(root), "encryption"), buf, sizeof(buf)));
        if (json_get(segment_of(root), "integrity"))
                return REFUSE(diag, "the data segment must have no integrity device under it");
        return 0;
}

static int rule_sector_size(const struct json_node *root, struct header *h, struct diag *diag)
{
        const struct json_node *node = json_get(segment_of(root), "sector_size");
        uint64_t size;

        if (json_uint64(node, &size) != 0 || (size != 512 && size != 4096))
                return REFUSE(diag, "the data segment's sector size must be 512 or 4096");
        h->sector_size = (uint32_t)size;
        return copy_number(node, h->binding.segment_sector_size,
                           sizeof(h->binding.segment_sector_size));
}

static int rule_iv_tweak(const struct json_node *root, struct header *h, struct diag *diag)
{
        if (json_string(json_get(segment_of(root), "iv_tweak"), h->binding.segment_iv_tweak,
                        sizeof(h->binding.segment_iv_tweak)) == 0 &&
            strcmp(h->binding.segment_iv_tweak, "0") == 0)
                return 0;
        return REFUSE(diag, "the data segment's iv_tweak must be \"0\"");
}

static int rule_segment_size(const struct json_node *root, struct header *h, struct diag *diag)
{
        if (json_string(json_get(segment_of(root), "size"), h->binding.segment_size,
                        sizeof(h->binding.segment_size)) == 0 &&
            strcmp(h->binding.segment_size, "dynamic") == 0)
                return 0;
        return REFUSE(diag, "the data segment's size must be \"dynamic\"");
}

/* type, offset, size, iv_tweak, encryption, sector_size: flags or backups mean another use. */
static int rule_segment_members(const struct json_node *root, struct header *h, struct diag *diag)
{
        (void)h;
        if (json_count(segment_of(root)) == 6)
                return 0;
        return REFUSE(diag, "the data segment must have its six members and no others");
}

/* Data begin exactly where the keyslot area ends: no other offset can be chosen. */
static int rule_data_offset(const struct json_node *root, struct header *h, struct diag *diag)
{
        const struct json_node *config = json_get(root, "config");
        const struct json_node *offset_node = json_get(segment_of(root), "offset");
        uint64_t json_size, keyslots_size, offset;

        if (json_string_uint64(json_get(config, "json_size"), &json_size) != 0 ||
            json_string_uint64(json_get(config, "keyslots_size"), &keyslots_size) != 0 ||
            json_string_uint64(offset_node, &offset) != 0)
                return REFUSE(diag,
                              "json_size, keyslots_size and the segment's offset must be numbers");
        if (json_size + 4096 != h->area_size || keyslots_size > (UINT64_C(128) << 20) ||
            offset != 2 * h->area_size + keyslots_size)
                return REFUSE(diag,
                              "the data must begin where the keyslot area ends, at byte %" PRIu64
                              "; the header says %" PRIu64,
                              2 * h->area_size + keyslots_size, offset);
        if (offset >= h->device_size)
                return REFUSE(diag, "the data would begin past the device's end");
        h->data_offset = offset;
        return json_string(offset_node, h->binding.segment_offset,
                           sizeof(h->binding.segment_offset));
}

/* Of the name "0", which becomes part of the name under which the kernel gets the volume key. */
static int rule_digest(const struct json_node *root, struct header *h, struct diag *diag)
{
        const struct json_node *digests = json_get(root, "digests");
        const struct json_node *d = json_get(digests, "0"), *segments = json_get(d, "segments");
        struct token_binding *b = &h->binding;
        uint64_t iterations;

        if (!d || json_count(digests) != 1 || !segments || json_count(segments) != 1 ||
            !json_string_is(json_first(segments), "0"))
                return REFUSE(diag, "the header must have one digest, \"0\", of segment \"0\"");
        if (json_string(json_get(d, "type"), b->digest_type, sizeof(b->digest_type)) != 0 ||
            strcmp(b->digest_type, "pbkdf2") != 0 ||
            json_string(json_get(d, "hash"), b->digest_hash, sizeof(b->digest_hash)) != 0 ||
            (strcmp(b->digest_hash, "sha256") != 0 && strcmp(b->digest_hash, "sha512") != 0))
                return REFUSE(diag, "the digest must be pbkdf2 over sha256 or sha512");
        if (json_uint64(json_get(d, "iterations"), &iterations) != 0 || iterations < 1000 ||
            iterations > RULES_PBKDF2_ITERATIONS_MAX)
                return REFUSE(diag, "the digest's iterations must be 1000 to %d",
                              RULES_PBKDF2_ITERATIONS_MAX);
        if (copy_number(json_get(d, "iterations"), b->digest_iterations,
                        sizeof(b->digest_iterations)) != 0 ||
            json_string(json_get(d, "salt"), b->digest_salt, sizeof(b->digest_salt)) != 0 ||
            json_string(json_get(d, "digest"), b->digest_value, sizeof(b->digest_value)) != 0)
                return REFUSE(diag, "the digest's salt and value must be short strings");
        return 0;
}

static const struct rule {
        const char *name;
        int (*check)(const struct json_node *root, struct header *h, struct diag *diag);
} rules[] = {
    {"requirements", rule_requirements},
    {"one-segment", rule_one_segment},
    {"segment-type", rule_segment_type},
    {"cipher", rule_cipher},
    {"sector-size", rule_sector_size},
    {"iv-tweak", rule_iv_tweak},
    {"segment-size", rule_segment_size},
    {"segment-members", rule_segment_members},
    {"data-offset", rule_data_offset},
    {"digest", rule_digest},
    {"keyslot", rule_keyslots},
    {"kdf-cost", rule_kdf_cost},
    {"token", rule_tokens},
    {"token-kdf", rule_token_kdf},
};

int rules_check(const struct json_node *root, struct header *h, struct diag *diag)
{
        for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
                int r = rules[i].check(root, h, diag);

                if (r == 0)
                        continue;
                if (diag && r > 0 && diag->rule[0] == '\0')
                        diag_text(diag->rule, sizeof(diag->rule), rules[i].name);
                return r;
        }
        return 0;
}

int rules_check_text(const char *area, size_t len, struct diag *diag)
{
        struct json_doc *doc CLEANUP_JSON = NULL;
        size_t text_len = strnlen(area, len);
        struct diag why = DIAG_INIT;
        int r;

        for (size_t i = text_len; i < len; i++)
                if (area[i] != '\0')
                        return diag_refuse(diag, VOLUME_E_RULE, "header-json",
                                           "there are bytes after the header's JSON");
        r = json_parse(area, text_len, &doc, &why);
        if (r > 0)
                return diag_refuse(diag, VOLUME_E_RULE, "header-json", "the header's JSON: %s",
                                   why.message);
        return r;
}
