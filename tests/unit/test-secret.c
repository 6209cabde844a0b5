/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/secret.h from outside: the kernel's view of the pages (smaps), and their bytes at the moment
 * they go back. The linker sends the module's mlock(), madvise() and munmap() here. */

#include "unit.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/secret.h"

int __real_munmap(void *addr, size_t len);
int __real_mlock(const void *addr, size_t len);
int __real_madvise(void *addr, size_t len, int advice);
int __wrap_munmap(void *addr, size_t len);
int __wrap_mlock(const void *addr, size_t len);
int __wrap_madvise(void *addr, size_t len, int advice);

static struct {
        const uint8_t *watched; /* pages that are expected to go back */
        int seen, dirty;
        bool refuse_mlock, refuse_madvise;
        int unmapped; /* a mapping that is given up half-way must go back as well */
} hooks;

int __wrap_munmap(void *addr, size_t len)
{
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        const uint8_t *p = addr;

        if (hooks.watched == p + page) {
                hooks.seen++;
                for (size_t i = page; i < len - page; i++)
                        hooks.dirty += p[i] != 0;
        }
        hooks.unmapped++;
        return __real_munmap(addr, len);
}

int __wrap_mlock(const void *addr, size_t len)
{
        if (hooks.refuse_mlock) {
                errno = ENOMEM;
                return -1;
        }
        return __real_mlock(addr, len);
}

int __wrap_madvise(void *addr, size_t len, int advice)
{
        if (hooks.refuse_madvise) {
                errno = EINVAL;
                return -1;
        }
        return __real_madvise(addr, len, advice);
}

/* The VmFlags line of the mapping that holds address. */
static void vm_flags(const void *address, char *flags, size_t size)
{
        CLEANUP_FILE FILE *f = fopen("/proc/self/smaps", "re");
        char line[1024];
        bool inside = false;

        assert_non_null(f);
        flags[0] = '\0';
        while (fgets(line, sizeof(line), f)) {
                unsigned long start, end;

                if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
                        inside = (uintptr_t)address >= start && (uintptr_t)address < end;
                else if (inside && strncmp(line, "VmFlags:", 8) == 0)
                        (void)snprintf(flags, size, "%.*s ", (int)strcspn(line, "\n"), line);
        }
        assert_true(flags[0] != '\0');
}

static unsigned long locked_kb(void)
{
        CLEANUP_FILE FILE *f = fopen("/proc/self/status", "re");
        char line[256];
        unsigned long kb = 0;
        bool found = false;

        assert_non_null(f);
        while (!found && fgets(line, sizeof(line), f))
                found = sscanf(line, "VmLck: %lu", &kb) == 1;
        assert_true(found);
        return kb;
}

static void test_pages_are_locked_and_not_dumped(void **state)
{
        struct secret *s = NULL;
        char flags[256];
        unsigned long before = locked_kb();

        (void)state;
        assert_int_equal(secret_new(5000, &s), 0);
        vm_flags(secret_data(s), flags, sizeof(flags));
        assert_non_null(strstr(flags, " dd "));
        /* Under a sanitizer mlock() does nothing: the lock is tested in the other builds. */
#ifndef SANITIZED
        assert_non_null(strstr(flags, " lo "));
        assert_int_equal(locked_kb() - before, 8);
#endif
        secret_free(s);
        assert_int_equal(locked_kb(), before);
}

static void test_wiped_before_release(void **state)
{
        (void)state;
        for (size_t size = 1; size <= 8193; size += 4096) {
                struct secret *s = NULL;

                assert_int_equal(secret_new(size, &s), 0);
                memset(secret_data(s), 0xa5, size);
                hooks.watched = secret_bytes(s);
                hooks.seen = hooks.dirty = 0;
                secret_free(s);
                hooks.watched = NULL;
                assert_int_equal(hooks.seen, 1);
                assert_int_equal(hooks.dirty, 0);
        }
        secret_free(NULL);
}

static void test_truncate_wipes(void **state)
{
        CLEANUP_SECRET struct secret *s = NULL;

        (void)state;
        assert_int_equal(secret_copy("0123456789", 10, &s), 0);
        secret_truncate(s, 4);
        assert_int_equal(secret_size(s), 4);
        assert_memory_equal(secret_bytes(s), "0123\0\0\0\0\0\0", 10);
        secret_truncate(s, 0);
        assert_memory_equal(secret_bytes(s), "\0\0\0\0", 4);
}

static void test_unlockable_is_refused(void **state)
{
        struct secret *s = NULL;

        (void)state;
        hooks.unmapped = 0;
        hooks.refuse_mlock = true;
        assert_int_equal(secret_new(32, &s), -ENOMEM);
        hooks.refuse_mlock = false;
        hooks.refuse_madvise = true;
        assert_int_equal(secret_copy("x", 1, &s), -ENOMEM);
        assert_int_equal(secret_random(32, &s), -ENOMEM);
        hooks.refuse_madvise = false;
        assert_null(s);
        assert_int_equal(hooks.unmapped, 3);
}

