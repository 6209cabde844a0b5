/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Builds headers in memory with libcryptsetup. Trusts its arguments; proves its own result by the
 * very checks that an unlock makes, before anybody writes it anywhere. */

#include "volume/enrol.h"

#include <fcntl.h>
#include <libcryptsetup.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "volume/activate.h"

enum {
        DATA_OFFSET = 16 << 20, /* cryptsetup's default, and a multiple of any flash page */
        VOLUME_KEY_SIZE = 64,   /* AES-256-XTS */
        DATA_MIN = 1 << 20,
};

/* The secret is 256 uniformly random bits: stretching adds nothing, as clevis and
 * systemd-cryptenroll reason too. */
static const struct crypt_pbkdf_type cheap_kdf = {
    .type = CRYPT_KDF_PBKDF2,
    .hash = "sha256",
    .iterations = ENROL_KDF_ITERATIONS,
    .flags = CRYPT_PBKDF_NO_BENCHMARK,
};

static void crypt_freep(struct crypt_device **cd)
{
        crypt_free(*cd);
}

static int device_size(const char *device, uint64_t *ret, struct diag *diag)
{
        int fd CLEANUP_FD = open(device, O_RDONLY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return diag_fail(diag, -errno, "cannot open %s", device);
        *ret = (uint64_t)st.st_size;
        if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, ret) < 0)
                return diag_fail(diag, -errno, "cannot read the size of %s", device);
        return 0;
}

/* Token with its keyslot and MAC, into the header under token_id (CRYPT_ANY_TOKEN: the next). */
static int put_token(struct crypt_device *cd, const struct token_binding *binding,
                     const struct secret *mac_key, int keyslot, struct token *token)
{
        char *json CLEANUP_FREE = malloc(TOKEN_JSON_MAX);
        int r;

        if (!json)
                return -ENOMEM;
        token->keyslot = keyslot;
        r = token_mac(mac_key, binding, token, token->mac);
        if (r == 0)
                r = token_write(token, json, TOKEN_JSON_MAX);
        return r < 0 ? r : crypt_token_json_set(cd, CRYPT_ANY_TOKEN, json);
}

/* Binding of a header that has no token yet: the rules read it. */
static int read_binding(int memory, const char *device, struct token_binding *ret,
                        struct diag *diag)
{
        struct header *h CLEANUP_HEADER = NULL;
        int copy = fcntl(memory, F_DUPFD_CLOEXEC, 3), r;

        if (copy < 0)
                return -errno;
        r = header_from_memory(copy, device, &h, diag);
        if (r == 0)
                *ret = h->binding;
        return r;
}

static int format_copy(struct crypt_device *cd, const char *uuid, const char *device,
                       uint32_t sector_size)
{
        struct crypt_params_luks2 params = {
            .pbkdf = &cheap_kdf,
            .data_device = device,
            .sector_size = sector_size,
        };
        int r = crypt_set_data_offset(cd, DATA_OFFSET / 512);

        if (r == 0)
                r = crypt_set_metadata_size(cd, 16384, DATA_OFFSET - 2 * 16384);
        return r < 0 ? r
                     : crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", uuid, NULL,
                                    VOLUME_KEY_SIZE, &params);
}

