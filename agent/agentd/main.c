/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* luks-kmsd: watches the keys of open volumes, and does what their owners wrote down for the day a
 * key is taken back. Started by systemd (systemd/luks-kms.service.in), or by hand. Its end changes
 * nothing: volumes stay as they are, and the next agent goes on where this one stopped. */

#include <getopt.h>
#include <signal.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include "agentd/serve.h"
#include "agentd/tell.h"
#include "base/clock.h"
#include "base/secret.h"

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        struct agent *a = userdata;
        struct diag diag = DIAG_INIT;
        char usec[64];

        (void)source;
        (void)info;
        (void)snprintf(usec, sizeof(usec), "RELOADING=1\nMONOTONIC_USEC=%llu",
                       (unsigned long long)clock_now_ms() * 1000);
        (void)sd_notify(0, usec);
        if (agent_reload(a, &diag) == 0)
                tell_agent(a, TELL_RELOADED, "the configuration was read again");
        else
                tell_agent(a, TELL_REFUSED_CONFIG, diag.message);
        (void)sd_notify(0, "READY=1");
        return 0;
}

/* Blocked, so that they come by the loop; before anything else runs. */
static int set_up_signals(struct agent *a)
{
        sigset_t set;
        int r;

        (void)signal(SIGPIPE, SIG_IGN);
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(a->event, NULL, SIGTERM, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_signal(a->event, NULL, SIGINT, NULL, NULL);
        return r < 0 ? r : sd_event_add_signal(a->event, NULL, SIGHUP, on_reload, a);
}

static int run(struct agent *a, struct diag *diag)
{
        int r = sd_event_default(&a->event);

        if (r >= 0)
                r = set_up_signals(a);
        if (r < 0)
                return diag_fail(diag, r, "cannot set up the event loop");
        r = agent_begin(a, diag);
        if (r == 0)
                r = serve_begin(a, diag);
        if (r != 0)
                return r;
        (void)sd_event_set_watchdog(a->event, true);
        tell_agent(a, TELL_STARTED, "luks-kmsd " VERSION " watches");
        (void)sd_notify(0, "READY=1\nSTATUS=watching");
        r = sd_event_loop(a->event);
        (void)sd_notify(0, "STOPPING=1");
        tell_agent(a, TELL_STOPPED, "luks-kmsd ends; volumes stay as they are");
        return r < 0 ? diag_fail(diag, r, "the event loop failed") : 0;
}

static int usage(FILE *to, int code)
{
        (void)fputs("usage: luks-kmsd [--config DIR] [--run DIR] [--worker-socket PATH]\n\n"
                    "  --config DIR          read the config from DIR (" CONFIG_DIR_DEFAULT ")\n"
                    "  --run DIR             control socket and leases (" AGENT_RUN_DIR ")\n"
                    "  --worker-socket PATH  where workers are had (" AGENT_WORKER_SOCKET ")\n"
                    "  --help                this text\n"
                    "  --version             the version\n",
                    to);
        return code;
}

int main(int argc, char **argv)
{
        static const struct option longs[] = {
            {"config", required_argument, NULL, 'c'},
            {"run", required_argument, NULL, 'r'},
            {"worker-socket", required_argument, NULL, 'w'},
            {"help", no_argument, NULL, 'h'},
            {"version", no_argument, NULL, 'V'},
            {NULL, 0, NULL, 0},
        };
        struct agent a = {.lock = -1,
                          .config_dir = CONFIG_DIR_DEFAULT,
                          .run_dir = AGENT_RUN_DIR,
                          .worker_socket = AGENT_WORKER_SOCKET};
        struct diag diag = DIAG_INIT;
        int c, r;

        while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0)
                switch (c) {
                case 'c': a.config_dir = optarg; break;
                case 'r': a.run_dir = optarg; break;
                case 'w': a.worker_socket = optarg; break;
                case 'h': return usage(stdout, EXIT_SUCCESS);
                case 'V': (void)puts("luks-kmsd " VERSION); return EXIT_SUCCESS;
                default: return usage(stderr, 2);
                }
        if (optind != argc)
                return usage(stderr, 2);
        if (secret_harden_process() < 0)
                (void)fputs("luks-kmsd: cannot lock memory\n", stderr);
        r = run(&a, &diag);
        if (r != 0)
                (void)fprintf(stderr, "luks-kmsd: %s%s%s\n", diag.message,
                              diag.advice[0] ? "\n  next: " : "", diag.advice);
        serve_end(&a);
        agent_end(&a);
        a.event = sd_event_unref(a.event);
        return r == 0 ? EXIT_SUCCESS : r == CONFIG_E_INVALID ? EX_CONFIG : EXIT_FAILURE;
}
