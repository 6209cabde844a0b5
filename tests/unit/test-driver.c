/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume/driver.h: which of the kernel's drivers is told, from texts in the form of /proc/crypto.
 */

#include "unit.h"

#include <sys/mman.h>

#include "base/fdio.h"
#include "volume/driver.h"

#define RECORD(name, driver, priority, internal)                                                   \
        "name         : " name "\n"                                                                \
        "driver       : " driver "\n"                                                              \
        "module       : kernel\n"                                                                  \
        "priority     : " priority "\n"                                                            \
        "refcnt       : 1\n"                                                                       \
        "selftest     : passed\n"                                                                  \
        "internal     : " internal "\n"                                                            \
        "type         : skcipher\n"                                                                \
        "async        : yes\n"                                                                     \
        "blocksize    : 16\n"                                                                      \
        "min keysize  : 32\n"                                                                      \
        "\n"

#define GENERIC RECORD("xts(aes)", "xts(ecb(aes-generic))", "100", "no")
#define AESNI   RECORD("xts(aes)", "xts-aes-aesni", "401", "no")
#define VAES    RECORD("xts(aes)", "xts-aes-vaes-avx10_512", "800", "no")

static const struct {
        const char *what, *text, *driver;
} found[] = {
    {"the only one", GENERIC, "xts(ecb(aes-generic))"},
    {"the highest comes first", VAES AESNI GENERIC, "xts-aes-vaes-avx10_512"},
    {"the highest comes last", GENERIC AESNI VAES, "xts-aes-vaes-avx10_512"},
    {"the highest in the middle", GENERIC VAES AESNI, "xts-aes-vaes-avx10_512"},
    {"priorities are numbers", RECORD("xts(aes)", "low", "99", "no") AESNI, "xts-aes-aesni"},
    {"the first of two equals",
     RECORD("xts(aes)", "first", "7", "no") RECORD("xts(aes)", "second", "7", "no"), "first"},
    {"priority 0", RECORD("xts(aes)", "weak", "0", "no"), "weak"},
    {"an internal one by its name", RECORD("__xts(aes)", "__xts-aes-aesni", "901", "no") GENERIC,
     "xts(ecb(aes-generic))"},
    {"an internal one by its flag", RECORD("xts(aes)", "hidden", "901", "yes") AESNI,
     "xts-aes-aesni"},
    {"others of higher priority",
     RECORD("cbc(aes)", "cbc-aes-aesni", "900", "no")
         GENERIC RECORD("xts(aes)x", "other", "900", "no"),
     "xts(ecb(aes-generic))"},
    {"no newline at the end", "name: xts(aes)\ndriver: bare\npriority: 1\ninternal: no", "bare"},
};

static const struct {
        const char *what, *text;
} absent[] = {
    {"an empty file", ""},
    {"other algorithms", RECORD("cbc(aes)", "cbc-aes-aesni", "400", "no")},
    {"internal ones only", RECORD("xts(aes)", "hidden", "400", "yes")},
    {"the name as a driver", RECORD("cbc(aes)", "xts(aes)", "400", "no")},
    {"no records", "hello\nname\nname :\n:\n"},
};

static int find(const char *text, char *ret, size_t size)
{
        CLEANUP_FD int fd = memfd_create("crypto", MFD_CLOEXEC);
        char path[32];

        assert_true(fd >= 0);
        assert_int_equal(write_full(fd, text, strlen(text)), 0);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return driver_find(path, "xts(aes)", ret, size);
}

static void test_finds(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(found); i++) {
                char driver[64] = "untouched";

                ROW_ASSERT(find(found[i].text, driver, sizeof(driver)) == 0, found[i].what);
                ROW_ASSERT(strcmp(driver, found[i].driver) == 0, found[i].what);
        }
}

static void test_finds_none(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(absent); i++) {
                char driver[64] = "untouched";

                ROW_ASSERT(find(absent[i].text, driver, sizeof(driver)) == -ENOENT, absent[i].what);
                ROW_ASSERT(strcmp(driver, "untouched") == 0, absent[i].what);
        }
}

static void test_cuts_a_long_name(void **state)
{
        char driver[8] = "";

        (void)state;
        assert_int_equal(find(AESNI, driver, sizeof(driver)), 0);
        assert_string_equal(driver, "xts-aes");
}

static void test_no_file(void **state)
{
        char driver[64] = "untouched";

        (void)state;
        assert_int_equal(driver_find("/proc/self/no-such-file", "x", driver, sizeof(driver)),
                         -ENOENT);
        assert_int_equal(driver_find("/proc/self/status/x", "x", driver, sizeof(driver)), -ENOTDIR);
        assert_string_equal(driver, "untouched");
}

/* Reads the real file, whatever is in it. */
static void test_this_kernel(void **state)
{
        char driver[64] = "";
        int r = driver_find(NULL, "sha256", driver, sizeof(driver));

        (void)state;
        assert_true(r == 0 || r == -ENOENT);
        assert_int_equal(r == 0, driver[0] != '\0');
}

static void test_generic(void **state)
{
        static const struct {
                const char *driver;
                int generic;
        } rows[] = {
            {"xts(ecb(aes-generic))", 1},
            {"aes-generic", 1},
            {"xts(ecb(aes-fixed-time))", 1},
            {"xts-aes-aesni", 0},
            {"xts-aes-aesni-avx", 0},
            {"xts-aes-vaes-avx10_256", 0},
            {"xts-aes-ce", 0},
            {"xts-aes-neonbs", 0},
            {"cryptd(__xts-aes-aesni)", 0},
            {"", 0},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++)
                ROW_ASSERT(driver_is_generic(rows[i].driver) == rows[i].generic, rows[i].driver);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_finds),
            cmocka_unit_test(test_finds_none),
            cmocka_unit_test(test_cuts_a_long_name),
            cmocka_unit_test(test_no_file),
            cmocka_unit_test(test_this_kernel),
            cmocka_unit_test(test_generic),
        };

        return cmocka_run_group_tests_name("driver", tests, NULL, NULL);
}
