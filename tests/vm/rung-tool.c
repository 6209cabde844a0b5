/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the agent calls, one action a time, for the device tests:
 *
 *   suspend NAME UUID SYNC_MS [TIMEOUT_MS]     kill NAME UUID [TIMEOUT_MS]
 *   close NAME UUID [TIMEOUT_MS]               erase DEVICE UUID [TIMEOUT_MS]
 *   erasure NAME UUID [PATIENCE_MS]            list
 *   dependants MAJOR:MINOR                     plant UUID      unplant UUID
 *   undo-activation NAME UUID                  undo-resumption NAME UUID
 *
 * The rungs run in a child, as in the agent's loop. Output: one line of words; exit status: 0, the
 * positive outcome, or 100 for an error of the environment. */

#include <inttypes.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sys/syscall.h>

#include "volume/activate.h"
#include "volume/child.h"
#include "volume/rung.h"

enum { ENVIRONMENT = 100, TIMEOUT_MS = 60000 };

static char **words;
static int count;

static const char *word(int i)
{
        return i < count ? words[i] : "";
}

static int number(int i, int fallback)
{
        return i < count ? (int)strtol(words[i], NULL, 10) : fallback;
}

static int do_suspend(void *arg, struct diag *diag)
{
        (void)arg;
        return rung_suspend(word(1), word(2), number(3, 0), diag);
}

static int do_close(void *arg, struct diag *diag)
{
        (void)arg;
        return rung_close(word(1), word(2), diag);
}

static int do_kill(void *arg, struct diag *diag)
{
        (void)arg;
        return rung_kill(word(1), word(2), diag);
}

static int do_erase(void *arg, struct diag *diag)
{
        (void)arg;
        return rung_erase(word(1), word(2), diag);
}

static int do_undo(void *arg, struct diag *diag)
{
        struct header h = {.device = ""};
        struct activation a = {.header = &h, .name = word(1)};

        (void)arg;
        (void)snprintf(h.binding.uuid, sizeof(h.binding.uuid), "%s", word(2));
        return strcmp(word(0), "undo-activation") == 0 ? activation_undo(&a, diag)
                                                       : resumption_undo(&a, diag);
}

static int run_rung(int (*work)(void *, struct diag *), int timeout_ms, struct diag *diag)
{
        struct child child;
        struct pollfd p = {.events = POLLIN};
        int r = child_start(work, NULL, &child);

        if (r < 0)
                return r;
        p.fd = child.fd;
        if (poll(&p, 1, timeout_ms) == 1)
                return child_finish(&child, diag);
        (void)printf("late, and %s\n", child_abandon(&child) ? "gone" : "hangs in the kernel");
        return VOLUME_E_TIMEOUT;
}

static int do_erasure(struct diag *diag)
{
        struct erasure e;
        int r = erasure_check(word(1), word(2), number(3, 0), &e, diag);

        if (r == 0)
                (void)printf("%s table=%s mappings=%s keys=%d\n", e.proven ? "proven" : "unproven",
                             e.table, e.mappings, e.keyring_keys);
        return r;
}

static int do_list(struct diag *diag)
{
        struct mapping *list CLEANUP_FREE = NULL;
        size_t n = 0;
        int r = mapping_list(&list, &n, diag);

        for (size_t i = 0; r == 0 && i < n; i++)
                (void)printf("%s %s %u:%u on %u:%u%s%s\n", list[i].name, list[i].uuid,
                             list[i].major, list[i].minor, list[i].data_major, list[i].data_minor,
                             list[i].suspended ? " suspended" : "", list[i].dead ? " dead" : "");
        return r;
}

static int do_dependants(struct diag *diag)
{
        struct dependant *list CLEANUP_FREE = NULL;
        unsigned int major, minor;
        size_t n = 0;
        int r;

        if (sscanf(word(1), "%u:%u", &major, &minor) != 2)
                return -EINVAL;
        r = dependant_list(major, minor, &list, &n, diag);
        for (size_t i = 0; r == 0 && i < n; i++)
                (void)printf("%s%s %s%s\n", list[i].name, list[i].is_dm ? " dm" : "", list[i].mount,
                             list[i].covered ? " covered" : "");
        return r;
}

/* A key as libcryptsetup leaves it behind, but in a keyring that stays. */
static int do_plant(int plant)
{
        char name[80];
        long id;

        (void)snprintf(name, sizeof(name), "cryptsetup:%s-d0", word(1));
        if (plant)
                return syscall(SYS_add_key, "logon", name, "0123456789abcdef", 16,
                               KEY_SPEC_USER_KEYRING) < 0
                           ? -errno
                           : 0;
        id = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "logon", name, 0);
        if (id < 0 || syscall(SYS_keyctl, KEYCTL_UNLINK, id, KEY_SPEC_USER_KEYRING) < 0)
                return -errno;
        return 0;
}

static int act(struct diag *diag)
{
        const char *action = word(0);

        if (strcmp(action, "suspend") == 0)
                return run_rung(do_suspend, number(4, TIMEOUT_MS), diag);
        if (strcmp(action, "close") == 0)
                return run_rung(do_close, number(3, TIMEOUT_MS), diag);
        if (strcmp(action, "kill") == 0)
                return run_rung(do_kill, number(3, TIMEOUT_MS), diag);
        if (strcmp(action, "erase") == 0)
                return run_rung(do_erase, number(3, TIMEOUT_MS), diag);
        if (strncmp(action, "undo-", 5) == 0)
                return run_rung(do_undo, TIMEOUT_MS, diag);
        if (strcmp(action, "erasure") == 0)
                return do_erasure(diag);
        if (strcmp(action, "list") == 0)
                return do_list(diag);
        if (strcmp(action, "dependants") == 0)
                return do_dependants(diag);
        if (strcmp(action, "plant") == 0 || strcmp(action, "unplant") == 0)
                return do_plant(action[0] == 'p');
        return diag_fail(diag, -EINVAL, "no such action");
}

int main(int argc, char **argv)
{
        struct diag diag = DIAG_INIT;
        int r;

        words = argv + 1;
        count = argc - 1;
        r = act(&diag);
        if (r != 0)
                (void)printf("[%s] %s\n", diag.rule,
                             diag.message[0] ? diag.message
                             : r < 0         ? strerror(-r)
                                             : "no words");
        return r < 0 ? ENVIRONMENT : r;
}
