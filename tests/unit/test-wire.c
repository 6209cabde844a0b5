/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wire over a socket: what goes in comes out, what is over its maximum is not sent, and no
 * descriptor is lost or kept that should not be. */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "wire-fixture.h"

static size_t count_open(void)
{
        DIR *dir = opendir("/proc/self/fd");
        size_t n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}

/* ---- round trips ---- */

static void test_request_round_trip(void **state)
{
        CLEANUP_PAIR struct pair pair = new_pair();
        CLEANUP_SHARED struct wire_shared *theirs = NULL;
        CLEANUP_REQUEST struct wire_request in;
        CLEANUP_REQUEST struct wire_request out;
        struct stat sent, came;

        (void)state;
        fill_request(&in, WIRE_WRAP);
        wire_request_init(&out);
        in.fds[WIRE_FD_CA] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        in.fds[WIRE_FD_KEY] = open("/", O_RDONLY | O_CLOEXEC);
        assert_int_equal(wire_send_request(pair.ends[0], &in, shared), 0);
        assert_true(in.fds[WIRE_FD_CA] >= 0 && in.plain);
        assert_int_equal(wire_receive_request(pair.ends[1], &out, &theirs), 0);

        assert_int_equal(out.op, WIRE_WRAP);
        assert_int_equal(out.timeout_ms, 1500);
        assert_string_equal(out.uri, URI);
        assert_string_equal(out.endpoint, "https://localhost:8443");
        assert_string_equal(out.credentials, "profile:unlock");
        assert_memory_equal(&out.context, &in.context, sizeof(in.context));
        assert_true(secret_equal(in.plain, out.plain));
        assert_int_equal(out.wrapped.len, 0);
        assert_int_equal(out.fds[WIRE_FD_CREDENTIALS], -1);
        for (size_t i = WIRE_FD_CA; i <= WIRE_FD_KEY; i++) {
                assert_int_equal(fstat(in.fds[i], &sent), 0);
                assert_int_equal(fstat(out.fds[i], &came), 0);
                assert_int_equal(sent.st_ino, came.st_ino);
                assert_int_equal(fcntl(out.fds[i], F_GETFD), FD_CLOEXEC);
        }
}

/* The way of a reply begins with a request, which brings the memory for its secret. */
static void exchange(const struct pair *pair, const struct wire_reply *in, struct wire_reply *out)
{
        CLEANUP_SHARED struct wire_shared *theirs = NULL;
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REQUEST struct wire_request got;

        fill_request(&request, WIRE_UNWRAP);
        wire_request_init(&got);
        assert_int_equal(wire_send_request(pair->ends[0], &request, shared), 0);
        assert_int_equal(wire_receive_request(pair->ends[1], &got, &theirs), 0);
        assert_int_equal(wire_send_reply(pair->ends[1], in, theirs), 0);
        wire_shared_free(TAKE_PTR(theirs)); /* before it is read: the bytes must stay */
        assert_int_equal(wire_receive_reply(pair->ends[0], shared, out), 0);
}

static void test_reply_round_trip(void **state)
{
        CLEANUP_PAIR struct pair pair = new_pair();
        CLEANUP_REPLY struct wire_reply in;
        CLEANUP_REPLY struct wire_reply out = {.plain = NULL};

        (void)state;
        fill_reply(&in);
        strcpy(in.diag.message, "two words\033[31m and a bell\a");
        in.diag.retry_after = 7;
        exchange(&pair, &in, &out);
        assert_int_equal(out.verdict, VERDICT_GRANTED);
        assert_true(secret_equal(in.plain, out.plain));
        assert_string_equal(out.diag.message, "two words?[31m and a bell?");
        assert_string_equal(out.diag.request_id, "1f2e3d4c");
        assert_int_equal(out.diag.http_status, 200);
        assert_int_equal(out.diag.requests, 1);
        assert_int_equal(out.diag.retry_after, 7);
        assert_string_equal(out.key_version, "v7");
}

static void test_sizes_of_secrets(void **state)
{
        static const size_t sizes[] = {1, 31, 32, WIRE_SECRET_MAX - 1, WIRE_SECRET_MAX};
        CLEANUP_PAIR struct pair pair = new_pair();

        (void)state;
        for (size_t i = 0; i < LENGTH(sizes); i++) {
                CLEANUP_REPLY struct wire_reply in = {.verdict = VERDICT_GRANTED};
                CLEANUP_REPLY struct wire_reply out = {.plain = NULL};

                assert_int_equal(secret_random(sizes[i], &in.plain), 0);
                exchange(&pair, &in, &out);
                assert_true(secret_equal(in.plain, out.plain));
        }
}

static void test_largest_fields_fit(void **state)
{
        CLEANUP_PAIR struct pair pair = new_pair();
        CLEANUP_SHARED struct wire_shared *theirs = NULL;
        CLEANUP_REQUEST struct wire_request in;
        CLEANUP_REQUEST struct wire_request out;

        (void)state;
        fill_request(&in, WIRE_UNWRAP);
        wire_request_init(&out);
        in.wrapped.len = WIRE_BLOB_MAX;
        memset(in.uri, 'u', KEYURI_MAX - 1);
        memset(in.endpoint, 'e', WIRE_TEXT_MAX - 1);
        assert_int_equal(wire_send_request(pair.ends[0], &in, shared), 0);
        assert_int_equal(wire_receive_request(pair.ends[1], &out, &theirs), 0);
        assert_memory_equal(out.wrapped.data, in.wrapped.data, WIRE_BLOB_MAX);
        assert_int_equal(strlen(out.uri), KEYURI_MAX - 1);
}

