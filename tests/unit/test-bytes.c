/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/bytes.h: base64 both ways against RFC 4648 and against itself, and what it must refuse. */

#include "unit.h"

#include <errno.h>

#include "base/bytes.h"

static const struct {
        const char *plain, *encoded;
} rfc4648[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void test_rfc4648(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(rfc4648); i++) {
                char text[16];
                uint8_t out[16] = {0};
                size_t len = 99;

                base64_encode(rfc4648[i].plain, strlen(rfc4648[i].plain), text);
                assert_string_equal(text, rfc4648[i].encoded);
                assert_int_equal(base64_decode(text, strlen(text), out, sizeof(out), &len), 0);
                assert_int_equal(len, strlen(rfc4648[i].plain));
                assert_memory_equal(out, rfc4648[i].plain, len);
        }
}

static void test_whole_alphabet(void **state)
{
        static const char alphabet[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        uint8_t bytes[48];
        char text[65];
        size_t len;

        (void)state;
        assert_int_equal(base64_decode(alphabet, 64, bytes, sizeof(bytes), &len), 0);
        assert_int_equal(len, 48);
        for (unsigned int i = 0; i < 64; i++) {
                size_t bit = 6 * i;
                unsigned int pair = (unsigned int)bytes[bit / 8] << 8;

                if (bit / 8 + 1 < sizeof(bytes))
                        pair |= bytes[bit / 8 + 1];
                assert_int_equal(pair >> (10 - bit % 8) & 63, i);
        }
        base64_encode(bytes, sizeof(bytes), text);
        assert_string_equal(text, alphabet);
}

static void test_round_trip_in_place(void **state)
{
        uint8_t data[100];
        char buf[BASE64_LEN(sizeof(data)) + 1];

        (void)state;
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t)(i * 151 + 7);
        for (size_t n = 0; n <= sizeof(data); n++) {
                size_t len = 0;

                base64_encode(data, n, buf);
                assert_int_equal(strlen(buf), BASE64_LEN(n));
                assert_int_equal(base64_decode(buf, strlen(buf), buf, n, &len), 0);
                assert_int_equal(len, n);
                assert_memory_equal(buf, data, n);
        }
}

static void test_refuses(void **state)
{
        static const char *const bad[] = {
            "Z",    "Zg",    "Zg=",      "Zm9",  "=",        "====",         "Z===",    "Zg==Zg==",
            "Zm=v", "Zm9v=", "Zm9v====", "Zm 9", "Zm9v\n",   "Zm9v\n\n\n\n", " Zm9",    "Zm9-",
            "Zm9_", "Zm9*",  "Zh==",     "Zm9=", "Zm9v,m9v", "Zm9\x80",      "Zm9\xff", "Zm9.",
            "Zm9:", "Zm9@",  "Zm9[",     "Zm9`", "Zm9{",
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(bad); i++) {
                uint8_t out[32];
                size_t len = 99;

                ROW_ASSERT(base64_decode(bad[i], strlen(bad[i]), out, sizeof(out), &len) == -EINVAL,
                           bad[i]);
                ROW_ASSERT(len == 99, bad[i]);
        }
        {
                uint8_t out[4];
                size_t len = 99;

                assert_int_equal(base64_decode("Zm9\0", 4, out, sizeof(out), &len), -EINVAL);
        }
}

static void test_too_small(void **state)
{
        uint8_t out[6] = {1, 2, 3, 4, 5, 6};
        size_t len = 99;

        (void)state;
        assert_int_equal(base64_decode("Zm9vYmFy", 8, out, 5, &len), -ENOBUFS);
        assert_int_equal(len, 99);
        assert_int_equal(out[0], 1);
        assert_int_equal(base64_decode("Zm9vYmE=", 8, out, 5, &len), 0);
        assert_int_equal(out[5], 6);
}

static void test_hex(void **state)
{
        static const uint8_t data[] = {0x00, 0x09, 0x0a, 0x9f, 0xa0, 0xff, 0x5c};
        char text[2 * sizeof(data) + 1];

        (void)state;
        hex_encode(data, sizeof(data), text);
        assert_string_equal(text, "00090a9fa0ff5c");
        hex_encode(data, 0, text);
        assert_string_equal(text, "");
}

static void test_integers(void **state)
{
        uint8_t out[4];

        (void)state;
        put_le32(out, 0x01020304);
        assert_memory_equal(out, "\4\3\2\1", 4);
        assert_int_equal(get_be((const uint8_t *)"\1\2\3", 3), 0x010203);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_rfc4648),
            cmocka_unit_test(test_whole_alphabet),
            cmocka_unit_test(test_round_trip_in_place),
            cmocka_unit_test(test_refuses),
            cmocka_unit_test(test_too_small),
            cmocka_unit_test(test_hex),
            cmocka_unit_test(test_integers),
        };

        return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
