/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: header MAC -> [dm-crypt activated -> live table checked]. Works on the sealed header only,
 * in a child; believes nothing but the kernel's table about the result. */

#include "volume/activate.h"

#include <libcryptsetup.h>

#include "volume/child.h"
#include "volume/keys.h"
#include "volume/live.h"
#include "volume/rung.h"

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

int activation_run(void *activation, struct diag *diag)
{
        const struct activation *a = activation;
        struct secret *key CLEANUP_SECRET = NULL;
        int r;

        if (!a->header->rdev) {
                (void)diag_refuse(diag, VOLUME_E_FOREIGN, "block-device",
                                  "%s is not a block device", a->header->device);
                diag_advise(diag, "make it one: losetup --find --show %s", a->header->device);
                return VOLUME_E_FOREIGN;
        }
        r = volume_unlock_keyslot(a->header, a->keyslot, a->passphrase, &key, diag);
        if (r == 0)
                r = live_check_disk(a->header, diag);
        if (r != 0)
                return r;
        r = crypt_activate_by_volume_key(a->header->cd, a->name, (const char *)secret_bytes(key),
                                         secret_size(key), crypt_flags(a));
        keys_drop_own();
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
        r = live_check(a, diag);
        if (r == 0)
                r = live_check_disk(a->header, diag);
        if (r != 0)
                (void)rung_kill(a->name, NULL, NULL);
        return r;
}

/* "There is no such mapping" is what undoing wants. */
static int undone(int r)
{
        return r == VOLUME_E_INACTIVE ? 0 : r;
}

int activation_undo(void *activation, struct diag *diag)
{
        const struct activation *a = activation;

        return undone(rung_kill(a->name, a->header->binding.uuid, diag));
}

int volume_activate(const struct activation *a, struct diag *diag)
{
        struct activation copy = *a;
        int r = child_run(activation_run, &copy, a->timeout_ms, diag);

        if (r == VOLUME_E_TIMEOUT || r == VOLUME_E_DIED) /* nobody has looked at what it left */
                (void)child_run(activation_undo, &copy, a->timeout_ms, NULL);
        return r;
}

static int resume(const struct activation *a, struct diag *diag)
{
        struct secret *key CLEANUP_SECRET = NULL;
        int r;

        r = volume_unlock_keyslot(a->header, a->keyslot, a->passphrase, &key, diag);
        if (r == 0)
                r = live_check_disk(a->header, diag);
        if (r != 0)
                return r;
        r = crypt_resume_by_volume_key(a->header->cd, a->name, (const char *)secret_bytes(key),
                                       secret_size(key));
        keys_drop_own();
        if (r == -EPERM)
                return wrong_key(diag, a->keyslot, "holds a key of another volume");
        return r < 0 ? diag_fail(diag, r, "cannot resume %s", a->name) : 0;
}

/* Is the mapping the header's, but for its key? */
static int check_suspended(const struct activation *a, struct table *ret, struct diag *diag)
{
        int r = live_expect(a->name, VOLUME_SUSPENDED, ret, diag);

        if (r != 0)
                return r;
        if (!table_is_ours(ret, a->header->binding.uuid, a->name)) {
                (void)diag_refuse(diag, VOLUME_E_FOREIGN, "uuid-changed",
                                  "the mapping %s is of another volume than %s holds now", a->name,
                                  a->header->device);
                diag_advise(diag, "find the disk that it was opened from: dmsetup info %s; lsblk",
                            a->name);
                return VOLUME_E_FOREIGN;
        }
        r = live_check_geometry(a, ret, diag);
        return r == 0 && ret->other_options ? live_mismatch(diag, "set of flags") : r;
}

int resumption_run(void *activation, struct diag *diag)
{
        struct activation a = *(const struct activation *)activation;
        struct table t;
        int r = check_suspended(&a, &t, diag);

        if (r != 0)
                return r;
        a.discards = t.discards;
        a.no_read_workqueue = t.no_read_workqueue;
        a.no_write_workqueue = t.no_write_workqueue;
        r = resume(&a, diag);
        if (r == 0)
                r = live_check(&a, diag);
        /* the key is sent before I/O goes on: if that fails, the kernel has it all the same */
        if (r != 0)
                (void)rung_suspend(a.name, a.header->binding.uuid, 0, NULL);
        return r;
}

int resumption_undo(void *activation, struct diag *diag)
{
        const struct activation *a = activation;

        return undone(rung_suspend(a->name, a->header->binding.uuid, 0, diag));
}

int volume_resume(const struct activation *a, struct diag *diag)
{
        struct activation copy = *a;
        int r = child_run(resumption_run, &copy, a->timeout_ms, diag);

        if (r == VOLUME_E_TIMEOUT || r == VOLUME_E_DIED) /* nobody has looked at what it left */
                (void)child_run(resumption_undo, &copy, a->timeout_ms, NULL);
        return r;
}
