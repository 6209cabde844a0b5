/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A look at processes from outside, through /proc: what the worker says of itself is no evidence.
 */

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "contract.h"

enum { TEXT_MAX = 1 << 20, CHUNK = 1 << 20 };

char *proc_text(pid_t pid, const char *file)
{
        char path[64], *text;
        CLEANUP_FD int fd = -1;
        size_t len;

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fd_read_text(fd, TEXT_MAX, &text, &len) < 0)
                return NULL;
        for (size_t i = 0; i < len; i++)
                if (text[i] == '\0')
                        text[i] = '\n';
        return text;
}

static bool find_field(const char *text, const char *field, char *buf, size_t size)
{
        size_t len = strlen(field);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, field, len) == 0 && line[len] == ':') {
                        line += len + 1;
                        line += strspn(line, " \t");
                        (void)snprintf(buf, size, "%.*s", (int)strcspn(line, "\n"), line);
                        return true;
                }
        }
        return false;
}

void proc_field(pid_t pid, const char *file, const char *field, char *buf, size_t size)
{
        CLEANUP_FREE char *text = proc_text(pid, file);

        assert_non_null(text);
        if (!find_field(text, field, buf, size))
                fail_msg("/proc/%d/%s has no %s", pid, file, field);
}

pid_t child_of(pid_t parent, const char *name)
{
        DIR *dir = opendir("/proc");
        struct dirent *entry;
        pid_t found = 0;

        assert_non_null(dir);
        while ((entry = readdir(dir))) {
                pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
                CLEANUP_FREE char *status = pid > 0 ? proc_text(pid, "status") : NULL;
                char value[64];

                if (!status || !find_field(status, "PPid", value, sizeof(value)) ||
                    strtol(value, NULL, 10) != parent ||
                    !find_field(status, "Name", value, sizeof(value)) || strcmp(value, name) != 0)
                        continue;
                assert_int_equal(found, 0);
                found = pid;
        }
        closedir(dir);
        return found;
}

pid_t idle_worker(void)
{
        pid_t pid = child_of(getpid(), "luks-kms-worker");
        long call = -1;

        assert_true(pid > 0);
        for (int i = 0; i < 500 && call != SYS_recvmsg; i++) {
                CLEANUP_FREE char *text = proc_text(pid, "syscall");

                assert_non_null(text);
                if (sscanf(text, "%ld", &call) != 1 || call != SYS_recvmsg)
                        clock_sleep_ms(10);
        }
        assert_int_equal(call, SYS_recvmsg);
        return pid;
}

/* Reads one mapping; what lies on the border of two chunks is seen by the overlap. */
static size_t count_in(int mem, uint64_t from, uint64_t to, const void *bytes, size_t len,
                       uint8_t *chunk)
{
        size_t count = 0;

        while (to - from >= len) {
                size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
                ssize_t n = pread(mem, chunk, want, (off_t)from);
                const uint8_t *at = chunk, *hit;

                if (n < (ssize_t)len)
                        break; /* a guard page, or a mapping of the kernel's own */
                while ((hit = memmem(at, (size_t)n - (size_t)(at - chunk), bytes, len))) {
                        count++;
                        at = hit + 1;
                }
                from += (uint64_t)n - len + 1;
        }
        return count;
}

size_t memory_count(pid_t pid, const void *bytes, size_t len)
{
        CLEANUP_FREE char *maps = proc_text(pid, "maps");
        uint8_t *chunk = malloc(CHUNK);
        CLEANUP_FD int mem = -1;
        char path[64];
        size_t count = 0, mappings = 0;

        assert_non_null(maps);
        assert_non_null(chunk);
        (void)snprintf(path, sizeof(path), "/proc/%d/mem", pid);
        mem = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(mem >= 0);
        for (const char *line = maps; line && *line; line = strchr(line, '\n')) {
                unsigned long from, to;
                char mode[8];

                line += *line == '\n';
                if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 && mode[1] == 'w') {
                        count += count_in(mem, from, to, bytes, len, chunk);
                        mappings++;
                }
        }
        explicit_bzero(chunk, CHUNK);
        free(chunk);
        assert_true(mappings > 3);
        return count;
}

void assert_no_children(void)
{
        int status;

        assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

size_t count_open(void)
{
        DIR *dir = opendir("/proc/self/fd");
        size_t n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}
