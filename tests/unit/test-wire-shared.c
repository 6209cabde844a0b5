/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The memory that a request's secret lies in: what is accepted as such, that the secret is there
 * and in no record, and that zeros are left whenever it is not the other side's turn to read. */

#include "wire-fixture.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>

enum { ALL_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

/* A look at the same memory from beside, which stays when the module has let go of it. */
static const uint8_t *look(const struct wire_shared *memory)
{
        const void *p =
            mmap(NULL, WIRE_SECRET_MAX, PROT_READ, MAP_SHARED, wire_shared_fd(memory), 0);

        assert_true(p != MAP_FAILED);
        return p;
}

static void unlook(const uint8_t *view)
{
        assert_int_equal(munmap((void *)(uintptr_t)view, WIRE_SECRET_MAX), 0);
}

static bool is_zero(const uint8_t *view)
{
        static const uint8_t zero[WIRE_SECRET_MAX];

        return memcmp(view, zero, sizeof(zero)) == 0;
}

/* ---- records ---- */

/* No eight bytes of it, at any place. */
static void assert_absent(const struct secret *secret, size_t len)
{
        for (size_t i = 0; i + 8 <= secret_size(secret); i++)
                assert_null(memmem(bytes, len, secret_bytes(secret) + i, 8));
}

static void test_no_record_holds_the_secret(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REPLY struct wire_reply reply;
        const uint8_t *view = look(shared);

        (void)state;
        fill_request(&request, WIRE_WRAP);
        assert_absent(request.plain, record_of(&request, NULL));
        assert_memory_equal(view, secret_bytes(request.plain), 32);
        fill_reply(&reply);
        assert_absent(reply.plain, record_of(NULL, &reply));
        assert_memory_equal(view, secret_bytes(reply.plain), 32);
        unlook(view);
}

/* ---- what is no shared memory ---- */

static int memory_of(size_t size, int seals)
{
        int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, (off_t)size), 0);
        if (seals)
                assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
        return fd;
}

static int read_only(void)
{
        CLEANUP_FD int fd = memory_of(WIRE_SECRET_MAX, ALL_SEALS);
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return open(path, O_RDONLY | O_CLOEXEC);
}

static int file_of_the_size(void)
{
        char path[] = "/tmp/luks-kms-shared.XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);

        assert_true(fd >= 0);
        (void)unlink(path);
        assert_int_equal(ftruncate(fd, WIRE_SECRET_MAX), 0);
        return fd;
}

static void test_other_descriptors_are_refused(void **state)
{
        struct {
                const char *name;
                int fd;
        } rows[] = {
            {"a file", file_of_the_size()},
            {"a device", open("/dev/zero", O_RDWR | O_CLOEXEC)},
            {"no seals", memory_of(WIRE_SECRET_MAX, 0)},
            {"may shrink", memory_of(WIRE_SECRET_MAX, F_SEAL_GROW | F_SEAL_SEAL)},
            {"may grow", memory_of(WIRE_SECRET_MAX, F_SEAL_SHRINK | F_SEAL_SEAL)},
            {"seals may follow", memory_of(WIRE_SECRET_MAX, F_SEAL_SHRINK | F_SEAL_GROW)},
            {"sealed against writing", memory_of(WIRE_SECRET_MAX, ALL_SEALS | F_SEAL_WRITE)},
            {"for reading", read_only()},
            {"empty", memory_of(0, ALL_SEALS)},
            {"too small", memory_of(WIRE_SECRET_MAX - 1, ALL_SEALS)},
            {"too large", memory_of(WIRE_SECRET_MAX + 1, ALL_SEALS)},
        };
        struct wire_shared *memory = NULL;
        int good = memory_of(WIRE_SECRET_MAX, ALL_SEALS);

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                ROW_ASSERT(rows[i].fd >= 0, rows[i].name);
                ROW_ASSERT(wire_shared_open(rows[i].fd, &memory) == -EBADMSG, rows[i].name);
                assert_int_equal(close(rows[i].fd), 0); /* still ours */
        }
        assert_int_equal(wire_shared_open(-1, &memory), -EBADMSG);
        assert_null(memory);
        assert_int_equal(wire_shared_open(good, &memory), 0);
        wire_shared_free(memory);
        assert_int_equal(fcntl(good, F_GETFD), -1);
}

/* ---- the memory itself ---- */

static void test_pages_are_guarded(void **state)
{
        CLEANUP_FILE FILE *smaps = fopen("/proc/self/smaps", "re");
        char line[1024];
        bool inside = false, seen = false;

        (void)state;
        assert_non_null(smaps);
        while (fgets(line, sizeof(line), smaps)) {
                unsigned long start, end;

                if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
                        inside = strstr(line, "memfd:luks-kms-wire");
                if (!inside || strncmp(line, "VmFlags:", 8) != 0)
                        continue;
                seen = true;
                assert_non_null(strstr(line, " sh")); /* shared */
                assert_non_null(strstr(line, " dd")); /* not in cores */
                assert_non_null(strstr(line, " dc")); /* not in children */
#ifndef SANITIZED
                assert_non_null(strstr(line, " lo")); /* locked */
#endif
        }
        assert_true(seen);
        assert_int_equal(fcntl(wire_shared_fd(shared), F_GET_SEALS) & ALL_SEALS, ALL_SEALS);
        assert_int_equal(ftruncate(wire_shared_fd(shared), 0), -1);
}

