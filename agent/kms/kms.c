/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a request to a verdict: the step of the walk that needs the customer's key service. Runs in
 * the worker. The request has passed the wire's parser and nothing more, so the URI is parsed here
 * once again, before a provider sees it. */

#include "kms/kms.h"

#include <stdbool.h>

#include "base/clock.h"
#include "base/verdict.h"

const struct kms_ops *const kms_providers[] = {&kms_aws, &kms_platform_file, NULL};

static const struct kms_ops *find_provider(enum keyuri_kind kind)
{
        for (size_t i = 0; kms_providers[i]; i++)
                if (kms_providers[i]->kind == kind)
                        return kms_providers[i];
        return NULL;
}

/* A provider's outcome, or what keeps it from being one. */
static int run(const struct kms_ops *ops, const struct kms_call *call, struct wire_reply *reply)
{
        const struct wire_request *request = call->request;

        if (request->op == WIRE_WRAP)
                return ops->wrap(call, request->plain, &reply->wrapped, reply->key_version,
                                 sizeof(reply->key_version), &reply->diag);
        return ops->unwrap(call, &request->wrapped, &reply->plain, &reply->diag);
}

/* Only a grant carries anything, and a grant carries what was asked for, in a size that fits. */
static bool complete(const struct wire_request *request, const struct wire_reply *reply)
{
        if (request->op == WIRE_WRAP)
                return reply->wrapped.len > 0 && reply->wrapped.len <= WIRE_BLOB_MAX;
        return reply->plain && secret_size(reply->plain) <= WIRE_SECRET_MAX;
}

static int serve(const struct wire_request *request, const struct http_transport *transport,
                 struct wire_reply *reply)
{
        struct kms_call call = {.request = request,
                                .transport = transport,
                                .deadline_ms = clock_now_ms() + request->timeout_ms};
        const struct kms_ops *ops;
        int r;

        if (keyuri_parse(request->uri, &call.key, &reply->diag) != 0)
                return VERDICT_MISCONFIGURED;
        ops = find_provider(call.key.kind);
        if (!ops)
                return diag_refuse(&reply->diag, VERDICT_MISCONFIGURED, "key-uri",
                                   "this worker has no provider for %s", request->uri);
        r = run(ops, &call, reply);
        if (r < 0)
                return diag_refuse(&reply->diag, VERDICT_UNAVAILABLE, "worker",
                                   "the provider %s could not do its work: %s", ops->name,
                                   strerror(-r));
        if (r == VERDICT_GRANTED && !complete(request, reply))
                return diag_refuse(&reply->diag, VERDICT_UNAVAILABLE, "worker",
                                   "the provider %s granted, but returned nothing usable",
                                   ops->name);
        return r;
}

void kms_serve(const struct wire_request *request, const struct http_transport *transport,
               struct wire_reply *reply)
{
        *reply = (struct wire_reply){.diag = DIAG_INIT};
        reply->verdict = serve(request, transport, reply);
        if (reply->verdict != VERDICT_GRANTED) {
                wire_reply_done(reply);
                reply->wrapped.len = 0;
                if (!reply->diag.advice[0])
                        diag_advise(&reply->diag,
                                    "try again later; if it lasts, compare the configuration of "
                                    "the key %s with what its service shows",
                                    request->uri);
        }
        diag_text(reply->key_version, sizeof(reply->key_version), reply->key_version);
}