/* ---- what is not sent ---- */

static void test_what_breaks_a_rule_is_not_sent(void **state)
{
        CLEANUP_PAIR struct pair pair = new_pair();
        CLEANUP_REQUEST struct wire_request request;

        (void)state;
        fill_request(&request, WIRE_UNWRAP);
        request.wrapped.len = WIRE_BLOB_MAX + 1;
        assert_int_equal(wire_send_request(pair.ends[0], &request, shared), -EMSGSIZE);
        request.wrapped.len = 1;
        memset(request.uri, 'u', KEYURI_MAX);
        assert_int_equal(wire_send_request(pair.ends[0], &request, shared), -EMSGSIZE);
        strcpy(request.uri, "platform:file\n");
        assert_int_equal(wire_send_request(pair.ends[0], &request, shared), -EINVAL);
        strcpy(request.uri, "platform:file");
        assert_int_equal(secret_random(WIRE_SECRET_MAX + 1, &request.plain), 0);
        assert_int_equal(wire_send_request(pair.ends[0], &request, shared), -EMSGSIZE);
        secret_truncate(request.plain, 32); /* an unwrap that brings a secret */
        assert_int_equal(wire_send_request(pair.ends[0], &request, shared), -EINVAL);
        request.op = WIRE_WRAP; /* and a blob */
        assert_int_equal(wire_send_request(pair.ends[0], &request, shared), -EINVAL);
        request.wrapped.len = 0;
        secret_truncate(request.plain, 0); /* nothing is no secret */
        assert_int_equal(wire_send_request(pair.ends[0], &request, shared), -EINVAL);
        request.timeout_ms = 0;
        assert_int_equal(wire_send_request(pair.ends[0], &request, shared), -EINVAL);
        assert_int_equal(recv(pair.ends[1], bytes, sizeof(bytes), MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
}

static void test_closed_peer(void **state)
{
        struct pair pair = new_pair();
        CLEANUP_REQUEST struct wire_request request;
        struct wire_reply reply;

        (void)state;
        fill_request(&request, WIRE_UNWRAP);
        close(pair.ends[1]);
        assert_int_equal(wire_send_request(pair.ends[0], &request, shared), -EPIPE);
        assert_int_equal(wire_receive_reply(pair.ends[0], shared, &reply), -ECONNRESET);
        close(pair.ends[0]);
}

/* ---- descriptors ---- */

/* Sends the bytes with copies of descriptor 0, count of them. */
static void send_with_fds(int fd, size_t len, size_t count)
{
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * 16)] = "";
        struct iovec iov = {.iov_base = bytes, .iov_len = len};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        int fds[16] = {0};

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
        assert_int_equal(sendmsg(fd, &msg, 0), (ssize_t)len);
}

static void test_superfluous_descriptors_are_closed(void **state)
{
        CLEANUP_PAIR struct pair pair = new_pair();
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REPLY struct wire_reply reply;
        struct wire_shared *theirs = NULL;
        struct wire_reply got_reply;
        struct wire_request got;
        size_t before, len;

        (void)state;
        fill_request(&request, WIRE_UNWRAP);
        fill_reply(&reply);
        before = count_open();
        /* One is the shared memory's, though what comes here is none; none named, one, or three. */
        for (size_t count = 1; count <= 16; count++) {
                len = record_of(&request, NULL);
                bytes[4] = (uint8_t[]){0, 1, 7}[count % 3];
                send_with_fds(pair.ends[0], len, count);
                assert_int_equal(wire_receive_request(pair.ends[1], &got, &theirs), -EBADMSG);
                assert_int_equal(count_open(), before);
        }
        len = record_of(&request, NULL);
        bytes[4] = 8; /* a descriptor that has no name */
        send_with_fds(pair.ends[0], len, 1);
        assert_int_equal(wire_receive_request(pair.ends[1], &got, &theirs), -EBADMSG);
        len = record_of(NULL, &reply);
        send_with_fds(pair.ends[0], len, 1);
        assert_int_equal(wire_receive_reply(pair.ends[1], shared, &got_reply), -EBADMSG);
        assert_int_equal(count_open(), before);
}

static void test_over_long_record_is_refused(void **state)
{
        CLEANUP_PAIR struct pair pair = new_pair();
        CLEANUP_REQUEST struct wire_request request;
        struct wire_shared *theirs = NULL;
        struct wire_request got;

        (void)state;
        fill_request(&request, WIRE_UNWRAP);
        record_of(&request, NULL);
        assert_int_equal(send(pair.ends[0], bytes, sizeof(bytes), 0), (ssize_t)sizeof(bytes));
        assert_int_equal(wire_receive_request(pair.ends[1], &got, &theirs), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_request_round_trip),
            cmocka_unit_test(test_reply_round_trip),
            cmocka_unit_test(test_sizes_of_secrets),
            cmocka_unit_test(test_largest_fields_fit),
            cmocka_unit_test(test_what_breaks_a_rule_is_not_sent),
            cmocka_unit_test(test_closed_peer),
            cmocka_unit_test(test_superfluous_descriptors_are_closed),
            cmocka_unit_test(test_over_long_record_is_refused),
        };

        return cmocka_run_group_tests(tests, make_shared, release_shared);
}
