/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One good header's JSON, as enrolment and libcryptsetup wrote it (of 20 MiB; blobs shortened), for
 * the tests of volume/rules.h. */

#include "token-fixture.h"

#include "volume/rules.h"

static const char good[] =
    "{\"keyslots\":{\"0\":{\"type\":\"luks2\",\"key_size\":64,\"af\":{\"type\":\"luks1\","
    "\"stripes\":4000,\"hash\":\"sha256\"},\"area\":{\"type\":\"raw\","
    "\"offset\":\"32768\",\"size\":\"258048\",\"encryption\":\"aes-xts-plain64\","
    "\"key_size\":64},\"kdf\":{\"type\":\"pbkdf2\",\"hash\":\"sha256\","
    "\"iterations\":1000,\"salt\":\"0p660RR64dsw8YZL/EWcVRGCXMwx4wr9lNYJ03NJUuA=\"}}},"
    "\"tokens\":{\"0\":{\"type\":\"luks-kms\",\"keyslots\":[\"0\"],\"version\":1,"
    "\"role\":\"persistence\","
    "\"key\":\"aws-kms://arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56"
    "ef-1234567890ab\",\"key_version\":\"v7\",\"wrapped\":\"AAEC\",\"probe\":\"AwQ=\","
    "\"generation\":3,\"policy\":1,\"created\":\"2026-01-02T03:04:05Z\","
    "\"mac\":\"iXGaMlDMSJdfOiSbgvROWalzs1B2Fd81Y/eUOvZXRgc=\"}},\"segments\":{"
    "\"0\":{\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":\"dynamic\","
    "\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\",\"sector_size\":4096}},"
    "\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"keyslots\":[\"0\"],\"segments\":[\"0\"],"
    "\"hash\":\"sha256\",\"iterations\":1000,"
    "\"salt\":\"95d3fKnoy6B6T8GWZNfYrjA8nd8Qs5ooGYDf9GK59+o=\","
    "\"digest\":\"t3VPz9LQttLLyGe6nDL/8WoQui+Hps4CMCZ6CX4YH1Y=\"}},"
    "\"config\":{\"json_size\":\"12288\",\"keyslots_size\":\"16744448\"}}";

static inline struct header *new_header(void)
{
        struct header *h = calloc(1, sizeof(*h));

        assert_non_null(h);
        h->fd = h->memory = -1;
        h->area_size = 16384;
        h->device_size = UINT64_C(1) << 40;
        return h;
}

static inline int check(const char *text, struct header *h, struct diag *diag)
{
        struct json_doc *doc CLEANUP_JSON = NULL;

        ROW_ASSERT(json_parse(text, strlen(text), &doc, NULL) == 0, text);
        return rules_check(json_root(doc), h, diag);
}

/* With one part exchanged the header is refused by this rule. */
static inline void assert_refused(const char *rule, const char *part, const char *by)
{
        CLEANUP_FREE char *text = exchanged(good, part, by);
        struct header *h CLEANUP_HEADER = new_header();
        struct diag diag = DIAG_INIT;

        ROW_ASSERT(check(text, h, &diag) == VOLUME_E_RULE, by);
        if (strcmp(diag.rule, rule) != 0)
                fail_msg("%s: refused by rule %s, not %s", by, diag.rule, rule);
        ROW_ASSERT(diag.message[0] != '\0', by);
}
