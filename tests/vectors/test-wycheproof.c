/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Wycheproof's cases for what this project uses of libcrypto, through the project's own functions:
 * it is how they call the library that is under test. */

#include "../unit/unit.h"
#include "kms/aead.h"
#include "token/mac.h"
#include "vectors.h"

enum { BYTES_MAX = 1024 };

struct suite {
        const char *path;
        void (*check)(const struct vector *vector, int valid);
        unsigned int cases;
};

static void expect(const struct vector *vector, int condition, const char *what)
{
        if (!condition)
                fail_msg("case %s (%s): %s", vector_get(vector, "id"),
                         vector_find(vector, "comment") ? vector_find(vector, "comment") : "",
                         what);
}

static void check_aead(const struct vector *vector, int valid)
{
        static const uint8_t zeroes[BYTES_MAX];
        uint8_t key[AEAD_KEY_SIZE], nonce[AEAD_NONCE_SIZE], tag[AEAD_TAG_SIZE];
        uint8_t aad[BYTES_MAX], plain[BYTES_MAX], cipher[BYTES_MAX], out[BYTES_MAX];
        uint8_t made[AEAD_TAG_SIZE];
        size_t aad_len, len;
        int r;

        assert_int_equal(vector_hex(vector, "key", key, sizeof(key)), sizeof(key));
        assert_int_equal(vector_hex(vector, "nonce", nonce, sizeof(nonce)), sizeof(nonce));
        assert_int_equal(vector_hex(vector, "tag", tag, sizeof(tag)), sizeof(tag));
        aad_len = vector_hex(vector, "aad", aad, sizeof(aad));
        len = vector_hex(vector, "plain", plain, sizeof(plain));
        assert_int_equal(vector_hex(vector, "cipher", cipher, sizeof(cipher)), len);

        memset(out, 0xa5, sizeof(out));
        r = aead_open(key, nonce, aad, aad_len, cipher, len, tag, out);
        if (!valid) {
                expect(vector, r == AEAD_E_TAG, "opened, or failed otherwise");
                expect(vector, memcmp(out, zeroes, len) == 0, "plaintext that was not verified");
                return;
        }
        expect(vector, r == 0 && memcmp(out, plain, len) == 0, "not opened");
        r = aead_seal(key, nonce, aad, aad_len, plain, len, plain, made);
        expect(vector, r == 0 && memcmp(plain, cipher, len) == 0, "another ciphertext");
        expect(vector, memcmp(made, tag, sizeof(tag)) == 0, "another tag");
}

static void check_hmac(const struct vector *vector, int valid)
{
        uint8_t key[BYTES_MAX], message[BYTES_MAX], tag[MAC_SIZE], made[MAC_SIZE];
        size_t key_len = vector_hex(vector, "key", key, sizeof(key));
        size_t len = vector_hex(vector, "message", message, sizeof(message));

        assert_int_equal(vector_hex(vector, "tag", tag, sizeof(tag)), MAC_SIZE);
        assert_int_equal(mac_hmac_sha256(key, key_len, message, len, made), 0);
        expect(vector, (memcmp(made, tag, MAC_SIZE) == 0) == valid, "the tag");
}

static void check_hkdf(const struct vector *vector, int valid)
{
        uint8_t ikm[BYTES_MAX], salt[BYTES_MAX], info[BYTES_MAX], okm[BYTES_MAX];
        size_t ikm_len = vector_hex(vector, "secret", ikm, sizeof(ikm));
        size_t salt_len = vector_hex(vector, "salt", salt, sizeof(salt));
        size_t info_len = vector_hex(vector, "info", info, sizeof(info));
        size_t size = strtoul(vector_get(vector, "size"), NULL, 10);
        struct secret *secret CLEANUP_SECRET = NULL, *made CLEANUP_SECRET = NULL;
        int r;

        assert_int_equal(secret_copy(ikm, ikm_len, &secret), 0);
        r = mac_hkdf_sha256(secret, salt, salt_len, info, info_len, size, &made);
        if (!valid) {
                expect(vector, r < 0 && !made, "derived more than can be");
                return;
        }
        expect(vector, r == 0 && secret_size(made) == size, "not derived");
        assert_int_equal(vector_hex(vector, "derived", okm, sizeof(okm)), size);
        expect(vector, memcmp(secret_bytes(made), okm, size) == 0, "other bytes");
}

static struct suite suites[] = {
    {NULL, check_aead, 66},
    {NULL, check_hmac, 87},
    {NULL, check_hkdf, 83},
};

static void test_suite(void **state)
{
        const struct suite *suite = *state;
        unsigned int cases = 0, valid = 0;
        struct vector vector;
        FILE *file = fopen(suite->path, "re");

        assert_non_null(file);
        while (vector_next(file, &vector)) {
                int is_valid = strcmp(vector_get(&vector, "result"), "valid") == 0;

                suite->check(&vector, is_valid);
                valid += (unsigned int)is_valid;
                cases++;
                vector_done(&vector);
        }
        fclose(file);
        printf("# %u cases, %u of them valid\n", cases, valid);
        assert_int_equal(cases, suite->cases);
        assert_in_range(valid, 1, cases - 1);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_prestate(test_suite, &suites[0]),
            cmocka_unit_test_prestate(test_suite, &suites[1]),
            cmocka_unit_test_prestate(test_suite, &suites[2]),
        };

        if (argc != 1 + (int)LENGTH(suites))
                return 2;
        for (size_t i = 0; i < LENGTH(suites); i++)
                suites[i].path = argv[i + 1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
