/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table from AWS KMS's error codes to verdicts. The answer comes from a peer whose certificate
 * verified, but its words are still the network's: they choose a row here and are never shown,
 * since a message can quote the request. A code that is not here is an outage. */

#include "kms/aws_errors.h"

#include "base/verdict.h"

#define KEY         "the KMS key"
#define CLOCK_WORDS "the request for " KEY, "was refused for its time of signing"

/* The first row that fits counts. */
static const struct aws_error rows[] = {
    {"Disabled", "deletion", VERDICT_KEY_STATE, false, false, KEY, "is scheduled for deletion",
     ADVICE_KEEP},
    {"Disabled", NULL, VERDICT_KEY_STATE, false, false, KEY, "is disabled", ADVICE_ENABLE},
    {"KMSInvalidState", "pending deletion", VERDICT_KEY_STATE, false, false, KEY,
     "is scheduled for deletion", ADVICE_KEEP},
    {"KMSInvalidState", "pending import", VERDICT_KEY_STATE, false, false, KEY,
     "has no key material: it was deleted or has expired", ADVICE_STATE},
    {"KMSInvalidState", NULL, VERDICT_UNAVAILABLE, false, false, KEY,
     "is not usable at the moment: it or its key store is being changed", ADVICE_STATE},

    {"AccessDenied", NULL, VERDICT_ACCESS_DENIED, false, false, "the use of " KEY,
     "was denied to these credentials", ADVICE_DENIED},
    {"NotFound", NULL, VERDICT_ACCESS_DENIED, false, false, KEY, "does not exist", ADVICE_STATE},

    {"InvalidSignature", "signature expired", VERDICT_UNAVAILABLE, false, true, CLOCK_WORDS,
     ADVICE_CLOCK},
    {"InvalidSignature", "signature not yet current", VERDICT_UNAVAILABLE, false, true, CLOCK_WORDS,
     ADVICE_CLOCK},
    {"RequestExpired", NULL, VERDICT_UNAVAILABLE, false, true, CLOCK_WORDS, ADVICE_CLOCK},
    {"RequestTimeTooSkewed", NULL, VERDICT_UNAVAILABLE, false, true, CLOCK_WORDS, ADVICE_CLOCK},

    {"ExpiredToken", NULL, VERDICT_CREDENTIAL, false, false, "the credentials for " KEY,
     "have expired", ADVICE_CREDENTIALS},
    {"UnrecognizedClient", NULL, VERDICT_CREDENTIAL, false, false, "the access key id for " KEY,
     "is not known to AWS, or not active", ADVICE_CREDENTIALS},
    {"InvalidClientTokenId", NULL, VERDICT_CREDENTIAL, false, false, "the access key id for " KEY,
     "is not known to AWS, or not active", ADVICE_CREDENTIALS},
    {"InvalidSignature", NULL, VERDICT_CREDENTIAL, false, false, "the secret access key for " KEY,
     "does not belong to its access key id", ADVICE_CREDENTIALS},
    {"SignatureDoesNotMatch", NULL, VERDICT_CREDENTIAL, false, false,
     "the secret access key for " KEY, "does not belong to its access key id", ADVICE_CREDENTIALS},
    {"IncompleteSignature", NULL, VERDICT_CREDENTIAL, false, false, "the signature for " KEY,
     "was not understood", ADVICE_CREDENTIALS},
    {"MissingAuthenticationToken", NULL, VERDICT_CREDENTIAL, false, false, "the signature for " KEY,
     "did not arrive", ADVICE_CREDENTIALS},

    {"InvalidCiphertext", NULL, VERDICT_TAMPERED, false, false, "the secret wrapped under " KEY,
     "does not verify: it or its context was altered, or belongs to another volume", ADVICE_HEADER},
    {"IncorrectKey", NULL, VERDICT_MISCONFIGURED, false, false, KEY,
     "is not the key that wrapped this secret", ADVICE_KEY},
    {"InvalidKeyUsage", NULL, VERDICT_MISCONFIGURED, false, false, KEY,
     "is not a symmetric key for encryption", ADVICE_KEY},
    {"InvalidArn", NULL, VERDICT_MISCONFIGURED, false, false, KEY, "has no valid name", ADVICE_KEY},
    {"Validation", NULL, VERDICT_MISCONFIGURED, false, false, "the request for " KEY,
     "was not valid", ADVICE_KEY},
    {"ValidationError", NULL, VERDICT_MISCONFIGURED, false, false, "the request for " KEY,
     "was not valid", ADVICE_KEY},

    {"Throttling", NULL, VERDICT_UNAVAILABLE, true, false, "requests for " KEY, "are throttled",
     ADVICE_LATER},
    {"TooManyRequests", NULL, VERDICT_UNAVAILABLE, true, false, "requests for " KEY,
     "are throttled", ADVICE_LATER},
    {"RequestLimitExceeded", NULL, VERDICT_UNAVAILABLE, true, false, "requests for " KEY,
     "are throttled", ADVICE_LATER},
    {"KMSInternal", NULL, VERDICT_UNAVAILABLE, true, false, "the KMS of", "failed by itself",
     ADVICE_LATER},
    {"InternalFailure", NULL, VERDICT_UNAVAILABLE, true, false, "the KMS of", "failed by itself",
     ADVICE_LATER},
    {"ServiceUnavailable", NULL, VERDICT_UNAVAILABLE, true, false, "the KMS of", "is not available",
     ADVICE_LATER},
    {"KeyUnavailable", NULL, VERDICT_UNAVAILABLE, true, false, KEY,
     "is not available at the moment", ADVICE_LATER},
    {"DependencyTimeout", NULL, VERDICT_UNAVAILABLE, true, false, "the KMS of", "timed out inside",
     ADVICE_LATER},
    {"CloudHsmCluster*", NULL, VERDICT_UNAVAILABLE, false, false, "the key store of",
     "does not work", ADVICE_STORE},
    {"CustomKeyStore*", NULL, VERDICT_UNAVAILABLE, false, false, "the key store of",
     "does not work", ADVICE_STORE},
    {"Xks*", NULL, VERDICT_UNAVAILABLE, false, false, "the external key store of", "does not work",
     ADVICE_STORE},
};

