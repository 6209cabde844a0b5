/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One sentence and one outcome for each way in which no answer came. The peer has had a hand in
 * some of curl's words; diag cleans them. */

#include "net/http_error.h"

#include "net/http.h"

/* "kms.eu-west-1.amazonaws.com" of the URL; name_len without the port. */
struct host {
        char text[256];
        int name_len;
};

static void url_host(const char *url, struct host *ret)
{
        const char *host = strncmp(url, "https://", 8) == 0 ? url + 8 : url;

        (void)snprintf(ret->text, sizeof(ret->text), "%.*s", (int)strcspn(host, "/"), host);
        ret->name_len = (int)strcspn(ret->text, ":");
}

static int fail_tls(const struct host *host, const char *words, struct diag *diag)
{
        (void)diag_fail(diag, HTTP_E_TLS, "the TLS connection to %s was not trusted: %s",
                        host->text, words);
        diag_advise(diag,
                    "if the certificate of %s comes from a private CA, name that CA's file with "
                    "CAFile=; see what it shows with: openssl s_client -brief -connect %s%s",
                    host->text, host->text, host->text[host->name_len] ? "" : ":443");
        return HTTP_E_TLS;
}

/* For all that a look at the network may explain. */
static int fail_network(const struct host *host, int result, const char *what, const char *words,
                        struct diag *diag)
{
        (void)diag_fail(diag, result, "%s %s: %s", host->text, what, words);
        diag_advise(diag, "see how far a request gets: curl -v https://%s/", host->text);
        return result;
}

static int fail_resolve(const struct host *host, struct diag *diag)
{
        (void)diag_fail(diag, HTTP_E_RESOLVE, "the name %.*s does not resolve", host->name_len,
                        host->text);
        diag_advise(diag, "check the name and the resolver: getent ahosts %.*s", host->name_len,
                    host->text);
        return HTTP_E_RESOLVE;
}

int http_error(CURLcode code, const char *detail, const char *url, struct diag *diag)
{
        const char *words = *detail ? detail : curl_easy_strerror(code);
        struct host host;

        url_host(url, &host);
        switch (code) {
        case CURLE_OUT_OF_MEMORY:
                return diag_fail(diag, -ENOMEM, "the request to %s cannot be sent", host.text);
        case CURLE_URL_MALFORMAT:
                return diag_fail(diag, HTTP_E_URL, "the address %s is not https://HOST[:PORT]/",
                                 url);
        case CURLE_FILESIZE_EXCEEDED:
                return diag_fail(diag, HTTP_E_TOO_LARGE, "%s sent more than %d bytes", host.text,
                                 HTTP_BODY_MAX);
        case CURLE_COULDNT_RESOLVE_HOST: return fail_resolve(&host, diag);
        case CURLE_OPERATION_TIMEDOUT:
                return fail_network(&host, HTTP_E_TIMEOUT, "gave no answer in time", words, diag);
        case CURLE_SSL_CONNECT_ERROR:
                /* so curl words a handshake that the network has ended, not TLS */
                if (strncmp(words, "OpenSSL SSL_connect:", 20) == 0)
                        return fail_network(&host, HTTP_E_CONNECT, "could not be reached", words,
                                            diag);
                return fail_tls(&host, words, diag);
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS: return fail_tls(&host, words, diag);
        case CURLE_GOT_NOTHING:
        case CURLE_PARTIAL_FILE:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
                return fail_network(&host, HTTP_E_PROTOCOL, "broke its answer off or sent no HTTP",
                                    words, diag);
        default: return fail_network(&host, HTTP_E_CONNECT, "could not be reached", words, diag);
        }
}