static void test_taking_wipes(void **state)
{
        static const size_t wrong[] = {0, WIRE_SECRET_MAX + 1, SIZE_MAX};
        CLEANUP_SECRET struct secret *secret = NULL;
        CLEANUP_SECRET struct secret *taken = NULL;
        const uint8_t *view = look(shared);

        (void)state;
        assert_int_equal(secret_random(WIRE_SECRET_MAX, &secret), 0);
        assert_int_equal(wire_shared_put(shared, secret), 0);
        assert_memory_equal(view, secret_bytes(secret), WIRE_SECRET_MAX);
        assert_int_equal(wire_shared_take(shared, 40, &taken), 0);
        assert_int_equal(secret_size(taken), 40);
        assert_memory_equal(secret_bytes(taken), secret_bytes(secret), 40);
        assert_true(is_zero(view));
        for (size_t i = 0; i < LENGTH(wrong); i++) {
                struct secret *none = NULL;

                assert_int_equal(wire_shared_put(shared, secret), 0);
                assert_int_equal(wire_shared_take(shared, wrong[i], &none), -EBADMSG);
                assert_null(none);
                assert_true(is_zero(view));
        }
        unlook(view);
}

static void test_too_large_is_not_put(void **state)
{
        CLEANUP_SECRET struct secret *secret = NULL;
        const uint8_t *view = look(shared);

        (void)state;
        assert_int_equal(secret_random(WIRE_SECRET_MAX + 1, &secret), 0);
        assert_int_equal(wire_shared_put(shared, secret), -EMSGSIZE);
        assert_true(is_zero(view));
        unlook(view);
}

static void test_release_wipes(void **state)
{
        CLEANUP_SECRET struct secret *secret = NULL;
        struct wire_shared *memory;
        const uint8_t *view;

        (void)state;
        assert_int_equal(secret_random(32, &secret), 0);
        for (int leave = 0; leave <= 1; leave++) {
                assert_int_equal(wire_shared_new(&memory), 0);
                view = look(memory);
                assert_int_equal(wire_shared_put(memory, secret), 0);
                if (leave)
                        wire_shared_leave(memory);
                wire_shared_free(memory);
                assert_int_equal(is_zero(view), !leave);
                unlook(view);
        }
        wire_shared_free(NULL);
}

/* ---- the worker's ends ---- */

/* Takes a wrap request in, up to the moment when the answer is to be sent. */
static void take_request(const struct pair *pair, struct wire_shared **ret)
{
        CLEANUP_REQUEST struct wire_request in;
        CLEANUP_REQUEST struct wire_request out;
        const uint8_t *view = look(shared);

        fill_request(&in, WIRE_WRAP);
        wire_request_init(&out);
        assert_int_equal(wire_send_request(pair->ends[0], &in, shared), 0);
        assert_false(is_zero(view));
        assert_int_equal(wire_receive_request(pair->ends[1], &out, ret), 0);
        assert_true(secret_equal(in.plain, out.plain));
        assert_true(is_zero(view)); /* at once, not when the answer is there */
        unlook(view);
}

static void test_answer_that_cannot_be_sent_is_wiped(void **state)
{
        struct pair pair = new_pair();
        CLEANUP_SHARED struct wire_shared *theirs = NULL;
        CLEANUP_REPLY struct wire_reply reply;
        const uint8_t *view = look(shared);

        (void)state;
        take_request(&pair, &theirs);
        fill_reply(&reply);
        strcpy(reply.key_version, "not\nprintable");
        assert_int_equal(wire_send_reply(pair.ends[1], &reply, theirs), -EINVAL);
        assert_true(is_zero(view));
        strcpy(reply.key_version, "1");
        close_fd(pair.ends[0]);
        assert_int_equal(wire_send_reply(pair.ends[1], &reply, theirs), -EPIPE);
        assert_true(is_zero(view));
        close_fd(pair.ends[1]);
        unlook(view);
        assert_int_equal(wire_send_reply(pair.ends[1], &reply, NULL), -EINVAL);
}

/* The request is refused as a whole, when its secret has been seen already. */
static void test_refused_request_is_wiped(void **state)
{
        CLEANUP_PAIR struct pair pair = new_pair();
        CLEANUP_PAIR struct pair relay = new_pair();
        CLEANUP_REQUEST struct wire_request request;
        struct wire_shared *theirs = NULL;
        struct wire_request got;
        const uint8_t *view = look(shared);
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
        struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
        ssize_t n;
        int fd;

        (void)state;
        fill_request(&request, WIRE_WRAP);
        assert_int_equal(wire_send_request(relay.ends[0], &request, shared), 0);
        n = recvmsg(relay.ends[1], &msg, 0);
        assert_true(n > 14);
        bytes[8 + 6] = WIRE_UNWRAP; /* the first field: now it brings what it should not */
        iov.iov_len = (size_t)n;
        assert_int_equal(sendmsg(pair.ends[0], &msg, 0), n);
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
        close_fd(fd);
        assert_false(is_zero(view));
        assert_int_equal(wire_receive_request(pair.ends[1], &got, &theirs), -EBADMSG);
        assert_null(theirs);
        assert_true(is_zero(view));
        unlook(view);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_no_record_holds_the_secret),
            cmocka_unit_test(test_other_descriptors_are_refused),
            cmocka_unit_test(test_pages_are_guarded),
            cmocka_unit_test(test_taking_wipes),
            cmocka_unit_test(test_too_large_is_not_put),
            cmocka_unit_test(test_release_wipes),
            cmocka_unit_test(test_answer_that_cannot_be_sent_is_wiped),
            cmocka_unit_test(test_refused_request_is_wiped),
        };

        return cmocka_run_group_tests_name("wire-shared", tests, make_shared, release_shared);
}
