/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: header MAC -> [dm-crypt activated -> live table checked]. Works on the sealed header only,
 * in a child; believes nothing but the kernel's table about the result. */

#include "volume/activate.h"

#include <libcryptsetup.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "volume/child.h"
#include "volume/table.h"
#include "volume/teardown.h"

int volume_name_valid(const char *name)
{
        static const char allowed[] =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
        const size_t len = strlen(name);

        return len > 0 && len < 128 && name[0] != '.' && name[0] != '-' &&
               strcmp(name, "control") != 0 && strspn(name, allowed) == len;
}

static int wrong_key(struct diag *diag, int keyslot, const char *what)
{
        (void)diag_refuse(diag, VOLUME_E_KEYSLOT, "keyslot", "keyslot %d %s", keyslot, what);
        diag_advise(diag,
                    "its key material is damaged or of another volume: use another recipient, or a "
                    "header backup");
        return VOLUME_E_KEYSLOT;
}

static uint32_t crypt_flags(const struct activation *a)
{
        /* flags that the header stores are the attacker's: allow-discards, for one */
        uint32_t flags = CRYPT_ACTIVATE_IGNORE_PERSISTENT;

        if (a->no_read_workqueue)
                flags |= CRYPT_ACTIVATE_NO_READ_WORKQUEUE;
        if (a->no_write_workqueue)
                flags |= CRYPT_ACTIVATE_NO_WRITE_WORKQUEUE;
        if (a->discards)
                flags |= CRYPT_ACTIVATE_ALLOW_DISCARDS;
        return flags;
}

/* The length must be what the rules saw: before 2.8.7 the digest does not tell keys apart that
 * differ by trailing zeros. */
int volume_unlock_keyslot(const struct header *h, int keyslot, const struct secret *passphrase,
                          struct secret **ret, struct diag *diag)
{
        struct secret *key CLEANUP_SECRET = NULL;
        size_t size = h->key_size;
        int r = secret_new(size, &key);

        if (r < 0)
                return r;
        r = crypt_volume_key_get(h->cd, keyslot, (char *)secret_data(key), &size,
                                 (const char *)secret_bytes(passphrase), secret_size(passphrase));
        if (r == -EPERM || r == -ENOENT || (r >= 0 && size != h->key_size))
                return wrong_key(diag, keyslot, "is not opened by the unwrapped secret");
        if (r < 0)
                return diag_fail(diag, r, "cannot open keyslot %d", keyslot);
        *ret = TAKE_PTR(key);
        return 0;
}

int volume_check_passphrase(const struct header *h, int keyslot, const struct secret *passphrase,
                            struct diag *diag)
{
        struct secret *key CLEANUP_SECRET = NULL;
        int r = volume_unlock_keyslot(h, keyslot, passphrase, &key, diag);

        if (r != 0)
                return r;
        r = crypt_volume_key_verify(h->cd, (const char *)secret_bytes(key), secret_size(key));
        if (r == -EPERM)
                return wrong_key(diag, keyslot, "holds a key of another volume");
        return r < 0 ? r : 0;
}

static int mismatch(struct diag *diag, const char *what)
{
        (void)diag_refuse(diag, VOLUME_E_TABLE, "live-table",
                          "the live mapping's %s is not what was asked for", what);
        diag_advise(diag, "somebody else changes mappings on this machine: compare dmsetup table "
                          "(without --showkeys) with cryptsetup luksDump");
        return VOLUME_E_TABLE;
}

/* All that does not depend on flags: what resume checks before it hands over a key. */
static int check_geometry(const struct activation *a, const struct table *t, struct diag *diag)
{
        const struct header *h = a->header;

        if (!t->exists || t->targets != 1 || strcmp(t->target, "crypt") != 0 || t->start != 0)
                return mismatch(diag, "target");
        if (!table_is_ours(t, h->binding.uuid, a->name))
                return mismatch(diag, "UUID");
        if (strcmp(t->cipher, h->binding.segment_encryption) != 0)
                return mismatch(diag, "cipher");
        if (t->iv_offset != 0 || t->data_offset != h->data_offset / 512)
                return mismatch(diag, "offset");
        if (t->sector_size != h->sector_size)
                return mismatch(diag, "sector size");
        if (t->data_major != major(h->rdev) || t->data_minor != minor(h->rdev))
                return mismatch(diag, "device");
        if (t->length !=
            (h->device_size - h->data_offset) / h->sector_size * (h->sector_size / 512))
                return mismatch(diag, "length");
        return 0;
}

static int check_key(const struct activation *a, const struct table *t, struct diag *diag)
{
        char expected[sizeof(t->key_description)];

        (void)snprintf(expected, sizeof(expected), ":%u:logon:cryptsetup:%s-d0",
                       a->header->key_size, a->header->binding.uuid);
        if (t->key != TABLE_KEY_KEYRING || strcmp(t->key_description, expected) != 0)
                return mismatch(diag, "key (it must come by the kernel keyring)");
        return 0;
}

static int check_live(const struct activation *a, struct diag *diag)
{
        struct table t;
        int r = table_ask(a->name, &t, diag);

        if (r < 0)
                return r;
        r = check_geometry(a, &t, diag);
        if (r == 0)
                r = check_key(a, &t, diag);
        if (r != 0)
                return r;
        if (t.suspended || t.other_options || t.discards != a->discards ||
            t.no_read_workqueue != a->no_read_workqueue ||
            t.no_write_workqueue != a->no_write_workqueue)
                return mismatch(diag, "set of flags");
        return 0;
}

