/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names of keys, from config and from tokens. A token is the disk's, so this is where a hostile
 * one stops: what is not of exactly one of the known forms is no key URI, and the host that will be
 * asked is made of checked parts only. */

#include "token/keyuri.h"

#include <stdbool.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const struct {
        const char *name, *domain;
} partitions[] = {
    {"aws", "amazonaws.com"},
    {"aws-us-gov", "amazonaws.com"},
    {"aws-cn", "amazonaws.com.cn"},
};

/* Takes what stands before sep off *p into field. false if there is no sep, if it does not fit, if
 * it is empty, or holds anything but the allowed characters. */
static bool take(const char **p, const char *sep, const char *allowed, char *field, size_t size)
{
        size_t len = strspn(*p, allowed);

        if (len == 0 || len >= size || strncmp(*p + len, sep, strlen(sep)) != 0)
                return false;
        memcpy(field, *p, len);
        field[len] = '\0';
        *p += len + strlen(sep);
        return true;
}

static bool take_word(const char **p, const char *word)
{
        size_t len = strlen(word);

        if (strncmp(*p, word, len) != 0)
                return false;
        *p += len;
        return true;
}

static int invalid(struct diag *diag, const char *expected)
{
        (void)diag_refuse(diag, KEYURI_E_INVALID, "key-uri", "not a key URI: expected %s",
                          expected);
        diag_advise(diag, "use aws-kms://arn:PARTITION:kms:REGION:ACCOUNT:key/ID or platform:file");
        return KEYURI_E_INVALID;
}

static const char *partition_domain(const char *name)
{
        for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++)
                if (strcmp(partitions[i].name, name) == 0)
                        return partitions[i].domain;
        return NULL;
}

static int parse_aws(const char *arn, struct keyuri *uri, struct diag *diag)
{
        const char *p = arn, *domain;
        char partition[16], account[16], id[132];

        if (!take_word(&p, "arn:"))
                return invalid(diag, "arn: after aws-kms://");
        if (!take(&p, ":", LOWER "-", partition, sizeof(partition)) ||
            !(domain = partition_domain(partition)))
                return invalid(diag, "the partition aws, aws-cn or aws-us-gov");
        if (!take_word(&p, "kms:"))
                return invalid(diag, "the service kms");
        if (!take(&p, ":", LOWER DIGITS "-", uri->region, sizeof(uri->region)) ||
            uri->region[0] == '-' || uri->region[strlen(uri->region) - 1] == '-')
                return invalid(diag, "a region such as eu-west-1");
        if (!take(&p, ":", DIGITS, account, sizeof(account)) || strlen(account) != 12)
                return invalid(diag, "an account of 12 digits");
        if (strncmp(p, "alias/", strlen("alias/")) == 0)
                return invalid(diag,
                               "the key itself, not an alias: who moves an alias would choose "
                               "the key");
        if (!take_word(&p, "key/"))
                return invalid(diag, "key/ID after the account");
        if (!take(&p, "", LOWER UPPER DIGITS "-", id, sizeof(id)) || *p)
                return invalid(diag, "an id of letters, digits and hyphens");

        (void)snprintf(uri->arn, sizeof(uri->arn), "%s", arn);
        (void)snprintf(uri->host, sizeof(uri->host), "kms.%s.%s", uri->region, domain);
        uri->kind = KEYURI_AWS;
        return 0;
}

int keyuri_parse(const char *text, struct keyuri *ret, struct diag *diag)
{
        struct keyuri uri = {.kind = KEYURI_PLATFORM_FILE};
        const char *p = text;
        int r = 0;

        if (strlen(text) >= sizeof(uri.text))
                return invalid(diag, "at most 511 characters");
        if (take_word(&p, "aws-kms://"))
                r = parse_aws(p, &uri, diag);
        else if (strcmp(text, "platform:file") != 0)
                r = invalid(diag, "aws-kms://... or platform:file");
        if (r != 0)
                return r;
        (void)snprintf(uri.text, sizeof(uri.text), "%s", text);
        *ret = uri;
        return 0;
}