static int make_memory(uint64_t size)
{
        int fd = memfd_create("luks-kms-header", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (fd < 0)
                return -errno;
        if (ftruncate(fd, (off_t)size) < 0) {
                int r = -errno;

                close_fd(fd);
                return r;
        }
        return fd;
}

static int build(int memory, const char *device, const char *uuid, uint32_t sector_size,
                 struct enrolment *e, struct diag *diag)
{
        struct crypt_device *cd CLEANUP(crypt_freep) = NULL;
        struct secret *passphrase CLEANUP_SECRET = NULL, *mac_key CLEANUP_SECRET = NULL;
        struct token_binding binding;
        char path[32];
        int keyslot, r;

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
        header_silence();
        r = crypt_init_data_device(&cd, path, device);
        if (r == 0)
                r = format_copy(cd, uuid, device, sector_size);
        if (r == 0)
                r = token_derive(e->secret, uuid, &passphrase, &mac_key);
        if (r < 0)
                return diag_fail(diag, r, "cannot make a header for %s", device);
        keyslot = crypt_keyslot_add_by_volume_key(
            cd, 0, NULL, 0, (const char *)secret_bytes(passphrase), secret_size(passphrase));
        if (keyslot < 0)
                return diag_fail(diag, keyslot, "cannot make a keyslot");
        r = read_binding(memory, device, &binding, diag);
        if (r == 0)
                r = put_token(cd, &binding, mac_key, keyslot, e->token);
        return r < 0 ? diag_fail(diag, r, "cannot make a token") : 0;
}

/* What an unlock would do, short of activation. */
static int prove(const struct header *h, const struct token *token, const struct secret *secret,
                 struct diag *diag)
{
        struct secret *passphrase CLEANUP_SECRET = NULL;
        int r = header_authenticate(h, token, secret, &passphrase, diag);

        return r != 0 ? r : volume_check_passphrase(h, token->keyslot, passphrase, diag);
}

int enrol_new(const char *device, const char *uuid, uint32_t sector_size, struct enrolment *e,
              struct header **ret, struct diag *diag)
{
        struct header *h CLEANUP_HEADER = NULL;
        uint64_t size;
        int memory, r;

        r = device_size(device, &size, diag);
        if (r < 0)
                return r;
        if (size < DATA_OFFSET + DATA_MIN) {
                (void)diag_refuse(diag, VOLUME_E_TOO_SMALL, "too-small",
                                  "%s is too small for a header of 16 MiB and data", device);
                diag_advise(diag, "give it at least %d MiB", (DATA_OFFSET + DATA_MIN) >> 20);
                return VOLUME_E_TOO_SMALL;
        }
        memory = make_memory(DATA_OFFSET);
        if (memory < 0)
                return memory;
        r = build(memory, device, uuid, sector_size, e, diag);
        if (r != 0) {
                close_fd(memory);
                return r;
        }
        r = header_from_memory(memory, device, &h, diag);
        if (r == 0)
                r = h->tokens[0] ? prove(h, h->tokens[0], e->secret, diag) : -EIO;
        if (r != 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

/* The rules again over the changed copy, so that *h says what the copy holds. */
static int reexamine(struct header *h, struct diag *diag)
{
        struct header *fresh CLEANUP_HEADER = NULL, swap;
        int copy = fcntl(h->memory, F_DUPFD_CLOEXEC, 3), r;

        if (copy < 0)
                return -errno;
        r = header_from_memory(copy, h->device, &fresh, diag);
        if (r != 0)
                return r;
        swap = *h;
        *h = *fresh;
        *fresh = swap;
        return 0;
}

int enrol_add(struct header *h, int keyslot, const struct secret *passphrase, struct enrolment *e,
              struct diag *diag)
{
        struct secret *new_passphrase CLEANUP_SECRET = NULL, *mac_key CLEANUP_SECRET = NULL;
        struct secret *key CLEANUP_SECRET = NULL;
        int slot, id, r;

        r = volume_unlock_keyslot(h, keyslot, passphrase, &key, diag);
        if (r != 0)
                return r;
        r = token_derive(e->secret, h->binding.uuid, &new_passphrase, &mac_key);
        if (r == 0)
                r = crypt_set_pbkdf_type(h->cd, &cheap_kdf);
        if (r < 0)
                return diag_fail(diag, r, "cannot prepare a keyslot");
        slot = crypt_keyslot_add_by_volume_key(
            h->cd, CRYPT_ANY_SLOT, (const char *)secret_bytes(key), secret_size(key),
            (const char *)secret_bytes(new_passphrase), secret_size(new_passphrase));
        if (slot < 0)
                return diag_fail(diag, slot, "cannot add a keyslot");
        id = put_token(h->cd, &h->binding, mac_key, slot, e->token);
        if (id < 0)
                return diag_fail(diag, id, "cannot add a token");
        r = reexamine(h, diag);
        if (r == 0)
                r = h->tokens[id] ? prove(h, h->tokens[id], e->secret, diag) : -EIO;
        return r;
}

int enrol_remove(struct header *h, int token_id, struct diag *diag)
{
        const int keyslot = h->tokens[token_id]->keyslot;
        int r;

        r = crypt_token_json_set(h->cd, token_id, NULL);
        if (r >= 0)
                r = crypt_keyslot_destroy(h->cd, keyslot);
        if (r < 0)
                return diag_fail(diag, r, "cannot remove keyslot %d", keyslot);
        return reexamine(h, diag);
}
