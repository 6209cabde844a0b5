/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: [block device appears]. Believes nothing of an event but that it came. */

#include "device/monitor.h"

#include <libudev.h>

struct monitor {
        struct udev *udev;
        struct udev_monitor *monitor;
};

void monitor_free(struct monitor *monitor)
{
        if (!monitor)
                return;
        if (monitor->monitor)
                udev_monitor_unref(monitor->monitor);
        if (monitor->udev)
                udev_unref(monitor->udev);
        free(monitor);
}

int monitor_new(struct monitor **ret, struct diag *diag)
{
        /* udevd makes this file; where it does not run nobody sends to its group */
        const char *source = access("/run/udev/control", F_OK) == 0 ? "udev" : "kernel";
        struct monitor *m CLEANUP_MONITOR = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->udev = udev_new();
        m->monitor = m->udev ? udev_monitor_new_from_netlink(m->udev, source) : NULL;
        if (!m->monitor)
                return diag_fail(diag, -ENOMEM, "cannot listen for block devices");
        r = udev_monitor_filter_add_match_subsystem_devtype(m->monitor, "block", NULL);
        if (r >= 0)
                r = udev_monitor_enable_receiving(m->monitor);
        if (r < 0)
                return diag_fail(diag, r, "cannot listen for block devices");
        *ret = TAKE_PTR(m);
        return 0;
}

int monitor_fd(const struct monitor *monitor)
{
        return udev_monitor_get_fd(monitor->monitor);
}

bool monitor_take(struct monitor *monitor, void (*changed)(void *arg, dev_t device), void *arg)
{
        bool any = false;

        for (;;) {
                struct udev_device *device;
                const char *action;

                errno = 0;
                device = udev_monitor_receive_device(monitor->monitor);
                if (!device)
                        return any || errno == ENOBUFS;
                action = udev_device_get_action(device);
                if (action && strcmp(action, "change") == 0)
                        changed(arg, udev_device_get_devnum(device));
                udev_device_unref(device);
                any = true;
        }
}
