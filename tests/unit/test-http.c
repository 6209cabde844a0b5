/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The transport without a peer: what it refuses to send, and how it words what fails. TLS, stalls
 * and oversized bodies are the contract suite's, against the simulator. */

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/http.h"
#include "net/http_error.h"
#include "unit.h"

static struct http_transport transport;

static int perform(const char *url, const char *header, int timeout_ms, struct diag *diag)
{
        struct http_response response = {.status = -1};
        struct http_request request = {
            .url = url,
            .headers = {"Content-Type: application/json", header},
            .header_count = header ? 2 : 1,
            .body = "{}",
            .body_len = 2,
            .connect_timeout_ms = 1000,
            .deadline_ms = clock_now_ms() + (uint64_t)timeout_ms,
        };
        int r;

        *diag = DIAG_INIT;
        r = transport.perform(transport.ctx, &request, &response, diag);
        assert_int_equal(response.status, -1);
        assert_null(response.body);
        return r;
}

/* A loopback socket that listens but never accepts; or one that is bound only. */
static int open_socket(int listening, char *url, size_t size)
{
        struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t len = sizeof(addr);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
        if (listening)
                assert_int_equal(listen(fd, 1), 0);
        (void)snprintf(url, size, "https://127.0.0.1:%u/", ntohs(addr.sin_port));
        return fd;
}

static void test_addresses_that_are_refused(void **state)
{
        static const char *const rows[] = {
            "http://127.0.0.1/",
            "ftp://127.0.0.1/",
            "file:///etc/hostname",
            "127.0.0.1",
            "",
            "https://u@h/",
            "https://h/ x",
            "https://h\n/",
            "HTTPS://127.0.0.1",
            "https://h\\@other",
            "https://",
        };
        struct diag diag;

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                ROW_ASSERT(perform(rows[i], NULL, 1000, &diag) == HTTP_E_URL, rows[i]);
                ROW_ASSERT(diag.message[0], rows[i]);
        }
}

static void test_headers_that_are_refused(void **state)
{
        static char long_one[HTTP_HEADER_TEXT + 1];
        const struct http_request without_type = {.url = "https://127.0.0.1:1/",
                                                  .deadline_ms = clock_now_ms() + 1000};
        struct http_response response;
        struct diag diag;

        (void)state;
        assert_int_equal(perform("https://127.0.0.1:1/", "X-A: 1\r\nX-B: 2", 1000, &diag), -EINVAL);
        memset(long_one, 'a', HTTP_HEADER_TEXT);
        assert_int_equal(perform("https://127.0.0.1:1/", long_one, 1000, &diag), -EINVAL);
        assert_int_equal(transport.perform(transport.ctx, &without_type, &response, &diag),
                         -EINVAL);
}

static void test_nobody_listens(void **state)
{
        char url[64];
        int fd CLEANUP_FD = open_socket(0, url, sizeof(url));
        struct diag diag;

        (void)state;
        assert_true(fd >= 0);
        assert_int_equal(perform(url, NULL, 5000, &diag), HTTP_E_CONNECT);
        assert_non_null(strstr(diag.message, "127.0.0.1"));
        assert_non_null(strstr(diag.advice, "curl -v https://127.0.0.1"));
}

static void test_the_environment_names_no_proxy(void **state)
{
        char url[64], proxy[64];
        int fd CLEANUP_FD = open_socket(0, url, sizeof(url));
        int proxy_fd CLEANUP_FD = open_socket(1, proxy, sizeof(proxy));
        struct diag diag;

        (void)state;
        assert_true(fd >= 0 && proxy_fd >= 0);
        assert_int_equal(setenv("https_proxy", proxy, 1), 0);
        assert_int_equal(setenv("all_proxy", proxy, 1), 0);
        assert_int_equal(perform(url, NULL, 1000, &diag), HTTP_E_CONNECT);
        assert_int_equal(unsetenv("https_proxy"), 0);
        assert_int_equal(unsetenv("all_proxy"), 0);
}

static void test_deadlines(void **state)
{
        char url[64];
        int fd CLEANUP_FD = open_socket(1, url, sizeof(url));
        uint64_t begun = clock_now_ms();
        struct diag diag;

        (void)state;
        assert_true(fd >= 0);
        assert_int_equal(perform(url, NULL, 300, &diag), HTTP_E_TIMEOUT);
        /* Far from curl's own limits of minutes; valgrind takes seconds to load the CAs. */
        assert_in_range(clock_now_ms() - begun, 290, 20000);
        assert_int_equal(perform(url, NULL, 0, &diag), HTTP_E_TIMEOUT);
        /* the connection's own limit is the nearer one */
        begun = clock_now_ms();
        assert_int_equal(perform(url, NULL, 60000, &diag), HTTP_E_TIMEOUT);
        assert_in_range(clock_now_ms() - begun, 990, 20000);
}

static void test_words(void **state)
{
        static const struct {
                CURLcode code;
                const char *detail;
                int outcome;
                const char *in_message;
        } rows[] = {
            {CURLE_COULDNT_RESOLVE_HOST, "", HTTP_E_RESOLVE, "the name kms.example does not"},
            {CURLE_COULDNT_CONNECT, "refused", HTTP_E_CONNECT, "kms.example:444 could not"},
            {CURLE_RECV_ERROR, "reset", HTTP_E_CONNECT, "reset"},
            {CURLE_SEND_ERROR, "reset", HTTP_E_CONNECT, "reset"},
            {CURLE_SSL_CONNECT_ERROR, "OpenSSL SSL_connect: Connection reset by peer in connection",
             HTTP_E_CONNECT, "reset by peer"},
            {CURLE_SSL_CONNECT_ERROR, "error:0A00042E:tlsv1 alert", HTTP_E_TLS, "tlsv1 alert"},
            {CURLE_PEER_FAILED_VERIFICATION, "self-signed", HTTP_E_TLS, "self-signed"},
            {CURLE_SSL_CACERT_BADFILE, "", HTTP_E_TLS, "not trusted"},
            {CURLE_OPERATION_TIMEDOUT, "after 5 ms", HTTP_E_TIMEOUT, "in time: after 5 ms"},
            {CURLE_FILESIZE_EXCEEDED, "", HTTP_E_TOO_LARGE, "65536"},
            {CURLE_GOT_NOTHING, "", HTTP_E_PROTOCOL, "kms.example:444"},
            {CURLE_PARTIAL_FILE, "", HTTP_E_PROTOCOL, "kms.example:444"},
            {CURLE_UNSUPPORTED_PROTOCOL, "HTTP/0.9", HTTP_E_PROTOCOL, "HTTP/0.9"},
            {CURLE_URL_MALFORMAT, "", HTTP_E_URL, "https://kms.example:444/"},
            {CURLE_OUT_OF_MEMORY, "", -ENOMEM, "kms.example:444"},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct diag diag = DIAG_INIT;
                int r = http_error(rows[i].code, rows[i].detail, "https://kms.example:444/", &diag);

                ROW_ASSERT(r == rows[i].outcome, curl_easy_strerror(rows[i].code));
                ROW_ASSERT(strstr(diag.message, rows[i].in_message), diag.message);
        }
}

static int begin(void **state)
{
        (void)state;
        return http_curl_new(&transport);
}

static int end(void **state)
{
        (void)state;
        http_curl_free(&transport);
        http_curl_free(&transport);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_addresses_that_are_refused),
            cmocka_unit_test(test_headers_that_are_refused),
            cmocka_unit_test(test_nobody_listens),
            cmocka_unit_test(test_the_environment_names_no_proxy),
            cmocka_unit_test(test_deadlines),
            cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, begin, end);
}
