/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A key management service: wraps and unwraps small secrets. A provider is one file that ends in a
 * const struct kms_ops; kms.c names them all in one array. Runs in the worker only. */

#include "net/http.h"
#include "wire/wire.h"

struct kms_call {
        struct keyuri key;
        const struct wire_request *request; /* endpoint, credentials, context, descriptors */
        const struct http_transport *transport;
        uint64_t deadline_ms;
};

struct kms_ops {
        enum keyuri_kind kind;
        const char *name;

        /* Wraps plain under the key, bound to the context. 0 or a verdict, or -errno.
         * ret_version: the key's version where the provider names one, else "". */
        int (*wrap)(const struct kms_call *call, const struct secret *plain, struct wire_blob *ret,
                    char *ret_version, size_t version_size, struct diag *diag);

        /* Unwraps; *ret is the caller's. 0 or a verdict, or -errno. */
        int (*unwrap)(const struct kms_call *call, const struct wire_blob *wrapped,
                      struct secret **ret, struct diag *diag);
};

/* One file each: aws.c, platform_file.c. */
extern const struct kms_ops kms_aws, kms_platform_file;

/* All providers, NULL-terminated: the contract test walks it. */
extern const struct kms_ops *const kms_providers[];

/* Serves one request: finds the provider, sets the deadline, fills the reply (verdict included).
 * Never fails: what goes wrong is in reply->verdict and reply->diag. */
void kms_serve(const struct wire_request *request, const struct http_transport *transport,
               struct wire_reply *reply);
