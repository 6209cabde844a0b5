/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Signs requests to AWS services. Trusts its caller and libcrypto; the signing keys live on the
 * stack for the length of one call and are wiped. It never sees an answer. */

#include "net/sigv4.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/cleanup.h"

enum { HEADERS_MAX = 16, NAME_SIZE = 64, HASH_SIZE = 32 };
enum { KEY_TEXT_MAX = 256, CANONICAL_MAX = 8192 };

#define ALGORITHM "AWS4-HMAC-SHA256"
#define SCOPE_END "aws4_request"

struct header {
        char name[NAME_SIZE];
        const char *value;
};

struct headers {
        struct header list[HEADERS_MAX];
        size_t count;
};

/* Text into a buffer of fixed size; what does not fit is remembered, not written. */
struct text {
        char *buf;
        size_t size, len;
        bool full;
};

static void text_char(struct text *t, char c)
{
        if (t->len + 1 >= t->size) {
                t->full = true;
                return;
        }
        t->buf[t->len++] = c;
        t->buf[t->len] = '\0';
}

static void PRINTF(2, 3) text_add(struct text *t, const char *fmt, ...)
{
        va_list args;
        int n;

        va_start(args, fmt);
        n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, args);
        va_end(args);
        if (n < 0 || (size_t)n >= t->size - t->len) {
                t->full = true;
                return;
        }
        t->len += (size_t)n;
}

static int sha256_hex(const void *data, size_t len, char ret[2 * HASH_SIZE + 1])
{
        uint8_t hash[HASH_SIZE];

        if (!EVP_Q_digest(NULL, "SHA256", NULL, data ? data : "", len, hash, NULL))
                return -EIO;
        hex_encode(hash, sizeof(hash), ret);
        return 0;
}

static int hmac(const void *key, size_t key_len, const char *text, uint8_t ret[HASH_SIZE])
{
        size_t len = 0;

        if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_len, (const uint8_t *)text,
                       strlen(text), ret, HASH_SIZE, &len) ||
            len != HASH_SIZE)
                return -EIO;
        return 0;
}

static int format_date(int64_t seconds, char ret[17])
{
        time_t t = (time_t)seconds;
        struct tm tm;

        if (seconds < 0 || !gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900)
                return -EINVAL;
        return strftime(ret, 17, "%Y%m%dT%H%M%SZ", &tm) == 16 ? 0 : -EINVAL;
}

static int headers_add(struct headers *h, const char *name, const char *value)
{
        struct header *new;
        size_t len = strlen(name);

        if (h->count == HEADERS_MAX || len == 0 || len >= NAME_SIZE)
                return -EINVAL;
        for (const char *p = value; *p; p++)
                if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
                        return -EINVAL;
        new = &h->list[h->count];
        for (size_t i = 0; i < len; i++) {
                if (!isalnum((unsigned char)name[i]) && name[i] != '-')
                        return -EINVAL;
                new->name[i] = (char)tolower((unsigned char)name[i]);
        }
        new->name[len] = '\0';
        new->value = value;
        h->count++;
        return 0;
}

static bool headers_have(const struct headers *h, const char *name)
{
        for (size_t i = 0; i < h->count; i++)
                if (strcmp(h->list[i].name, name) == 0)
                        return true;
        return false;
}

static int header_compare(const void *a, const void *b)
{
        return strcmp(((const struct header *)a)->name, ((const struct header *)b)->name);
}

/* All headers that are signed, sorted. A repeated name is refused: we never send one, and how
 * proxies join them is not ours to guess. */
static int headers_collect(const struct sigv4_request *request,
                           const struct sigv4_credentials *credentials, const char *amz_date,
                           struct headers *ret)
{
        const char *token = credentials->session_token;
        int r = 0;

        ret->count = 0;
        for (size_t i = 0; r == 0 && i < request->header_count; i++)
                r = headers_add(ret, request->headers[i].name, request->headers[i].value);
        if (r == 0 && !headers_have(ret, "x-amz-date"))
                r = headers_add(ret, "x-amz-date", amz_date);
        if (r == 0 && token && *token && !headers_have(ret, "x-amz-security-token"))
                r = headers_add(ret, "x-amz-security-token", token);
        if (r < 0)
                return r;
        if (!headers_have(ret, "host"))
                return -EINVAL;
        qsort(ret->list, ret->count, sizeof(ret->list[0]), header_compare);
        for (size_t i = 1; i < ret->count; i++)
                if (strcmp(ret->list[i - 1].name, ret->list[i].name) == 0)
                        return -EINVAL;
        return 0;
}

static void text_signed_headers(struct text *t, const struct headers *h)
{
        for (size_t i = 0; i < h->count; i++)
                text_add(t, "%s%s", i > 0 ? ";" : "", h->list[i].name);
}

