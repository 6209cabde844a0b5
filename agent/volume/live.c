/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: dm-crypt activated -> [live table checked]. Compares what the kernel says is in force with
 * the header that was judged and with what was asked for. */

#include "volume/live.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int live_mismatch(struct diag *diag, const char *what)
{
        (void)diag_refuse(diag, VOLUME_E_TABLE, "live-table",
                          "the live mapping's %s is not what was asked for", what);
        diag_advise(diag, "somebody else changes mappings on this machine: compare dmsetup table "
                          "(without --showkeys) with cryptsetup luksDump");
        return VOLUME_E_TABLE;
}

/* All that does not depend on flags: what resume checks before it hands over a key. */
int live_check_geometry(const struct activation *a, const struct table *t, struct diag *diag)
{
        const struct header *h = a->header;

        if (!t->exists || t->targets != 1 || strcmp(t->target, "crypt") != 0 || t->start != 0)
                return live_mismatch(diag, "target");
        if (!table_is_ours(t, h->binding.uuid, a->name))
                return live_mismatch(diag, "UUID");
        if (strcmp(t->cipher, h->binding.segment_encryption) != 0)
                return live_mismatch(diag, "cipher");
        if (t->iv_offset != 0 || t->data_offset != h->data_offset / 512)
                return live_mismatch(diag, "offset");
        if (t->sector_size != h->sector_size)
                return live_mismatch(diag, "sector size");
        if (t->data_major != major(h->rdev) || t->data_minor != minor(h->rdev))
                return live_mismatch(diag, "device");
        if (t->length !=
            (h->device_size - h->data_offset) / h->sector_size * (h->sector_size / 512))
                return live_mismatch(diag, "length");
        return 0;
}

static int check_key(const struct activation *a, const struct table *t, struct diag *diag)
{
        char expected[sizeof(t->key_description)];

        (void)snprintf(expected, sizeof(expected), ":%u:logon:cryptsetup:%s-d0",
                       a->header->key_size, a->header->binding.uuid);
        if (t->key != TABLE_KEY_KEYRING || strcmp(t->key_description, expected) != 0)
                return live_mismatch(diag, "key (it must come by the kernel keyring)");
        return 0;
}

int live_check(const struct activation *a, struct diag *diag)
{
        struct table t;
        int r = table_ask(a->name, &t, diag);

        if (r < 0)
                return r;
        r = live_check_geometry(a, &t, diag);
        if (r == 0)
                r = check_key(a, &t, diag);
        if (r != 0)
                return r;
        if (t.suspended || t.other_options || t.discards != a->discards ||
            t.no_read_workqueue != a->no_read_workqueue ||
            t.no_write_workqueue != a->no_write_workqueue)
                return live_mismatch(diag, "set of flags");
        return 0;
}

/* The path that libcryptsetup opens again must still be the device whose header was judged, and
 * that device must still hold the disk that it held then (a loop device can be given another). */
int live_check_disk(const struct header *h, struct diag *diag)
{
        uint64_t diskseq = 0;
        struct stat st;

        if (stat(h->device, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == h->rdev &&
            (ioctl(h->fd, BLKGETDISKSEQ, &diskseq) < 0 || diskseq == h->diskseq))
                return 0;
        (void)diag_refuse(diag, VOLUME_E_TABLE, "disk-changed",
                          "%s is another disk than a moment ago", h->device);
        diag_advise(diag, "name the disk in Device= by what stays: ls -l /dev/disk/by-id");
        return VOLUME_E_TABLE;
}

/* As volume_expect(), and what was found. */
int live_expect(const char *name, enum volume_state state, struct table *ret, struct diag *diag)
{
        int r = table_ask(name, ret, diag);

        if (r < 0)
                return r;
        if (state == VOLUME_CLOSED && ret->exists) {
                (void)diag_refuse(diag, VOLUME_E_BUSY, "already-open",
                                  "there is a mapping %s already", name);
                diag_advise(diag, "see what it is: luks-kms status %s", name);
                return VOLUME_E_BUSY;
        }
        if (state == VOLUME_SUSPENDED && !ret->exists) {
                (void)diag_refuse(diag, VOLUME_E_INACTIVE, "not-open", "%s is not open", name);
                diag_advise(diag, "open it: luks-kms open %s", name);
                return VOLUME_E_INACTIVE;
        }
        if (state == VOLUME_SUSPENDED && !ret->suspended) {
                (void)diag_refuse(diag, VOLUME_E_INACTIVE, "not-suspended", "%s is not suspended",
                                  name);
                diag_advise(diag, "see what it is: luks-kms status %s", name);
                return VOLUME_E_INACTIVE;
        }
        return 0;
}

int volume_expect(const char *name, enum volume_state state, struct diag *diag)
{
        struct table t;

        return live_expect(name, state, &t, diag);
}