/* The path that libcryptsetup opens again must still be the device whose header was judged, and
 * that device must still hold the disk that it held then (a loop device can be given another). */
static int check_same_disk(const struct header *h, struct diag *diag)
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

static int activate_in_child(void *arg, struct diag *diag)
{
        const struct activation *a = arg;
        struct secret *key CLEANUP_SECRET = NULL;
        int r;

        r = volume_unlock_keyslot(a->header, a->keyslot, a->passphrase, &key, diag);
        if (r == 0)
                r = check_same_disk(a->header, diag);
        if (r != 0)
                return r;
        r = crypt_activate_by_volume_key(a->header->cd, a->name, (const char *)secret_bytes(key),
                                         secret_size(key), crypt_flags(a));
        if (r == -EEXIST || r == -EBUSY) {
                (void)diag_refuse(diag, VOLUME_E_BUSY, "in-use", "%s or the name %s is in use",
                                  a->header->device, a->name);
                diag_advise(diag, "see by whom: lsblk %s; dmsetup ls", a->header->device);
                return VOLUME_E_BUSY;
        }
        if (r == -EPERM)
                return wrong_key(diag, a->keyslot, "holds a key of another volume");
        if (r < 0) {
                (void)diag_fail(diag, r, "cannot activate %s", a->name);
                diag_advise(
                    diag, "see the kernel log: dmesg | tail; is dm_crypt there? modprobe dm_crypt");
                return r;
        }
        r = check_live(a, diag);
        if (r == 0)
                r = check_same_disk(a->header, diag);
        if (r != 0)
                (void)volume_kill(a->name, a->timeout_ms, NULL);
        return r;
}

int volume_activate(const struct activation *a, struct diag *diag)
{
        struct activation copy = *a;
        int r;

        if (!a->header->rdev) {
                (void)diag_refuse(diag, VOLUME_E_FOREIGN, "block-device",
                                  "%s is not a block device", a->header->device);
                diag_advise(diag, "make it one: losetup --find --show %s", a->header->device);
                return VOLUME_E_FOREIGN;
        }
        r = child_run(activate_in_child, &copy, a->timeout_ms, diag);
        if (r == VOLUME_E_TIMEOUT || r == VOLUME_E_DIED) /* nobody has looked at what it left */
                (void)volume_kill(a->name, a->timeout_ms, NULL);
        return r;
}

/* A resume sends the key before it lets I/O go on: if it fails then, the kernel keeps the key of a
 * volume that is suspended. */
static int drop_key_of_suspended(void *arg, struct diag *diag)
{
        const struct activation *a = arg;
        struct table t;
        int r = table_ask(a->name, &t, diag);

        if (r < 0 || !t.suspended || t.key == TABLE_KEY_WIPED)
                return r;
        return volume_suspend(a->name, a->timeout_ms, diag);
}

static int resume_in_child(void *arg, struct diag *diag)
{
        const struct activation *a = arg;
        struct secret *key CLEANUP_SECRET = NULL;
        int r;

        r = volume_unlock_keyslot(a->header, a->keyslot, a->passphrase, &key, diag);
        if (r == 0)
                r = check_same_disk(a->header, diag);
        if (r != 0)
                return r;
        r = crypt_resume_by_volume_key(a->header->cd, a->name, (const char *)secret_bytes(key),
                                       secret_size(key));
        if (r == -EPERM)
                return wrong_key(diag, a->keyslot, "holds a key of another volume");
        if (r < 0)
                return diag_fail(diag, r, "cannot resume %s", a->name);
        r = check_live(a, diag);
        if (r != 0)
                (void)volume_suspend(a->name, a->timeout_ms, NULL);
        return r;
}

/* As volume_expect(), and what was found. */
static int expect(const char *name, enum volume_state state, struct table *ret, struct diag *diag)
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

        return expect(name, state, &t, diag);
}

int volume_resume(const struct activation *a, struct diag *diag)
{
        struct activation copy = *a;
        struct table t;
        int r = expect(a->name, VOLUME_SUSPENDED, &t, diag);

        if (r != 0)
                return r;
        if (!table_is_ours(&t, a->header->binding.uuid, a->name)) {
                (void)diag_refuse(diag, VOLUME_E_FOREIGN, "uuid-changed",
                                  "the mapping %s is of another volume than %s holds now", a->name,
                                  a->header->device);
                diag_advise(diag, "find the disk that it was opened from: dmsetup info %s; lsblk",
                            a->name);
                return VOLUME_E_FOREIGN;
        }
        r = check_geometry(a, &t, diag);
        if (r == 0 && t.other_options)
                r = mismatch(diag, "set of flags");
        if (r != 0)
                return r;
        copy.discards = t.discards;
        copy.no_read_workqueue = t.no_read_workqueue;
        copy.no_write_workqueue = t.no_write_workqueue;
        r = child_run(resume_in_child, &copy, a->timeout_ms, diag);
        if (r == VOLUME_E_TIMEOUT || r == VOLUME_E_DIED || r < 0)
                (void)child_run(drop_key_of_suspended, &copy, a->timeout_ms, NULL);
        return r;
}
