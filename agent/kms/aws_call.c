/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way of a signed request to AWS KMS and back. Endpoint, CA and credentials come from local
 * config, region and key from the key URI that config allowed. What comes back is not trusted:
 * aws_answer.c reads it. */

#include "kms/aws_call.h"

#include <ctype.h>
#include <time.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/verdict.h"
#include "cred/cred.h"
#include "kms/aws_answer.h"
#include "kms/retry.h"
#include "net/sigv4.h"

#define CONTENT_TYPE "application/x-amz-json-1.1"

enum { CA_MAX = 1 << 20, CONNECT_TIMEOUT_MS = 3000, DEFAULT_PORT = 443 };

/* What stays the same over the attempts of one call. */
struct session {
        const struct kms_call *call;
        const struct secret *body;
        char target[64];
        char host[WIRE_TEXT_MAX]; /* value of the Host header: without the default port */
        char url[WIRE_TEXT_MAX + 16];
        char *ca_pem;
        size_t ca_len;
        struct cred_aws cred;
        int64_t offset; /* what to add to our clock when signing */
};

static void session_done(struct session *session)
{
        free(session->ca_pem);
        cred_aws_done(&session->cred);
}

void aws_reply_done(struct aws_reply *reply)
{
        json_free(reply->json);
        http_response_done(&reply->response);
        reply->json = NULL;
}

/* Length of a host name, IPv4 address or [IPv6] address at text; 0 if there is none. */
static size_t host_length(const char *text)
{
        size_t n = 0;

        if (*text == '[') {
                n = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
                return n > 2 && text[n] == ']' ? n + 1 : 0;
        }
        while (isalnum((unsigned char)text[n]) || text[n] == '.' || text[n] == '-')
                n++;
        return n;
}

/* https://HOST[:PORT][/] and nothing else. */
static int set_endpoint(struct session *s, const char *endpoint, struct diag *diag)
{
        size_t prefix = strlen("https://"), len = 0;
        const char *host, *rest;
        unsigned long port = DEFAULT_PORT;

        if (strncmp(endpoint, "https://", prefix) != 0)
                goto invalid;
        host = endpoint + prefix;
        len = host_length(host);
        rest = host + len;
        if (*rest == ':') {
                size_t digits = strspn(rest + 1, "0123456789");

                port = digits > 0 && digits <= 5 ? strtoul(rest + 1, NULL, 10) : 0;
                rest += 1 + digits;
        }
        if (*rest == '/')
                rest++;
        if (len == 0 || len > 255 || *rest || port == 0 || port > 65535)
                goto invalid;
        (void)snprintf(s->host, sizeof(s->host), "%.*s", (int)len, host);
        if (port != DEFAULT_PORT)
                (void)snprintf(s->host + len, sizeof(s->host) - len, ":%lu", port);
        (void)snprintf(s->url, sizeof(s->url), "https://%s/", s->host);
        return 0;

invalid:
        (void)diag_refuse(diag, VERDICT_MISCONFIGURED, "endpoint",
                          "Endpoint=%s is not https://HOST[:PORT]", endpoint);
        diag_advise(diag, "leave Endpoint= out to use https://%s", s->call->key.host);
        return VERDICT_MISCONFIGURED;
}

static int session_open(struct session *s, struct diag *diag)
{
        const struct wire_request *request = s->call->request;
        char standard[160];
        int r;

        (void)snprintf(standard, sizeof(standard), "https://%s", s->call->key.host);
        r = set_endpoint(s, request->endpoint[0] ? request->endpoint : standard, diag);
        if (r != 0)
                return r;
        if (request->fds[WIRE_FD_CA] >= 0) {
                r = fd_read_text(request->fds[WIRE_FD_CA], CA_MAX, &s->ca_pem, &s->ca_len);
                if (r < 0)
                        return diag_fail(diag, r, "the CA file for %s cannot be read", s->host);
        }
        return cred_aws_load(request->credentials, request->fds[WIRE_FD_CREDENTIALS], &s->cred,
                             diag);
}

