/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What survives a restart of the agent: a file for each volume in /run, which is gone with the boot
 * as the mappings are. Saved before an order is carried out, so that a restarted agent knows what
 * its predecessor had begun. Trusts the folder, which is root's. */

#include <fcntl.h>
#include <sys/stat.h>

#include "agentd/agent.h"
#include "base/fdio.h"

enum { STATE_MAX = 2048, BOOT_ID_MAX = 64, LINES = 5 };

static void path_of(const struct ward *w, char buf[CONFIG_PATH_MAX * 2])
{
        (void)snprintf(buf, CONFIG_PATH_MAX * 2, "%s/leases/%s", w->agent->run_dir, w->name);
}

/* Times are of one boot. run_dir is gone with it in most places, but may be anywhere. */
static void boot_id(char buf[BOOT_ID_MAX])
{
        FILE *f CLEANUP_FILE = fopen("/proc/sys/kernel/random/boot_id", "re");

        if (!f || !fgets(buf, BOOT_ID_MAX, f))
                (void)snprintf(buf, BOOT_ID_MAX, "unknown");
        buf[strcspn(buf, "\n")] = '\0';
}

void state_fingerprint(const struct ward *w, char ret[FINGERPRINTS_MAX])
{
        size_t len = 0;

        ret[0] = '\0';
        for (size_t i = 0; i < w->key_count && len < FINGERPRINTS_MAX; i++) {
                const struct keystate *k = agent_key(w->agent, w->keys[i].key);

                len += (size_t)snprintf(ret + len, FINGERPRINTS_MAX - len, "%s%s", i ? "," : "",
                                        k ? k->fingerprint : "-");
        }
}

int state_save(const struct ward *w, const struct lease *lease)
{
        char path[CONFIG_PATH_MAX * 2], fresh[CONFIG_PATH_MAX * 2], keys[FINGERPRINTS_MAX];
        char text[LEASE_TEXT_MAX], all[STATE_MAX], boot[BOOT_ID_MAX];
        int fd CLEANUP_FD = -1;
        int r = lease_save(lease, text, sizeof(text));

        if (r < 0)
                return r;
        path_of(w, path);
        /* not in the folder of the leases, where any name may be a volume's */
        (void)snprintf(fresh, sizeof(fresh), "%s/lease.new", w->agent->run_dir);
        boot_id(boot);
        state_fingerprint(w, keys);
        (void)snprintf(all, sizeof(all), "%s\n%s\n%s\n%s\n%s\n", boot, w->uuid, keys,
                       w->by_hand ? "by-hand" : "-", text);
        fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = write_full(fd, all, strlen(all));
        if (r == 0 && rename(fresh, path) < 0)
                r = -errno;
        return r;
}

/* Exactly LINES lines, each ended, and nothing after. */
static int split(char *text, char *ret[LINES])
{
        for (size_t i = 0; i < LINES; i++) {
                char *end = strchr(text, '\n');

                if (!end)
                        return -EINVAL;
                *end = '\0';
                ret[i] = text;
                text = end + 1;
        }
        return *text == '\0' ? 0 : -EINVAL;
}

int state_load(const struct ward *w, struct saved_lease *ret)
{
        char path[CONFIG_PATH_MAX * 2], keys[FINGERPRINTS_MAX], boot[BOOT_ID_MAX];
        char *text CLEANUP_FREE = NULL, *lines[LINES];
        struct saved_lease saved;
        int fd CLEANUP_FD = -1;
        size_t len;
        int r;

        path_of(w, path);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        r = fd_read_text(fd, STATE_MAX, &text, &len);
        if (r == 0)
                r = split(text, lines);
        if (r < 0)
                return r;
        boot_id(boot);
        if (strcmp(lines[0], boot) != 0 || strcmp(lines[1], w->uuid) != 0)
                return -ENOENT;
        r = lease_load(lines[4], &saved.lease);
        if (r < 0)
                return r;
        state_fingerprint(w, keys);
        saved.same_keys = strcmp(lines[2], keys) == 0;
        saved.by_hand = strcmp(lines[3], "by-hand") == 0;
        *ret = saved;
        return 0;
}

bool state_exists(const struct ward *w)
{
        char path[CONFIG_PATH_MAX * 2];

        path_of(w, path);
        return access(path, F_OK) == 0;
}

void state_forget(const struct ward *w)
{
        char path[CONFIG_PATH_MAX * 2];

        path_of(w, path);
        (void)unlink(path);
}
