/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* AWS Signature Version 4 for a POST to "/" without a query, header signing, body hashed.
 * docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

struct sigv4_credentials {
        const char *access_key_id;
        const char *secret_access_key;
        const char *session_token; /* NULL or "" = none */
};

struct sigv4_header {
        const char *name;  /* any case; signed in lower case */
        const char *value; /* surrounding blanks are trimmed, runs of blanks folded */
};

struct sigv4_request {
        const char *region;
        const char *service;
        int64_t time;                       /* seconds since the epoch */
        const struct sigv4_header *headers; /* host, content-type, x-amz-...: all are signed */
        size_t header_count;
        const void *body;
        size_t body_len;
};

struct sigv4_result {
        char amz_date[17];        /* value for X-Amz-Date */
        char authorization[1024]; /* value for Authorization */
        char signature[65];
};

/* Canonical request and string to sign, for the stages of the vectors. x-amz-date and, with a
 * session token, x-amz-security-token are added to the headers if the caller left them out.
 * Each returns 0, -EINVAL, -ENOBUFS. */
int sigv4_canonical_request(const struct sigv4_request *request,
                            const struct sigv4_credentials *credentials, char *buf, size_t size);
int sigv4_string_to_sign(const struct sigv4_request *request,
                         const struct sigv4_credentials *credentials, char *buf, size_t size);
int sigv4_sign(const struct sigv4_request *request, const struct sigv4_credentials *credentials,
               struct sigv4_result *ret);
