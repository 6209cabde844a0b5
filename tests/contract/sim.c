/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starts and steers tests/sim/aws-kms, through the files in its directory (tests/sim/README.md). */

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "contract.h"

enum { PATH_SIZE = 128, LOG_MAX = 8 << 20, START_MS = 30000 };

static void path_of(const struct sim *sim, const char *name, char path[PATH_SIZE])
{
        assert_true(snprintf(path, PATH_SIZE, "%s/%s", sim->dir, name) < PATH_SIZE);
}

static char *read_file(const struct sim *sim, const char *name)
{
        CLEANUP_FD int fd = -1;
        char path[PATH_SIZE], *text = NULL;
        size_t len;

        path_of(sim, name, path);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return NULL;
        assert_int_equal(fd_read_text(fd, LOG_MAX, &text, &len), 0);
        return text;
}

static _Noreturn void run_sim(const struct sim *sim)
{
        char pid[16];

        (void)snprintf(pid, sizeof(pid), "%d", getppid());
        (void)execl(programs.sim, programs.sim, "--dir", sim->dir, "--with-pid", pid, NULL);
        _exit(127);
}

void sim_start(struct sim *sim)
{
        uint64_t deadline = clock_now_ms() + START_MS;
        CLEANUP_FREE char *url = NULL;

        strcpy(sim->dir, "/tmp/luks-kms-contract.XXXXXX");
        assert_non_null(mkdtemp(sim->dir));
        sim->pid = fork();
        assert_true(sim->pid >= 0);
        if (sim->pid == 0)
                run_sim(sim);
        while (!(url = read_file(sim, "ready"))) {
                assert_int_equal(waitpid(sim->pid, NULL, WNOHANG), 0);
                assert_true(clock_left_ms(deadline) > 0);
                clock_sleep_ms(20);
        }
        url[strcspn(url, "\n")] = '\0';
        assert_true(strlen(url) < sizeof(sim->url));
        strcpy(sim->url, url);
}

static void remove_dir(const char *dir)
{
        pid_t pid = fork();

        if (pid == 0) {
                (void)execlp("rm", "rm", "-rf", "--", dir, NULL);
                _exit(127);
        }
        (void)waitpid(pid, NULL, 0);
}

void sim_stop(struct sim *sim)
{
        int status = -1;

        if (sim->pid <= 0)
                return;
        (void)kill(sim->pid, SIGTERM);
        while (waitpid(sim->pid, &status, 0) < 0 && errno == EINTR)
                ;
        sim->pid = 0;
        remove_dir(sim->dir);
        /* 3: it was given a fault that is none */
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void sim_fault(const struct sim *sim, const char *fault)
{
        char path[PATH_SIZE], new[PATH_SIZE];
        FILE *file;

        path_of(sim, "fault", path);
        path_of(sim, "fault.new", new);
        file = fopen(new, "we");
        assert_non_null(file);
        assert_true(fprintf(file, "%s\n", fault) > 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(rename(new, path), 0);
}

int sim_open(const struct sim *sim, const char *name)
{
        char path[PATH_SIZE];
        int fd;

        path_of(sim, name, path);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static size_t count_lines(const char *text, const char **ret_last)
{
        size_t n = 0;

        for (const char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
                *ret_last = line;
                n++;
        }
        return n;
}

size_t sim_requests(const struct sim *sim, char **ret_last)
{
        CLEANUP_FREE char *log = read_file(sim, "requests.log");
        const char *last = "";
        size_t n = count_lines(log, &last);

        if (ret_last) {
                *ret_last = strdup(last);
                assert_non_null(*ret_last);
        }
        return n;
}

size_t sim_connections(const struct sim *sim)
{
        CLEANUP_FREE char *log = read_file(sim, "connections.log");
        const char *last;

        return count_lines(log, &last);
}

void sim_credential(const struct sim *sim, const char *section, const char *name, char *buf,
                    size_t size)
{
        CLEANUP_FD int fd = sim_open(sim, "credentials");
        CLEANUP_FILE FILE *file = fdopen(fd, "r");
        char line[512], header[64];
        bool inside = false;

        assert_non_null(file);
        fd = -1;
        (void)snprintf(header, sizeof(header), "[%s]", section);
        while (fgets(line, sizeof(line), file)) {
                line[strcspn(line, "\n")] = '\0';
                if (line[0] == '[')
                        inside = strcmp(line, header) == 0;
                if (inside && strncmp(line, name, strlen(name)) == 0) {
                        (void)snprintf(buf, size, "%s", strchr(line, '=') + 1);
                        memmove(buf, buf + strspn(buf, " "), strlen(buf + strspn(buf, " ")) + 1);
                        return;
                }
        }
        fail_msg("no %s in %s", name, section);
}