/* A value without blanks around it, and runs of blanks as one. */
static void text_folded(struct text *t, const char *value)
{
        bool blank = false, begun = false;

        for (; *value; value++) {
                if (*value == ' ' || *value == '\t') {
                        blank = begun;
                        continue;
                }
                if (blank)
                        text_char(t, ' ');
                text_char(t, *value);
                blank = false;
                begun = true;
        }
}

/* DATE/REGION/SERVICE/aws4_request */
static void text_scope(struct text *t, const struct sigv4_request *request, const char *amz_date)
{
        text_add(t, "%.8s/%s/%s/" SCOPE_END, amz_date, request->region, request->service);
}

int sigv4_canonical_request(const struct sigv4_request *request,
                            const struct sigv4_credentials *credentials, char *buf, size_t size)
{
        struct text t = {.buf = buf, .size = size};
        char amz_date[17], hash[2 * HASH_SIZE + 1];
        struct headers headers;
        int r;

        r = format_date(request->time, amz_date);
        if (r == 0)
                r = headers_collect(request, credentials, amz_date, &headers);
        if (r == 0)
                r = sha256_hex(request->body, request->body_len, hash);
        if (r < 0)
                return r;

        text_add(&t, "POST\n/\n\n");
        for (size_t i = 0; i < headers.count; i++) {
                text_add(&t, "%s:", headers.list[i].name);
                text_folded(&t, headers.list[i].value);
                text_char(&t, '\n');
        }
        text_char(&t, '\n');
        text_signed_headers(&t, &headers);
        text_add(&t, "\n%s", hash);
        return t.full ? -ENOBUFS : 0;
}

int sigv4_string_to_sign(const struct sigv4_request *request,
                         const struct sigv4_credentials *credentials, char *buf, size_t size)
{
        struct text t = {.buf = buf, .size = size};
        char canonical[CANONICAL_MAX], amz_date[17], hash[2 * HASH_SIZE + 1];
        int r;

        r = format_date(request->time, amz_date);
        if (r == 0)
                r = sigv4_canonical_request(request, credentials, canonical, sizeof(canonical));
        if (r == 0)
                r = sha256_hex(canonical, strlen(canonical), hash);
        /* it holds the session token */
        explicit_bzero(canonical, sizeof(canonical));
        if (r < 0)
                return r;

        text_add(&t, ALGORITHM "\n%s\n", amz_date);
        text_scope(&t, request, amz_date);
        text_add(&t, "\n%s", hash);
        return t.full ? -ENOBUFS : 0;
}

/* HMAC over each part of the scope, then over the text. */
static int sign_text(const struct sigv4_request *request, const char *secret_access_key,
                     const char *amz_date, const char *text, uint8_t ret[HASH_SIZE])
{
        char first[4 + KEY_TEXT_MAX], day[9] = "";
        uint8_t key[HASH_SIZE];
        size_t len = strlen(secret_access_key);
        int r;

        if (len == 0 || len > KEY_TEXT_MAX)
                return -EINVAL;
        memcpy(first, "AWS4", 4);
        memcpy(first + 4, secret_access_key, len);
        memcpy(day, amz_date, 8);

        r = hmac(first, 4 + len, day, key);
        if (r == 0)
                r = hmac(key, sizeof(key), request->region, key);
        if (r == 0)
                r = hmac(key, sizeof(key), request->service, key);
        if (r == 0)
                r = hmac(key, sizeof(key), SCOPE_END, key);
        if (r == 0)
                r = hmac(key, sizeof(key), text, ret);
        explicit_bzero(first, sizeof(first));
        explicit_bzero(key, sizeof(key));
        return r;
}

int sigv4_sign(const struct sigv4_request *request, const struct sigv4_credentials *credentials,
               struct sigv4_result *ret)
{
        struct sigv4_result out = {.amz_date = ""};
        struct text t = {.buf = out.authorization, .size = sizeof(out.authorization)};
        uint8_t signature[HASH_SIZE];
        struct headers headers;
        char text[512];
        int r;

        r = format_date(request->time, out.amz_date);
        if (r == 0)
                r = headers_collect(request, credentials, out.amz_date, &headers);
        if (r == 0)
                r = sigv4_string_to_sign(request, credentials, text, sizeof(text));
        if (r == 0)
                r = sign_text(request, credentials->secret_access_key, out.amz_date, text,
                              signature);
        if (r < 0)
                return r;
        hex_encode(signature, sizeof(signature), out.signature);

        text_add(&t, ALGORITHM " Credential=%s/", credentials->access_key_id);
        text_scope(&t, request, out.amz_date);
        text_add(&t, ", SignedHeaders=");
        text_signed_headers(&t, &headers);
        text_add(&t, ", Signature=%s", out.signature);
        if (t.full)
                return -ENOBUFS;
        *ret = out;
        return 0;
}
