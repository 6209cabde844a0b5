/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What stands on a device: other block devices by sysfs, and mounts by mountinfo(5). Trusts the
 * kernel; a path of a mount may hold any character, and is for umount(2) only. */

#include "volume/rung.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "volume/mounts.h"

enum { DEPTH_MAX = 16, DEPENDANTS_MAX = 4096 };

struct walk {
        struct dependant *list;
        size_t count;
        struct mounts mounts;
};

static int add(struct walk *w, const struct dependant *d)
{
        struct dependant *larger;

        if (w->count == DEPENDANTS_MAX)
                return -EOVERFLOW;
        larger = reallocarray(w->list, w->count + 1, sizeof(*larger));
        if (!larger)
                return -ENOMEM;
        w->list = larger;
        w->list[w->count++] = *d;
        return 0;
}

/* One line of a file below the device's folder in sysfs. */
static int read_attribute(unsigned int major, unsigned int minor, const char *what, char *ret,
                          size_t size)
{
        FILE *f CLEANUP_FILE = NULL;
        char path[320];

        (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major, minor, what);
        f = fopen(path, "re");
        if (!f)
                return -errno;
        if (!fgets(ret, (int)size, f))
                return -EIO;
        ret[strcspn(ret, "\n")] = '\0';
        return 0;
}

static void name_it(struct dependant *d)
{
        char path[64], link[256] = "";
        const char *slash;

        d->is_dm = read_attribute(d->major, d->minor, "dm/name", d->name, sizeof(d->name)) == 0;
        if (d->is_dm)
                return;
        (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", d->major, d->minor);
        (void)!readlink(path, link, sizeof(link) - 1);
        slash = strrchr(link, '/');
        (void)snprintf(d->name, sizeof(d->name), "%.*s", (int)sizeof(d->name) - 1,
                       slash ? slash + 1 : link);
}

static int was_seen(const struct walk *w, unsigned int major, unsigned int minor)
{
        for (size_t i = 0; i < w->count; i++)
                if (w->list[i].major == major && w->list[i].minor == minor)
                        return 1;
        return 0;
}

/* A path that does not fit is no path. */
static int set_mount(struct dependant *d, const char *path)
{
        const int fits = strlen(path) < sizeof(d->mount);

        (void)snprintf(d->mount, sizeof(d->mount), "%s", fits ? path : "?");
        return fits ? 0 : -ENAMETOOLONG;
}

/* An entry for each mount; one without, if there is none and the device stands on another. */
static int add_device(struct walk *w, unsigned int major, unsigned int minor, int depth)
{
        struct dependant d = {.major = major, .minor = minor};
        const size_t before = w->count;
        int r = 0;

        name_it(&d);
        for (size_t i = w->mounts.count; r == 0 && i-- > 0;) {
                const struct mount *m = &w->mounts.list[i];

                if (!mount_is_of(m, major, minor))
                        continue;
                r = set_mount(&d, m->path);
                d.covered = r != 0 || mounts_covered(&w->mounts, i);
                r = add(w, &d);
        }
        if (r == 0 && w->count == before && depth > 0) {
                d.mount[0] = '\0';
                r = add(w, &d);
        }
        return r;
}

/* Those on top first, then the device itself. */
static int visit(struct walk *w, unsigned int major, unsigned int minor, int depth)
{
        const struct dirent *entry;
        char path[64];
        DIR *dir;
        int r = 0;

        if (depth > DEPTH_MAX)
                return -ELOOP;
        if (was_seen(w, major, minor))
                return 0;
        (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major, minor);
        dir = opendir(path);
        while (r == 0 && dir && (entry = readdir(dir))) {
                char what[300], number[32];
                unsigned int upper_major, upper_minor;

                if (entry->d_name[0] == '.')
                        continue;
                (void)snprintf(what, sizeof(what), "holders/%s/dev", entry->d_name);
                if (read_attribute(major, minor, what, number, sizeof(number)) == 0 &&
                    sscanf(number, "%u:%u", &upper_major, &upper_minor) == 2)
                        r = visit(w, upper_major, upper_minor, depth + 1);
        }
        if (dir)
                (void)closedir(dir);
        return r == 0 ? add_device(w, major, minor, depth) : r;
}

int dependant_list(unsigned int major, unsigned int minor, struct dependant **ret,
                   size_t *ret_count, struct diag *diag)
{
        struct walk w = {.list = NULL};
        int r = mounts_read("/proc/self/mountinfo", &w.mounts);

        if (r == 0)
                r = visit(&w, major, minor, 0);
        mounts_free(&w.mounts);
        if (r < 0) {
                free(w.list);
                return diag_fail(diag, r, "cannot find out what stands on %u:%u", major, minor);
        }
        *ret = w.list;
        *ret_count = w.count;
        return 0;
}
