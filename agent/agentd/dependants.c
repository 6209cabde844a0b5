/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Part of the close and poweroff rungs, in their child. Trusts systemd on the system bus. A service
 * that uses a mount is stopped with the mount's unit, in the order that its unit asks for: that is
 * why systemd is asked, and umount(2) is not enough. */

#include "agentd/dependants.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/reboot.h>
#include <systemd/sd-bus.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "volume/child.h"
#include "volume/rung.h"
#include "volume/table.h"

#define MANAGER                                                                                    \
        "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"

enum { POLL_MS = 50, SYNC_MS = 3000, UNIT_MAX = 256, BUS_MS = 5000 };

int dependants_mount_unit(const char *path, char *buf, size_t size)
{
        static const char suffix[] = ".mount";
        size_t len = 0;

        while (*path == '/')
                path++;
        if (*path == '\0')
                len = size > 1 ? (size_t)snprintf(buf, size, "-") : size;
        for (const char *c = path; *c && len < size; c++) {
                const int plain = isalnum((unsigned char)*c) || *c == ':' || *c == '_' ||
                                  (*c == '.' && c != path);

                if (*c == '/' && (c[1] == '/' || c[1] == '\0'))
                        continue;
                len += (size_t)snprintf(buf + len, size - len,
                                        *c == '/' ? "-"
                                        : plain   ? "%c"
                                                  : "\\x%02x",
                                        (unsigned char)*c);
        }
        if (len + sizeof(suffix) > size)
                return -ENAMETOOLONG;
        memcpy(buf + len, suffix, sizeof(suffix));
        return 0;
}

static void bus_freep(sd_bus **bus)
{
        (void)sd_bus_flush_close_unref(*bus);
}

static int open_bus(sd_bus **ret)
{
        int r = sd_bus_open_system(ret);

        if (r >= 0)
                (void)sd_bus_set_method_call_timeout(*ret, BUS_MS * 1000ULL);
        return r;
}

/* The unit's object, or NULL if systemd does not have it loaded. */
static char *unit_path(sd_bus *bus, const char *unit)
{
        sd_bus_message *reply = NULL;
        const char *path;
        char *copy = NULL;

        if (sd_bus_call_method(bus, MANAGER, "GetUnit", NULL, &reply, "s", unit) >= 0 &&
            sd_bus_message_read(reply, "o", &path) >= 0)
                copy = strdup(path);
        sd_bus_message_unref(reply);
        return copy;
}

static bool is_down(sd_bus *bus, const char *object)
{
        char *state CLEANUP_FREE = NULL;

        if (sd_bus_get_property_string(bus, "org.freedesktop.systemd1", object,
                                       "org.freedesktop.systemd1.Unit", "ActiveState", NULL,
                                       &state) < 0)
                return true; /* unloaded */
        return strcmp(state, "inactive") == 0 || strcmp(state, "failed") == 0;
}

static bool stop_unit(sd_bus *bus, const char *unit, uint64_t deadline)
{
        char *object CLEANUP_FREE = unit_path(bus, unit);

        if (!object || is_down(bus, object))
                return false;
        if (sd_bus_call_method(bus, MANAGER, "StopUnit", NULL, NULL, "ss", unit, "replace") < 0)
                return false;
        while (!is_down(bus, object)) {
                if (clock_left_ms(deadline) == 0)
                        return false;
                clock_sleep_ms(POLL_MS);
        }
        return true;
}

int dependants_stop(const char *mapping, int patience_ms)
{
        const uint64_t deadline = clock_now_ms() + (uint64_t)patience_ms;
        struct dependant *list CLEANUP_FREE = NULL;
        sd_bus *bus CLEANUP(bus_freep) = NULL;
        char unit[UNIT_MAX];
        struct table t;
        size_t count = 0;
        int stopped = 0;

        if (table_read(mapping, &t) < 0 || !t.exists ||
            dependant_list(t.major, t.minor, &list, &count, NULL) < 0 || count == 0 ||
            open_bus(&bus) < 0)
                return 0;
        for (size_t i = 0; i < count; i++)
                if (list[i].mount[0] &&
                    dependants_mount_unit(list[i].mount, unit, sizeof(unit)) == 0)
                        stopped += stop_unit(bus, unit, deadline);
        return stopped;
}

static int sync_all(void *arg, struct diag *diag)
{
        (void)arg;
        (void)diag;
        sync();
        return 0;
}

/* A unit without CAP_SYS_BOOT may write there; kernel.sysrq does not count for root's writes. */
static int ask_sysrq(void)
{
        int fd CLEANUP_FD = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

        return fd < 0 ? -errno : write_full(fd, "o", 1);
}

int machine_poweroff(struct diag *diag)
{
        sd_bus *bus CLEANUP(bus_freep) = NULL;

        if (open_bus(&bus) >= 0 &&
            sd_bus_call_method(bus, MANAGER, "StartUnit", NULL, NULL, "ss", "poweroff.target",
                               "replace-irreversibly") >= 0)
                return 0;
        (void)child_run(sync_all, NULL, SYNC_MS, NULL);
        if (ask_sysrq() == 0 || reboot(RB_POWER_OFF) == 0)
                return 0;
        return diag_fail(diag, -errno, "cannot switch the machine off");
}
