/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One HTTPS request. The transport is a struct of functions: curl fills it in the worker, a table
 * of answers in a test. */

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/secret.h"

enum { HTTP_HEADERS_MAX = 16, HTTP_HEADER_TEXT = 4224, HTTP_BODY_MAX = 65536 };

struct http_request {
        const char *url;                       /* https:// only */
        const char *headers[HTTP_HEADERS_MAX]; /* "Name: value" */
        size_t header_count;
        const char *body; /* not copied; the caller wipes it */
        size_t body_len;
        const char *ca_pem; /* CA bundle text; NULL = the system's */
        size_t ca_pem_len;
        int connect_timeout_ms;
        uint64_t deadline_ms; /* clock_now_ms() */
};

struct http_response {
        int status;
        struct secret *body; /* may hold plaintext; http_response_done() wipes it; size = body
                                length, NULL when empty */
        char content_type[64];
        char request_id[96];  /* x-amzn-requestid */
        char error_type[128]; /* x-amzn-errortype */
        int64_t date;         /* Date header, seconds since the epoch; 0 = absent or unreadable */
        unsigned int retry_after;
};

void http_response_done(struct http_response *response);

/* Outcomes beside 0 (an answer came, whatever its status). All but HTTP_E_TLS and HTTP_E_URL may
 * be worth another try. diag->message says what happened. */
enum {
        HTTP_E_URL = 1,   /* not https, or no URL */
        HTTP_E_RESOLVE,   /* name does not resolve */
        HTTP_E_CONNECT,   /* refused, unreachable, reset */
        HTTP_E_TLS,       /* certificate or handshake */
        HTTP_E_TIMEOUT,   /* deadline passed */
        HTTP_E_TOO_LARGE, /* body over HTTP_BODY_MAX */
        HTTP_E_PROTOCOL,  /* cut short, not HTTP */
};

struct http_transport {
        int (*perform)(void *ctx, const struct http_request *request, struct http_response *ret,
                       struct diag *diag);
        void *ctx;
};

/* The real one, over libcurl: TLS 1.2 or later, verified, no redirects, no proxy, no cookies. */
int http_curl_new(struct http_transport *ret);
void http_curl_free(struct http_transport *transport);
