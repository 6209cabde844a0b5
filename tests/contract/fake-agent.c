/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An agent for the command's tests and for other varlink clients: the real server and interface,
 * and tests/unit/agent-fake.c behind them. Also agents that misbehave. fake-agent SOCKET
 * good|silent|garbage|hang-up|endless|failed-drill|broken-drill Says "ready" on stdout once it
 * listens, and ends with its stdin. */

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../unit/agent-fake.h"

static const char *mode;
static struct control_ops ops;

static int on_stdin(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        char c;

        (void)events;
        (void)userdata;
        if (read(fd, &c, 1) <= 0)
                return sd_event_exit(sd_event_source_get_event(source), 0);
        return 0;
}

static int listen_at(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            chmod(path, 0666) < 0 || listen(fd, 16) < 0) {
                perror(path);
                exit(1);
        }
        return fd;
}

/* A drill that does not go as it should, or that the agent does not live through. */
static int bad_drill(void *agent, const struct control_drill *drill, struct varlink_call *call,
                     struct diag *diag)
{
        const struct report_step step = {.step = "notice", .message = "denied", .elapsed_ms = 1};
        struct report_drill report = fake_drill_report;

        if (!drill->confirm)
                return fake_ops.drill(agent, drill, call, diag);
        (void)control_drill_step(call, &step, false);
        if (strcmp(mode, "broken-drill") == 0)
                exit(1);
        report.passed = false;
        report.receipt = NULL;
        report.enforced_ms = 0;
        report.message = "the mapping did not stop in time";
        (void)control_drill_end(call, &report);
        return 0;
}

static int serve(int fd)
{
        static struct fake_agent agent;
        struct control *control;
        sd_event *event;
        int r;

        if (sd_event_new(&event) < 0 ||
            sd_event_add_io(event, NULL, STDIN_FILENO, EPOLLIN, on_stdin, NULL) < 0 ||
            control_new(event, fd, "1.2.3", &ops, &agent, &control) < 0)
                return 1;
        r = sd_event_loop(event);
        control_free(control);
        (void)sd_event_unref(event);
        return r < 0;
}

static void answer_badly(int fd)
{
        char c;

        if (strcmp(mode, "hang-up") == 0)
                return;
        while (strcmp(mode, "silent") != 0 && recv(fd, &c, 1, 0) == 1)
                if (c == '\0') {
                        (void)send(fd, "{\"parameters\":[]}", sizeof("{\"parameters\":[]}"),
                                   MSG_NOSIGNAL);
                        return;
                }
        while (recv(fd, &c, 1, 0) == 1)
                ;
}

static void answer_without_end(int fd)
{
        char chunk[4096];

        memset(chunk, ' ', sizeof(chunk));
        while (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) > 0)
                ;
}

int main(int argc, char **argv)
{
        int fd;

        if (argc != 3)
                return 2;
        mode = argv[2];
        ops = fake_ops;
        if (strstr(mode, "-drill"))
                ops.drill = bad_drill;
        fd = listen_at(argv[1]);
        (void)puts("ready");
        (void)fflush(stdout);
        if (strcmp(mode, "good") == 0 || strstr(mode, "-drill"))
                return serve(fd);
        /* One client; the test ends this process. */
        for (;;) {
                int peer = accept(fd, NULL, NULL);

                if (strcmp(mode, "endless") == 0)
                        answer_without_end(peer);
                else
                        answer_badly(peer);
                close_fd(peer);
        }
}