/* Signs for the present time and sends. 0, an HTTP_E_..., or -errno. */
static int send_signed(const struct session *s, struct http_response *ret, struct diag *diag)
{
        const char *token =
            s->cred.session_token ? (const char *)secret_bytes(s->cred.session_token) : NULL;
        const struct sigv4_credentials credentials = {
            .access_key_id = s->cred.access_key_id,
            .secret_access_key = (const char *)secret_bytes(s->cred.secret_access_key),
            .session_token = token,
        };
        const struct sigv4_header headers[] = {
            {"Content-Type", CONTENT_TYPE}, {"Host", s->host}, {"X-Amz-Target", s->target}};
        const struct sigv4_request to_sign = {
            .region = s->call->key.region,
            .service = "kms",
            .time = (int64_t)time(NULL) + s->offset,
            .headers = headers,
            .header_count = sizeof(headers) / sizeof(headers[0]),
            .body = secret_bytes(s->body),
            .body_len = secret_size(s->body),
        };
        char host[WIRE_TEXT_MAX + 8], target[96], date[48], authorization[1056];
        char security[HTTP_HEADER_TEXT];
        struct http_request request = {
            .url = s->url,
            .headers = {"Content-Type: " CONTENT_TYPE, host, target, date, authorization, security},
            .header_count = token ? 6 : 5,
            .body = (const char *)secret_bytes(s->body),
            .body_len = secret_size(s->body),
            .ca_pem = s->ca_pem,
            .ca_pem_len = s->ca_len,
            .connect_timeout_ms = CONNECT_TIMEOUT_MS,
            .deadline_ms = s->call->deadline_ms,
        };
        struct sigv4_result signature;
        int r;

        r = sigv4_sign(&to_sign, &credentials, &signature);
        if (r < 0)
                return diag_fail(diag, r, "the request to %s cannot be signed", s->host);
        (void)snprintf(host, sizeof(host), "Host: %s", s->host);
        (void)snprintf(target, sizeof(target), "X-Amz-Target: %s", s->target);
        (void)snprintf(date, sizeof(date), "X-Amz-Date: %s", signature.amz_date);
        (void)snprintf(authorization, sizeof(authorization), "Authorization: %s",
                       signature.authorization);
        (void)snprintf(security, sizeof(security), "X-Amz-Security-Token: %s", token ? token : "");
        diag->requests++;
        r = s->call->transport->perform(s->call->transport->ctx, &request, ret, diag);
        explicit_bzero(security, sizeof(security));
        return r;
}

/* No answer came: an outage, unless the address itself is wrong. diag has the words already. */
static struct aws_outcome transport_outcome(int r)
{
        if (r < 0)
                return (struct aws_outcome){.verdict = r};
        return (struct aws_outcome){
            .verdict = r == HTTP_E_URL ? VERDICT_MISCONFIGURED : VERDICT_UNAVAILABLE,
            .retry = r != HTTP_E_URL && r != HTTP_E_TLS && r != HTTP_E_TOO_LARGE,
        };
}

/* One request and what its answer means. */
static struct aws_outcome attempt(const struct session *s, struct aws_reply *ret,
                                  int64_t *ret_service_time, struct diag *diag)
{
        struct aws_reply reply CLEANUP_AWS_REPLY = {.json = NULL};
        struct aws_outcome outcome;
        int r;

        *diag = (struct diag){.rule = "", .requests = diag->requests};
        r = send_signed(s, &reply.response, diag);
        if (r != 0)
                return transport_outcome(r);
        *ret_service_time = reply.response.date;
        outcome = aws_answer_read(&reply.response, s->call, (int64_t)time(NULL), &reply.json, diag);
        if (outcome.verdict == VERDICT_GRANTED) {
                *ret = reply;
                reply = (struct aws_reply){.json = NULL};
        }
        return outcome;
}

int aws_call(const struct kms_call *call, const char *operation, const struct secret *body,
             struct aws_reply *ret, struct diag *diag)
{
        struct session s CLEANUP(session_done) = {.call = call, .body = body};
        struct aws_outcome outcome;
        struct retry retry;
        int r;

        (void)snprintf(s.target, sizeof(s.target), "TrentService.%s", operation);
        r = session_open(&s, diag);
        if (r != 0)
                return r;
        retry_init(&retry, call->deadline_ms);
        do {
                int64_t service_time = 0;

                outcome = attempt(&s, ret, &service_time, diag);
                /* once, and at once: with the service's clock instead of ours */
                if (outcome.clock && s.offset == 0 && service_time != 0) {
                        s.offset = service_time - (int64_t)time(NULL);
                        outcome = attempt(&s, ret, &service_time, diag);
                }
        } while (outcome.retry && retry_again(&retry, diag->retry_after));
        return outcome.verdict;
}
