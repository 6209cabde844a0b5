/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wire's parser: whatever breaks a rule is refused, and the caller's structure is untouched. */

#include "base/bytes.h"
#include "wire-fixture.h"

/* Where the field with this tag begins (its header). */
static size_t find_field(size_t len, unsigned int tag)
{
        for (size_t at = 8; at < len;) {
                if (bytes[at] == tag && bytes[at + 1] == 0)
                        return at;
                at += 6 + (bytes[at + 2] | (size_t)bytes[at + 3] << 8);
        }
        fail_msg("no field %u", tag);
        return 0;
}

static void refuse_request(size_t len)
{
        struct wire_request untouched, out;

        memset(&out, 0x5a, sizeof(out));
        untouched = out;
        assert_int_equal(wire_parse_request(bytes, len, shared, &out), -EBADMSG);
        assert_memory_equal(&out, &untouched, sizeof(out));
}

static void refuse_reply(size_t len)
{
        struct wire_reply out = {.plain = NULL};

        assert_int_equal(wire_parse_reply(bytes, len, shared, &out), -EBADMSG);
}

static void test_every_cut_is_refused(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REPLY struct wire_reply reply;
        struct wire_request out;
        size_t len;

        (void)state;
        fill_request(&request, WIRE_WRAP);
        len = record_of(&request, NULL);
        for (size_t cut = 0; cut < len; cut++)
                refuse_request(cut);
        assert_int_equal(wire_parse_request(bytes, len, shared, &out), 0);
        wire_request_done(&out);
        fill_reply(&reply);
        len = record_of(NULL, &reply);
        for (size_t cut = 0; cut < len; cut++) {
                /* A reply without its last field, the secret, must be refused as well. */
                refuse_reply(cut);
        }
}

static void test_malformed_fields_are_refused(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        size_t len, at;

        (void)state;
        fill_request(&request, WIRE_UNWRAP);
        len = record_of(&request, NULL);
        memcpy(bytes + len, bytes + 8, 10); /* the first field twice */
        refuse_request(len + 10);

        record_of(&request, NULL);
        bytes[0] ^= 1; /* another kind or version */
        refuse_request(len);

        record_of(&request, NULL);
        bytes[4] = 1; /* a descriptor that did not come */
        refuse_request(len);

        record_of(&request, NULL);
        bytes[find_field(len, 8)] = 99; /* unknown in place of a required one */
        refuse_request(len);

        record_of(&request, NULL);
        memcpy(bytes + len, (uint8_t[]){99, 0, 0, 0, 0, 0}, 6); /* unknown and superfluous */
        refuse_request(len + 6);

        record_of(&request, NULL);
        put_le32(bytes + find_field(len, 3) + 2, 0xffffffffU);
        refuse_request(len);

        record_of(&request, NULL);
        bytes[find_field(len, 3) + 8] = '\0'; /* a text that ends early */
        refuse_request(len);

        record_of(&request, NULL);
        bytes[find_field(len, 3) + 8] = '\n';
        refuse_request(len);

        record_of(&request, NULL);
        at = find_field(len, 1);
        put_le32(bytes + at + 6, 3); /* no such operation */
        refuse_request(len);
        put_le32(bytes + at + 6, WIRE_WRAP); /* a wrap that brings a blob and no secret */
        refuse_request(len);

        record_of(&request, NULL);
        put_le32(bytes + find_field(len, 2) + 6, 0);
        refuse_request(len);
        put_le32(bytes + find_field(len, 2) + 6, 600001);
        refuse_request(len);
}

static void test_nonsense_replies_are_refused(void **state)
{
        CLEANUP_REPLY struct wire_reply reply;
        size_t len;

        (void)state;
        fill_reply(&reply);
        len = record_of(NULL, &reply);
        put_le32(bytes + find_field(len, 1) + 6, VERDICT_MAX_ + 1);
        refuse_reply(len);
        put_le32(bytes + find_field(len, 1) + 6, 0xffffffffU);
        refuse_reply(len);
        put_le32(bytes + find_field(len, 1) + 6, VERDICT_KEY_STATE); /* denied, yet with a secret */
        refuse_reply(len);

        reply.wrapped.len = 4; /* both a blob and a secret */
        refuse_reply(record_of(NULL, &reply));
        reply.wrapped.len = 0;
        secret_free(reply.plain);
        reply.plain = NULL; /* neither */
        refuse_reply(record_of(NULL, &reply));
}

/* What a record says of the secret beside it. */
static void test_sizes_of_secrets(void **state)
{
        static const uint32_t wrong[] = {0, WIRE_SECRET_MAX + 1, 0x10020, 0xffffffffU};
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REPLY struct wire_reply reply;
        size_t len;

        (void)state;
        fill_request(&request, WIRE_WRAP);
        len = record_of(&request, NULL);
        for (size_t i = 0; i < LENGTH(wrong); i++) {
                put_le32(bytes + find_field(len, 10) + 6, wrong[i]);
                refuse_request(len);
        }
        put_le32(bytes + find_field(len, 10) + 6, 1);
        put_le32(bytes + find_field(len, 10) + 2, 3); /* no number */
        refuse_request(len - 1);

        fill_reply(&reply);
        len = record_of(NULL, &reply);
        for (size_t i = 0; i < LENGTH(wrong); i++) {
                put_le32(bytes + find_field(len, 12) + 6, wrong[i]);
                refuse_reply(len);
        }
        len = record_of(NULL, &reply);
        bytes[4] = 1; /* a reply brings no descriptors */
        refuse_reply(len);
}

static void test_secret_without_shared_memory_is_refused(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        CLEANUP_REPLY struct wire_reply reply;
        struct wire_request got_request;
        struct wire_reply got;
        size_t len;

        (void)state;
        fill_request(&request, WIRE_WRAP);
        len = record_of(&request, NULL);
        assert_int_equal(wire_parse_request(bytes, len, NULL, &got_request), -EBADMSG);
        fill_reply(&reply);
        len = record_of(NULL, &reply);
        assert_int_equal(wire_parse_reply(bytes, len, NULL, &got), -EBADMSG);
}

/* Any change of one byte either parses or is refused, without harm (for the sanitizers). */
static void test_changed_bytes_do_no_harm(void **state)
{
        CLEANUP_REQUEST struct wire_request request;
        size_t len, refused = 0;

        (void)state;
        fill_request(&request, WIRE_WRAP);
        len = record_of(&request, NULL);
        for (size_t at = 0; at < len; at++)
                for (unsigned int change = 1; change < 256; change <<= 1) {
                        struct wire_request got;

                        bytes[at] = (uint8_t)(bytes[at] ^ change);
                        if (wire_parse_request(bytes, len, shared, &got) == 0)
                                wire_request_done(&got);
                        else
                                refused++;
                        bytes[at] = (uint8_t)(bytes[at] ^ change);
                }
        assert_true(refused > 500);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_every_cut_is_refused),
            cmocka_unit_test(test_malformed_fields_are_refused),
            cmocka_unit_test(test_nonsense_replies_are_refused),
            cmocka_unit_test(test_sizes_of_secrets),
            cmocka_unit_test(test_secret_without_shared_memory_is_refused),
            cmocka_unit_test(test_changed_bytes_do_no_harm),
        };

        return cmocka_run_group_tests(tests, make_shared, release_shared);
}