static void test_sizes(void **state)
{
        struct secret *s = NULL;

        (void)state;
        assert_int_equal(secret_new(0, &s), -EINVAL);
        assert_int_equal(secret_new(SECRET_MAX + 1, &s), -EINVAL);
        assert_int_equal(secret_new(SIZE_MAX, &s), -EINVAL);
        assert_null(s);
        assert_int_equal(secret_new(SECRET_MAX, &s), 0);
        assert_int_equal(secret_size(s), SECRET_MAX);
        for (size_t i = 0; i < SECRET_MAX; i++)
                assert_int_equal(secret_bytes(s)[i], 0);
        secret_free(s);
}

static void test_equal(void **state)
{
        static const struct {
                const char *other;
                int equal;
        } rows[] = {{"abcd", 1},
                    {"abc", 0},
                    {"abcde", 0},
                    {"Abcd", 0},
                    {"abcD", 0},
                    {"ab\xe3"
                     "d",
                     0}};
        CLEANUP_SECRET struct secret *a = NULL;

        (void)state;
        assert_int_equal(secret_copy("abcd", 4, &a), 0);
        for (size_t i = 0; i < LENGTH(rows); i++) {
                CLEANUP_SECRET struct secret *b = NULL;

                assert_int_equal(secret_copy(rows[i].other, strlen(rows[i].other), &b), 0);
                ROW_ASSERT(secret_equal(a, b) == rows[i].equal, rows[i].other);
                ROW_ASSERT(secret_equal(b, a) == rows[i].equal, rows[i].other);
        }
}

static void test_random(void **state)
{
        static const uint8_t zero[64];
        CLEANUP_SECRET struct secret *a = NULL, *b = NULL;

        (void)state;
        assert_int_equal(secret_random(64, &a), 0);
        assert_int_equal(secret_random(64, &b), 0);
        assert_int_equal(secret_equal(a, b), 0);
        assert_memory_not_equal(secret_bytes(a), zero, 64);
        assert_memory_not_equal(secret_bytes(a) + 32, zero, 32);
}

static int in_child(void (*fn)(void))
{
        int status = -1;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                (void)signal(SIGSEGV, SIG_DFL);
                fn();
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static struct secret *private, *kept;

static void look_at_both(void)
{
        static const uint8_t zero[5000];

        if (memcmp(secret_bytes(private), zero, 5000) != 0)
                _exit(1);
        if (memcmp(secret_bytes(kept), "kept", 4) != 0)
                _exit(2);
}

static void wipe_and_look(void)
{
        struct secret *own = NULL, *gone[2] = {NULL};
        static const uint8_t zero[4096];

        if (secret_copy("gone", 4, &gone[0]) != 0 || secret_copy("own", 3, &own) != 0 ||
            secret_copy("gone", 4, &gone[1]) != 0)
                _exit(1);
        secret_free(gone[0]);
        secret_free(gone[1]);
        memset(secret_data(private), 0xa5, 5000);
        secret_wipe_all();
        if (memcmp(secret_bytes(own), zero, 4096) != 0)
                _exit(2);
        if (memcmp(secret_bytes(kept), zero, 4096) != 0)
                _exit(3);
        if (memcmp(secret_bytes(private), zero, 4096) != 0 || secret_bytes(private)[4999] != 0)
                _exit(4);
        secret_free(own);
}

/* A child has none of the parent's secrets but those that are meant for it, and can wipe all that
 * it has; the parent's stay. */
static void test_fork(void **state)
{
        (void)state;
        assert_int_equal(secret_new(5000, &private), 0);
        memset(secret_data(private), 0xa5, 5000);
        assert_int_equal(secret_copy("kept", 4, &kept), 0);
        assert_int_equal(secret_keep_on_fork(kept), 0);
        assert_int_equal(in_child(look_at_both), 0);
        assert_int_equal(in_child(wipe_and_look), 0);
        assert_int_equal(secret_bytes(private)[4999], 0xa5);
        assert_memory_equal(secret_bytes(kept), "kept", 4);
        secret_free(private);
        secret_free(kept);
        secret_wipe_all();
}

static void write_before(void)
{
        struct secret *s = NULL;

        if (secret_new(4096, &s) == 0)
                ((volatile uint8_t *)secret_data(s))[-1] = 1;
}

static void write_beyond(void)
{
        struct secret *s = NULL;

        if (secret_new(4096, &s) == 0)
                ((volatile uint8_t *)secret_data(s))[4096] = 1;
}

static void test_guard_pages(void **state)
{
        int status;

        (void)state;
        if (runs_slowly())
                return; /* valgrind would report what is meant here; the plain run has it */
        status = in_child(write_before);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
        status = in_child(write_beyond);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void harden(void)
{
        struct rlimit limit;

        if (secret_harden_process() != 0)
                _exit(1);
        if (prctl(PR_GET_DUMPABLE) != 0)
                _exit(2);
        if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_cur != 0 || limit.rlim_max != 0)
                _exit(3);
        if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur != limit.rlim_max)
                _exit(4);
}

static void test_harden(void **state)
{
        int status = in_child(harden);

        (void)state;
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_pages_are_locked_and_not_dumped),
            cmocka_unit_test(test_wiped_before_release),
            cmocka_unit_test(test_truncate_wipes),
            cmocka_unit_test(test_unlockable_is_refused),
            cmocka_unit_test(test_sizes),
            cmocka_unit_test(test_equal),
            cmocka_unit_test(test_random),
            cmocka_unit_test(test_fork),
            cmocka_unit_test(test_guard_pages),
            cmocka_unit_test(test_harden),
        };

        return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
