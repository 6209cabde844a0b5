/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTPS for the worker, and the only user of libcurl. The network is hostile: an answer is capped
 * in size and time, never redirected, and believed only from a peer whose certificate verifies.
 * Trusts libcurl's parsing of HTTP/1.1 and OpenSSL's TLS. Neither request nor answer outlives its
 * call in memory: curl's allocations are wiped when freed, its receive buffer when it was read. */

#include "net/http.h"

#include <curl/curl.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/clock.h"
#include "net/http_error.h"

struct http_curl {
        CURL *easy;
        char error[CURL_ERROR_SIZE];
};

struct http_body {
        struct secret *data; /* of HTTP_BODY_MAX bytes */
        size_t len;
        bool too_large;
};

DEFINE_CLEANUP(struct curl_slist *, curl_slist_free_all)

static void wipe_free(void *p)
{
        if (p)
                explicit_bzero(p, malloc_usable_size(p));
        free(p);
}

static void *wipe_realloc(void *p, size_t size)
{
        size_t old = p ? malloc_usable_size(p) : 0;
        void *new = malloc(size > 0 ? size : 1);

        if (!new)
                return NULL;
        if (old > 0)
                memcpy(new, p, old < size ? old : size);
        wipe_free(p);
        return new;
}

void http_response_done(struct http_response *response)
{
        secret_free(response->body);
        *response = (struct http_response){.status = 0};
}

static bool text_is_plain(const char *s)
{
        for (; *s; s++)
                if ((unsigned char)*s < 0x20 || *s == 0x7f)
                        return false;
        return true;
}

static size_t on_body(char *data, size_t size, size_t count, void *userdata)
{
        struct http_body *body = userdata;
        size_t len = size * count;

        if (len > HTTP_BODY_MAX - body->len) {
                body->too_large = true;
                return 0;
        }
        memcpy(secret_data(body->data) + body->len, data, len);
        body->len += len;
        /* curl's own receive buffer, which stays as long as the handle */
        explicit_bzero(data, len);
        return len;
}

static CURLcode on_ssl_ctx(CURL *easy, void *ctx, void *userdata)
{
        (void)easy;
        (void)userdata;
        (void)SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT);
        return CURLE_OK;
}

static int request_headers(const struct http_request *request, struct curl_slist **ret)
{
        struct curl_slist *list CLEANUP(curl_slist_free_allp) = NULL;
        bool content_type = false;

        if (request->header_count > HTTP_HEADERS_MAX)
                return -EINVAL;
        for (size_t i = 0; i <= request->header_count; i++) {
                /* The last one: no "Expect: 100-continue", which costs a round trip. */
                const char *text = i < request->header_count ? request->headers[i] : "Expect:";
                struct curl_slist *longer;

                if (strlen(text) >= HTTP_HEADER_TEXT || !text_is_plain(text))
                        return -EINVAL;
                content_type = content_type || strncasecmp(text, "content-type:", 13) == 0;
                longer = curl_slist_append(list, text);
                if (!longer)
                        return -ENOMEM;
                list = longer;
        }
        /* curl would invent one, which no signature covers */
        if (!content_type)
                return -EINVAL;
        *ret = TAKE_PTR(list);
        return 0;
}

/* The first option that fails is remembered, and no request is sent. */
#define SET(option, value)                                                                         \
        do {                                                                                       \
                if (code == CURLE_OK)                                                              \
                        code = curl_easy_setopt(easy, option, value);                              \
        } while (0)

/* The trust in the peer: TLS 1.2 or later, its certificate and name verified, and with a CA of
 * the caller's no other CA. */
static CURLcode set_tls(CURL *easy, const struct http_request *request)
{
        struct curl_blob ca = {
            .data = (void *)(uintptr_t)request->ca_pem,
            .len = request->ca_pem_len,
            .flags = CURL_BLOB_COPY,
        };
        CURLcode code = CURLE_OK;

        SET(CURLOPT_PROTOCOLS_STR, "https");
        SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        SET(CURLOPT_SSL_VERIFYPEER, 1L);
        SET(CURLOPT_SSL_VERIFYHOST, 2L);
        SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
        if (request->ca_pem) {
                SET(CURLOPT_CAINFO_BLOB, &ca);
                SET(CURLOPT_CAPATH, NULL);
        }
        return code;
}

/* What curl would otherwise take from its defaults, the environment or the peer. */
static CURLcode set_limits(CURL *easy, const struct http_request *request, int left_ms)
{
        int connect_ms = request->connect_timeout_ms;
        CURLcode code = CURLE_OK;

        if (connect_ms <= 0 || connect_ms > left_ms)
                connect_ms = left_ms;
        SET(CURLOPT_FOLLOWLOCATION, 0L);
        SET(CURLOPT_PROXY, "");
        SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
        SET(CURLOPT_NOSIGNAL, 1L);
        /* or a deadline would wait for the resolver's own */
        SET(CURLOPT_QUICK_EXIT, 1L);
        /* HTTP/2 would keep copies of the answer in buffers that nobody wipes */
        SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
        SET(CURLOPT_TIMEOUT_MS, (long)left_ms);
        SET(CURLOPT_MAXFILESIZE, (long)HTTP_BODY_MAX);
        return code;
}