/* Errors without a code of the table. */
static const struct aws_error unknown_failure = {
    "", NULL, VERDICT_UNAVAILABLE, true, false, "the KMS of", "failed", ADVICE_LATER};
static const struct aws_error unknown_redirect = {"",
                                                  NULL,
                                                  VERDICT_UNAVAILABLE,
                                                  false,
                                                  false,
                                                  "whoever answered for",
                                                  "sent a redirect, which is never followed",
                                                  ADVICE_ENDPOINT};
static const struct aws_error unknown_refusal = {
    "",
    NULL,
    VERDICT_UNAVAILABLE,
    false,
    false,
    "the KMS of",
    "gave an answer that luks-kms does not know, which is taken for an outage",
    ADVICE_STATE};

static bool code_fits(const struct aws_error *row, const char *code)
{
        size_t len = strlen(row->code);

        if (row->code[len - 1] == '*')
                return strncmp(code, row->code, len - 1) == 0;
        return strncmp(code, row->code, len) == 0 &&
               (!code[len] || strcmp(code + len, "Exception") == 0);
}

const struct aws_error *aws_error_find(const char *code, const char *message, int status)
{
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                if (code_fits(&rows[i], code) &&
                    (!rows[i].in_message || strcasestr(message, rows[i].in_message)))
                        return &rows[i];
        if (status >= 500 || status == 429)
                return &unknown_failure;
        return status / 100 == 3 ? &unknown_redirect : &unknown_refusal;
}

static void advise(enum aws_advice advice, const struct keyuri *key, struct diag *diag)
{
        const char *arn = key->arn, *region = key->region;

        switch (advice) {
        case ADVICE_STATE:
                diag_advise(diag, "see its state: aws kms describe-key --region %s --key-id %s",
                            region, arn);
                break;
        case ADVICE_ENABLE:
                diag_advise(diag,
                            "its owner may enable it again: aws kms enable-key --region %s "
                            "--key-id %s",
                            region, arn);
                break;
        case ADVICE_KEEP:
                diag_advise(diag,
                            "its owner may still keep it: aws kms cancel-key-deletion --region %s "
                            "--key-id %s, then enable-key likewise",
                            region, arn);
                break;
        case ADVICE_DENIED:
                diag_advise(diag,
                            "see whose credentials these are: aws sts get-caller-identity; then "
                            "allow them kms:Decrypt (and kms:Encrypt to enrol): aws kms "
                            "get-key-policy --policy-name default --region %s --key-id %s",
                            region, arn);
                break;
        case ADVICE_CREDENTIALS:
                diag_advise(diag, "try these credentials: aws sts get-caller-identity --region %s",
                            region);
                break;
        case ADVICE_CLOCK:
                diag_advise(diag,
                            "set this machine's clock, then see: timedatectl timesync-status");
                break;
        case ADVICE_LATER:
                diag_advise(diag,
                            "try again later; if it lasts: aws kms describe-key --region %s "
                            "--key-id %s",
                            region, arn);
                break;
        case ADVICE_STORE:
                diag_advise(diag,
                            "see the key store: aws kms describe-custom-key-stores --region %s",
                            region);
                break;
        case ADVICE_ENDPOINT:
                diag_advise(diag,
                            "check Endpoint= of the key and proxies on the way; without it: "
                            "curl -v https://%s/",
                            key->host);
                break;
        case ADVICE_KEY:
                diag_advise(diag,
                            "compare URI= of the key with: aws kms describe-key --region %s "
                            "--key-id %s",
                            region, arn);
                break;
        case ADVICE_HEADER:
                diag_advise(diag, "leave the disk as it is and compare its header with a backup: "
                                  "cryptsetup luksDump DEVICE");
                break;
        }
}

void aws_error_explain(const struct aws_error *error, const struct keyuri *key, struct diag *diag)
{
        char status[32] = "";

        if (!*error->code)
                (void)snprintf(status, sizeof(status), " (HTTP %d)", diag->http_status);
        (void)diag_fail(diag, error->verdict, "%s %s %s%s", error->before, key->arn, error->after,
                        status);
        advise(error->advice, key, diag);
}
