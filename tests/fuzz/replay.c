/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stands in for libFuzzer: feeds a target each file of its corpus, and each of the file's
 * beginnings, on the heap at its exact length, where valgrind and the sanitizers see one byte too
 * far. An empty or missing corpus is a failure. */

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "fuzz.h"

#include <fcntl.h>

enum { FILE_MAX = 1 << 20, PREFIXES_MAX = 4096 };

static void feed(const char *text, size_t len)
{
        CLEANUP_FREE char *copy = malloc(len > 0 ? len : 1);

        MUST(copy);
        memcpy(copy, text, len);
        (void)LLVMFuzzerTestOneInput((const uint8_t *)copy, len);
}

static int replay_file(int dir, const char *name)
{
        CLEANUP_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
        CLEANUP_FREE char *text = NULL;
        size_t len, step;
        int r = fd < 0 ? -errno : fd_read_text(fd, FILE_MAX, &text, &len);

        if (r < 0) {
                (void)fprintf(stderr, "%s: %s\n", name, strerror(-r));
                return r;
        }
        step = len / PREFIXES_MAX + 1;
        for (size_t n = 0; n < len; n += step)
                feed(text, n);
        feed(text, len);
        return 0;
}

static void close_dir(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

int main(int argc, char **argv)
{
        unsigned int files = 0;

        for (int i = 1; i < argc; i++) {
                CLEANUP(close_dir) DIR *dir = opendir(argv[i]);
                const struct dirent *entry;

                if (!dir) {
                        perror(argv[i]);
                        return 1;
                }
                while ((entry = readdir(dir))) {
                        if (entry->d_name[0] == '.')
                                continue;
                        if (replay_file(dirfd(dir), entry->d_name) < 0)
                                return 1;
                        files++;
                }
        }
        (void)printf("%u files replayed\n", files);
        return files > 0 ? 0 : 1;
}
