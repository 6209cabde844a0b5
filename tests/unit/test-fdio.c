/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/fdio.h: which files are refused by owner, mode and kind; whole reads and writes. */

#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/fdio.h"

static char dir[] = "/tmp/luks-kms-test-fdio-XXXXXX";
static char path[PATH_MAX];

static int setup(void **state)
{
        (void)state;
        if (!mkdtemp(dir))
                return -1;
        (void)snprintf(path, sizeof(path), "%s/file", dir);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        (void)unlink(path);
        return rmdir(dir);
}

static void make_file(mode_t mode, uid_t owner)
{
        int fd;

        (void)unlink(path);
        fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write_full(fd, "hello", 5), 0);
        if (owner != geteuid())
                assert_int_equal(fchown(fd, owner, (gid_t)-1), 0);
        assert_int_equal(fchmod(fd, mode), 0);
        close_fd(fd);
}

static const struct {
        mode_t mode;
        int flags, result;
        const char *advice; /* without the path */
} modes[] = {
    {0600, 0, 0, ""},
    {0644, 0, 0, ""},
    {0444, 0, 0, ""},
    {0755, 0, 0, ""},
    {0664, 0, FILE_E_UNSAFE, "chmod go-w "},
    {0646, 0, FILE_E_UNSAFE, "chmod go-w "},
    {0620, 0, FILE_E_UNSAFE, "chmod go-w "},
    {0602, 0, FILE_E_UNSAFE, "chmod go-w "},
    {0600, FILE_PRIVATE, 0, ""},
    {0400, FILE_PRIVATE, 0, ""},
    {0611, FILE_PRIVATE, 0, ""},
    {0640, FILE_PRIVATE, FILE_E_UNSAFE, "chmod 0600 "},
    {0604, FILE_PRIVATE, FILE_E_UNSAFE, "chmod 0600 "},
    {0644, FILE_PRIVATE, FILE_E_UNSAFE, "chmod 0600 "},
    {0622, FILE_PRIVATE, FILE_E_UNSAFE, "chmod go-w "},
};

static void test_modes(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(modes); i++) {
                struct diag diag = DIAG_INIT;
                CLEANUP_FD int fd = -1;
                char name[32], advice[PATH_MAX + 32] = "";

                (void)snprintf(name, sizeof(name), "mode %04o flags %d", modes[i].mode,
                               modes[i].flags);
                make_file(modes[i].mode, geteuid());
                ROW_ASSERT(file_open_trusted(path, modes[i].flags, &fd, &diag) == modes[i].result,
                           name);
                ROW_ASSERT((fd >= 0) == (modes[i].result == 0), name);
                if (modes[i].result == 0) {
                        ROW_ASSERT(fcntl(fd, F_GETFD) == FD_CLOEXEC, name);
                        continue;
                }
                assert_string_equal(diag.rule, "unsafe-file");
                assert_non_null(strstr(diag.message, path));
                (void)snprintf(advice, sizeof(advice), "%s%s", modes[i].advice, path);
                assert_string_equal(diag.advice, advice);
        }
}

static void test_owner(void **state)
{
        struct diag diag = DIAG_INIT;
        int fd = -1;

        (void)state;
        if (geteuid() != 0) {
                print_message("only root can give a file away\n");
                skip();
        }
        make_file(0600, 12345);
        assert_int_equal(file_open_trusted(path, 0, &fd, &diag), FILE_E_UNSAFE);
        assert_int_equal(fd, -1);
        assert_non_null(strstr(diag.message, "12345"));
        assert_memory_equal(diag.advice, "chown root: ", 12);
}

static void test_kinds(void **state)
{
        struct diag diag = DIAG_INIT;
        int fd = -1;

        (void)state;
        (void)unlink(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        (void)alarm(10);
        assert_int_equal(file_open_trusted(path, 0, &fd, &diag), FILE_E_UNSAFE);
        (void)alarm(0);
        assert_non_null(strstr(diag.message, "no regular file"));
        assert_int_equal(file_open_trusted(dir, 0, &fd, NULL), FILE_E_UNSAFE);
        assert_int_equal(file_open_trusted("/dev/zero", 0, &fd, NULL), FILE_E_UNSAFE);
        (void)unlink(path);
        assert_int_equal(file_open_trusted(path, 0, &fd, &diag), -ENOENT);
        assert_non_null(strstr(diag.message, "No such file or directory"));
        assert_int_equal(fd, -1);
}

static void test_pread_pwrite(void **state)
{
        CLEANUP_FD int fd = -1;
        char buf[8] = "";

        (void)state;
        make_file(0600, geteuid());
        fd = open(path, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(pread_full(fd, buf, 4, 1), 0);
        assert_string_equal(buf, "ello");
        assert_int_equal(pread_full(fd, buf, 5, 1), -ENODATA);
        assert_int_equal(pread_full(fd, buf, 1, 5), -ENODATA);
        assert_int_equal(pwrite_full(fd, "J", 1, 0), 0);
        assert_int_equal(pread_full(fd, buf, 5, 0), 0);
        assert_string_equal(buf, "Jello");
        assert_int_equal(pread_full(-1, buf, 1, 0), -EBADF);
        assert_int_equal(pwrite_full(-1, buf, 1, 0), -EBADF);
        assert_int_equal(write_full(-1, buf, 1), -EBADF);
}

static void test_full_device(void **state)
{
        CLEANUP_FD int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

        (void)state;
        assert_true(fd >= 0);
        assert_int_equal(write_full(fd, "x", 1), -ENOSPC);
        assert_int_equal(pwrite_full(fd, "x", 1, 0), -ENOSPC);
}

static void test_read_text(void **state)
{
        static const struct {
                size_t max;
                int result;
        } rows[] = {{4, -EFBIG}, {0, -EFBIG}, {5, 0}, {6, 0}, {4096, 0}};

        (void)state;
        make_file(0600, geteuid());
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
                CLEANUP_FREE char *text = NULL;
                size_t len = 99;

                assert_int_equal(fd_read_text(fd, rows[i].max, &text, &len), rows[i].result);
                if (rows[i].result == 0) {
                        assert_int_equal(len, 5);
                        assert_string_equal(text, "hello");
                } else {
                        assert_null(text);
                        assert_int_equal(len, 99);
                }
        }
}

static void test_read_text_from_pipe(void **state)
{
        CLEANUP_FREE char *text = NULL;
        size_t len = 0;
        int fds[2];

        (void)state;
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(write_full(fds[1], "a\0b", 3), 0);
        close_fd(fds[1]);
        assert_int_equal(fd_read_text(fds[0], 10, &text, &len), 0);
        close_fd(fds[0]);
        assert_int_equal(len, 3);
        assert_memory_equal(text, "a\0b", 4);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_modes),
            cmocka_unit_test(test_owner),
            cmocka_unit_test(test_kinds),
            cmocka_unit_test(test_pread_pwrite),
            cmocka_unit_test(test_full_device),
            cmocka_unit_test(test_read_text),
            cmocka_unit_test(test_read_text_from_pipe),
        };

        return cmocka_run_group_tests_name("fdio", tests, setup, teardown);
}