static CURLcode set_request(struct http_curl *h, const struct http_request *request,
                            struct curl_slist *headers, struct http_body *body, int left_ms)
{
        CURL *easy = h->easy;
        CURLcode code;

        /* keeps connections and the name cache, and puts the options back to their defaults */
        curl_easy_reset(easy);
        h->error[0] = '\0';
        code = set_tls(easy, request);
        if (code == CURLE_OK)
                code = set_limits(easy, request, left_ms);
        SET(CURLOPT_ERRORBUFFER, h->error);
        SET(CURLOPT_URL, request->url);
        SET(CURLOPT_USERAGENT, "luks-kms");
        SET(CURLOPT_HTTPHEADER, headers);
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, request->body ? request->body : "");
        SET(CURLOPT_POSTFIELDSIZE, (long)request->body_len);
        SET(CURLOPT_WRITEFUNCTION, on_body);
        SET(CURLOPT_WRITEDATA, body);
        return code;
}

static void header_text(CURL *easy, const char *name, char *field, size_t size)
{
        struct curl_header *header;

        if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
                diag_text(field, size, header->value);
}

static void read_answer(CURL *easy, struct http_body *body, struct http_response *ret)
{
        curl_off_t retry_after = 0;
        char date[64] = "";
        long status = 0;
        time_t t;

        (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
        *ret = (struct http_response){.status = (int)status};
        if (retry_after > 0)
                ret->retry_after = retry_after < 86400 ? (unsigned int)retry_after : 86400;
        header_text(easy, "content-type", ret->content_type, sizeof(ret->content_type));
        header_text(easy, "x-amzn-requestid", ret->request_id, sizeof(ret->request_id));
        header_text(easy, "x-amzn-errortype", ret->error_type, sizeof(ret->error_type));
        header_text(easy, "date", date, sizeof(date));
        t = curl_getdate(date, NULL);
        ret->date = t > 0 ? t : 0;
        if (body->len > 0) {
                secret_truncate(body->data, body->len);
                ret->body = TAKE_PTR(body->data);
        }
}

static int curl_perform(void *ctx, const struct http_request *request, struct http_response *ret,
                        struct diag *diag)
{
        struct curl_slist *headers CLEANUP(curl_slist_free_allp) = NULL;
        struct secret *buffer CLEANUP_SECRET = NULL;
        struct http_curl *h = ctx;
        struct http_body body = {.len = 0};
        CURLcode code;
        int r, left_ms = clock_left_ms(request->deadline_ms);

        if (!request->url || strncmp(request->url, "https://", 8) != 0 ||
            !text_is_plain(request->url) || strpbrk(request->url, "@\\ "))
                return diag_fail(diag, HTTP_E_URL, "the address %s is not https://HOST[:PORT]/",
                                 request->url ? request->url : "(none)");
        if (left_ms <= 0)
                return diag_fail(diag, HTTP_E_TIMEOUT, "no time was left for a request to %s",
                                 request->url);
        r = request_headers(request, &headers);
        if (r == 0)
                r = secret_new(HTTP_BODY_MAX, &buffer);
        if (r < 0)
                return diag_fail(diag, r, "a request to %s cannot be built", request->url);

        body.data = buffer;
        code = set_request(h, request, headers, &body, left_ms);
        if (code == CURLE_OK)
                code = curl_easy_perform(h->easy);
        if (body.too_large)
                code = CURLE_FILESIZE_EXCEEDED;
        if (code != CURLE_OK)
                return http_error(code, h->error, request->url, diag);
        read_answer(h->easy, &body, ret);
        buffer = body.data;
        return 0;
}

int http_curl_new(struct http_transport *ret)
{
        struct http_curl *h = calloc(1, sizeof(*h));

        /* curl would write the keys of its TLS sessions to the file that this names */
        (void)unsetenv("SSLKEYLOGFILE");
        if (!h || curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_free, wipe_realloc, strdup,
                                       calloc) != CURLE_OK) {
                free(h);
                return -ENOMEM;
        }
        h->easy = curl_easy_init();
        if (!h->easy) {
                curl_global_cleanup();
                free(h);
                return -ENOMEM;
        }
        *ret = (struct http_transport){.perform = curl_perform, .ctx = h};
        return 0;
}

void http_curl_free(struct http_transport *transport)
{
        struct http_curl *h = transport->ctx;

        if (!h)
                return;
        curl_easy_cleanup(h->easy);
        curl_global_cleanup();
        free(h);
        *transport = (struct http_transport){.perform = NULL};
}
