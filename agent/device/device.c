/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: [block device appears] -> its header is read. Trusts the kernel's attributes, nothing that
 * the disk's content sets. */

#include "device/device.h"

#include <fcntl.h>
#include <libudev.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static void udev_freep(struct udev **p)
{
        if (*p)
                udev_unref(*p);
}

static void udev_device_freep(struct udev_device **p)
{
        if (*p)
                udev_device_unref(*p);
}

/* A partition has no queue of its own: its disk has. */
static int is_rotational(dev_t rdev)
{
        struct udev *udev CLEANUP(udev_freep) = udev_new();
        struct udev_device *device CLEANUP(udev_device_freep) =
            udev ? udev_device_new_from_devnum(udev, 'b', rdev) : NULL;
        struct udev_device *disk = device;
        const char *type, *value;

        if (!device)
                return 0;
        type = udev_device_get_devtype(device);
        if (type && strcmp(type, "partition") == 0)
                disk = udev_device_get_parent(device);
        value = disk ? udev_device_get_sysattr_value(disk, "queue/rotational") : NULL;
        return value && strcmp(value, "1") == 0;
}

int device_describe(const char *path, struct device_kind *ret, struct diag *diag)
{
        int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct device_kind kind = {.rotational = 0};
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0) {
                const int error = errno;

                (void)diag_fail(diag, -error, "cannot open %s", path);
                diag_advise(diag, error == EACCES
                                      ? "be root"
                                      : "is the disk attached (lsblk), and is Device= right?");
                return -error;
        }
        kind.size = (uint64_t)st.st_size;
        if (S_ISBLK(st.st_mode)) {
                if (ioctl(fd, BLKGETSIZE64, &kind.size) < 0)
                        return diag_fail(diag, -errno, "cannot read the size of %s", path);
                kind.rotational = is_rotational(st.st_rdev);
        }
        *ret = kind;
        return 0;
}
