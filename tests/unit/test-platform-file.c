/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* platform:file by itself: the wrapped form, what it is bound to, and what a wrong, missing or odd
 * key file is called. */

#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/verdict.h"
#include "kms/kms.h"

enum { OVERHEAD = 1 + 8 + 12 + 16 };

/* The key is 32 times its seed. */
static int key_file(uint8_t seed, size_t size)
{
        int fd = memfd_create("key", MFD_CLOEXEC);
        uint8_t key[64];

        assert_true(fd >= 0 && size <= sizeof(key));
        memset(key, seed, sizeof(key));
        assert_int_equal(write(fd, key, size), (ssize_t)size);
        return fd;
}

static void new_request(struct wire_request *request, uint8_t seed)
{
        wire_request_init(request);
        request->timeout_ms = 1000;
        strcpy(request->uri, "platform:file");
        strcpy(request->context.uuid, "0b0f4f5c-9b1c-4f0e-8d57-0f0e4b2b7a11");
        strcpy(request->context.role, "temp");
        strcpy(request->context.use, "keyslot");
        request->fds[WIRE_FD_KEY] = key_file(seed, 32);
}

static void wrap(struct wire_request *request, size_t size, char version[64])
{
        struct kms_call call = {.request = request};
        struct diag diag = DIAG_INIT;

        assert_int_equal(secret_random(size, &request->plain), 0);
        assert_int_equal(
            kms_platform_file.wrap(&call, request->plain, &request->wrapped, version, 64, &diag),
            VERDICT_GRANTED);
}

static int unwrap(const struct wire_request *request, struct secret **ret, struct diag *diag)
{
        struct kms_call call = {.request = request};

        *diag = DIAG_INIT;
        return kms_platform_file.unwrap(&call, &request->wrapped, ret, diag);
}

static void refuse(const struct wire_request *request, int verdict, const char *words)
{
        struct secret *plain = NULL;
        struct diag diag;

        assert_int_equal(unwrap(request, &plain, &diag), verdict);
        assert_null(plain);
        if (!strstr(diag.message, words))
                fail_msg("\"%s\" is not in \"%s\"", words, diag.message);
}

static void test_round_trip(void **state)
{
        static const size_t sizes[] = {1, 32, 33, WIRE_SECRET_MAX};

        (void)state;
        for (size_t i = 0; i < LENGTH(sizes); i++) {
                CLEANUP_REQUEST struct wire_request request;
                CLEANUP_SECRET struct secret *plain = NULL;
                struct diag diag;
                char version[64];

                new_request(&request, 7);
                wrap(&request, sizes[i], version);
                assert_int_equal(request.wrapped.len, sizes[i] + OVERHEAD);
                assert_int_equal(unwrap(&request, &plain, &diag), VERDICT_GRANTED);
                assert_true(secret_equal(plain, request.plain));
        }
}

/* The id is part of what lies on disks: computed by another implementation,
 *     printf 'luks-kms platform key' | cat - KEY | sha256sum | cut -c -16
 * for a KEY of 32 bytes 0x07. */
static void test_key_id_is_known(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        char version[64];

        (void)state;
        new_request(&request, 7);
        wrap(&request, 32, version);
        assert_string_equal(version, "cc1b900bfa8e49c6");
        assert_int_equal(request.wrapped.data[0], 1);
}

static void test_two_wraps_differ(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        struct wire_blob first;
        struct kms_call call = {.request = &request};
        char version[64];

        (void)state;
        new_request(&request, 7);
        wrap(&request, 32, version);
        first = request.wrapped;
        assert_int_equal(kms_platform_file.wrap(&call, request.plain, &request.wrapped, version,
                                                sizeof(version), NULL),
                         VERDICT_GRANTED);
        assert_memory_not_equal(first.data + 9, request.wrapped.data + 9, 12);
        assert_memory_not_equal(first.data + 21, request.wrapped.data + 21, 32);
}

static void test_every_changed_bit_is_refused(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        char version[64];

        (void)state;
        new_request(&request, 7);
        wrap(&request, 32, version);
        for (size_t bit = 0; bit < request.wrapped.len * 8; bit++) {
                uint8_t *byte = &request.wrapped.data[bit / 8];

                *byte = (uint8_t)(*byte ^ 1U << bit % 8);
                if (bit < 8)
                        refuse(&request, VERDICT_MISCONFIGURED, "form");
                else if (bit < 72)
                        refuse(&request, VERDICT_MISCONFIGURED, "another platform key, id ");
                else
                        refuse(&request, VERDICT_TAMPERED, "does not verify");
                *byte = (uint8_t)(*byte ^ 1U << bit % 8);
        }
}

static void test_every_length_is_refused(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        char version[64];
        size_t whole;

        (void)state;
        new_request(&request, 7);
        wrap(&request, 32, version);
        whole = request.wrapped.len;
        for (size_t len = 0; len <= whole + 1; len++) {
                request.wrapped.len = len;
                if (len != whole)
                        refuse(&request, VERDICT_TAMPERED,
                               len <= OVERHEAD ? "is none of" : "does not verify");
        }
}

static void test_context_is_bound(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        struct kms_context right;
        char version[64];

        (void)state;
        new_request(&request, 7);
        wrap(&request, 32, version);
        right = request.context;
        request.context.uuid[0] = '1';
        refuse(&request, VERDICT_TAMPERED, "does not verify");
        request.context = right;
        strcpy(request.context.role, "os");
        refuse(&request, VERDICT_TAMPERED, "role os");
        request.context = right;
        strcpy(request.context.use, "probe");
        refuse(&request, VERDICT_TAMPERED, "use probe");
        /* The same letters, divided otherwise. */
        request.context = right;
        strcpy(request.context.role, "tem");
        strcpy(request.context.use, "pkeyslot");
        refuse(&request, VERDICT_TAMPERED, "does not verify");
}

static void test_key_files(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        static const size_t sizes[] = {0, 31, 33, 64};
        char version[64];
        int ends[2];

        (void)state;
        new_request(&request, 7);
        wrap(&request, 32, version);
        close_fd(request.fds[WIRE_FD_KEY]);
        request.fds[WIRE_FD_KEY] = key_file(8, 32);
        refuse(&request, VERDICT_MISCONFIGURED, "id cc1b900bfa8e49c6; the key file has id ");
        for (size_t i = 0; i < LENGTH(sizes); i++) {
                close_fd(request.fds[WIRE_FD_KEY]);
                request.fds[WIRE_FD_KEY] = key_file(7, sizes[i]);
                refuse(&request, VERDICT_MISCONFIGURED, "exactly 32 bytes");
        }
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        close_fd(request.fds[WIRE_FD_KEY]);
        request.fds[WIRE_FD_KEY] = ends[0];
        refuse(&request, VERDICT_MISCONFIGURED, "not a regular file");
        close_fd(ends[1]);
        close_fd(take_fd(&request.fds[WIRE_FD_KEY]));
        refuse(&request, VERDICT_MISCONFIGURED, "no key file");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_round_trip),
            cmocka_unit_test(test_key_id_is_known),
            cmocka_unit_test(test_two_wraps_differ),
            cmocka_unit_test(test_every_changed_bit_is_refused),
            cmocka_unit_test(test_every_length_is_refused),
            cmocka_unit_test(test_context_is_bound),
            cmocka_unit_test(test_key_files),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
