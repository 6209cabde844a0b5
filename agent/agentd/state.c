/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What survives a restart of the agent: a file for each volume in /run, which is gone with the boot
 * as the mappings are. Saved before an order is carried out, so that a restarted agent knows what
 * its predecessor had begun. Trusts the folder, which is root's. */

#include <fcntl.h>
#include <sys/stat.h>

#include "agentd/agent.h"
#include "base/fdio.h"

enum { STATE_MAX = 2048 };

static void path_of(const struct ward *w, const char *suffix, char *buf, size_t size)
{
        (void)snprintf(buf, size, "%s/leases/%s%s", w->agent->run_dir, w->name, suffix);
}

/* What the keys were when the lease was made: a denial by other credentials means something else.
 */
static void fingerprint(const struct ward *w, char *buf, size_t size)
{
        size_t len = 0;

        buf[0] = '\0';
        for (size_t i = 0; i < w->key_count && len < size; i++) {
                const struct keystate *k = agent_key(w->agent, w->keys[i].key);

                len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? "," : "",
                                        k ? k->fingerprint : "-");
        }
}

int state_save(const struct ward *w, const struct lease *lease)
{
        char path[CONFIG_PATH_MAX * 2], fresh[CONFIG_PATH_MAX * 2], keys[192];
        char text[LEASE_TEXT_MAX], all[STATE_MAX];
        int fd CLEANUP_FD = -1;
        int r = lease_save(lease, text, sizeof(text));

        if (r < 0)
                return r;
        path_of(w, "", path, sizeof(path));
        path_of(w, ".new", fresh, sizeof(fresh)); /* no name ends so: see load_saved() */
        fingerprint(w, keys, sizeof(keys));
        (void)snprintf(all, sizeof(all), "%s\n%s\n%s\n", w->uuid, keys, text);
        fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = write_full(fd, all, strlen(all));
        if (r == 0 && rename(fresh, path) < 0)
                r = -errno;
        return r;
}

/* Ends a line and returns the next one; NULL if there is no end. */
static char *cut_line(char *line)
{
        char *end = strchr(line, '\n');

        if (!end)
                return NULL;
        *end = '\0';
        return end + 1;
}

int state_load(const struct ward *w, struct lease *ret, bool *ret_same)
{
        char path[CONFIG_PATH_MAX * 2], keys[192];
        char *text CLEANUP_FREE = NULL, *saved_keys, *lease, *rest;
        int fd CLEANUP_FD = -1;
        size_t len;
        int r;

        path_of(w, "", path, sizeof(path));
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        r = fd_read_text(fd, STATE_MAX, &text, &len);
        if (r < 0)
                return r;
        saved_keys = cut_line(text);
        lease = saved_keys ? cut_line(saved_keys) : NULL;
        rest = lease ? cut_line(lease) : NULL;
        if (!rest || *rest != '\0')
                return -EINVAL;
        if (strcmp(text, w->uuid) != 0)
                return -ENOENT;
        r = lease_load(lease, ret);
        if (r < 0)
                return r;
        fingerprint(w, keys, sizeof(keys));
        *ret_same = strcmp(saved_keys, keys) == 0;
        return 0;
}

void state_forget(const struct ward *w)
{
        char path[CONFIG_PATH_MAX * 2];

        path_of(w, "", path, sizeof(path));
        (void)unlink(path);
}
