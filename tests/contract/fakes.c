/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Workers that misbehave, and what they leave in the shared memory of their call. */

#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "contract.h"

static char dir[64];

int fakes_make(void **state)
{
        (void)state;
        strcpy(dir, "/tmp/luks-kms-fakes.XXXXXX");
        return mkdtemp(dir) ? chmod(dir, 0755) : -1;
}

int fakes_remove(void **state)
{
        struct dirent *entry;
        DIR *links = opendir(dir);

        (void)state;
        while (links && (entry = readdir(links)))
                if (entry->d_name[0] != '.')
                        (void)unlinkat(dirfd(links), entry->d_name, 0);
        if (links)
                closedir(links);
        return rmdir(dir);
}

void fake_path(const char *mode, char path[FAKE_PATH])
{
        (void)snprintf(path, FAKE_PATH, "%s/%s", dir, mode);
        if (symlink(programs.fake, path) < 0)
                assert_int_equal(errno, EEXIST);
}

const uint8_t *shared_look(void)
{
        const void *view = MAP_FAILED;
        size_t found = 0;

        for (int fd = 0; fd < 1024; fd++) {
                char path[64], target[128] = "";

                (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
                if (readlink(path, target, sizeof(target) - 1) > 0 &&
                    strncmp(target, "/memfd:luks-kms-wire", 20) == 0) {
                        view = mmap(NULL, WIRE_SECRET_MAX, PROT_READ, MAP_SHARED, fd, 0);
                        found++;
                }
        }
        assert_int_equal(found, 1);
        assert_true(view != MAP_FAILED);
        return view;
}

void shared_unlook(const uint8_t *view)
{
        assert_int_equal(munmap((void *)(uintptr_t)view, WIRE_SECRET_MAX), 0);
}

bool shared_is_zero(const uint8_t *view)
{
        static const uint8_t zero[WIRE_SECRET_MAX];

        return memcmp(view, zero, sizeof(zero)) == 0;
}
