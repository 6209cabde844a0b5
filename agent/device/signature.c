/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Signatures by libblkid, the library that mkfs, wipefs and udev ask too. */

#include <blkid/blkid.h>
#include <fcntl.h>

#include "device/device.h"

static void probe_freep(blkid_probe *p)
{
        blkid_free_probe(*p);
}

static int set_up(blkid_probe probe)
{
        if (blkid_probe_enable_superblocks(probe, 1) < 0 ||
            blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC) < 0 ||
            blkid_probe_enable_partitions(probe, 1) < 0 ||
            blkid_probe_set_partitions_flags(probe, BLKID_PARTS_MAGIC) < 0)
                return -EIO;
        return 0;
}

int signature_find(const char *path, char *ret_type, size_t size, struct diag *diag)
{
        blkid_probe probe CLEANUP(probe_freep) = NULL;
        const char *type = "";
        int r;

        errno = 0;
        probe = blkid_new_probe_from_filename(path);
        if (!probe) {
                r = errno ? -errno : -EIO;
                return diag_fail(diag, r, "cannot probe %s", path);
        }
        if (set_up(probe) < 0)
                return -EIO;
        r = blkid_do_safeprobe(probe);
        if (r == -2) {
                (void)diag_fail(diag, -EUCLEAN, "%s bears several signatures", path);
                diag_advise(diag, "see them all: wipefs %s", path);
                return -EUCLEAN;
        }
        if (r < 0)
                return diag_fail(diag, -EIO, "cannot probe %s", path);
        if (r == 0 && blkid_probe_lookup_value(probe, "TYPE", &type, NULL) < 0 &&
            blkid_probe_lookup_value(probe, "PTTYPE", &type, NULL) < 0)
                type = "unknown";
        (void)snprintf(ret_type, size, "%s", type);
        return 0;
}

int signature_wipe(int fd)
{
        blkid_probe probe CLEANUP(probe_freep) = blkid_new_probe();
        int r;

        if (!probe || blkid_probe_set_device(probe, fd, 0, 0) < 0 || set_up(probe) < 0)
                return -EIO;
        while ((r = blkid_do_probe(probe)) == 0)
                if (blkid_do_wipe(probe, 0) < 0)
                        return -EIO;
        return r < 0 || fsync(fd) < 0 ? -EIO : 0;
}
