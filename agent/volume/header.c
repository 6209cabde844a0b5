/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walk: device appears -> [header read once] -> rules -> KMS. Reads the disk exactly once, into a
 * memory file that is sealed before anything is decided on it, so that a disk that changes its
 * answers gains nothing. The copy is sparse: header areas, and key material of keyslots in use. */

#include "volume/header.h"

#include <fcntl.h>
#include <libcryptsetup.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "volume/ondisk.h"
#include "volume/rules.h"

enum { KEYSLOTS_SIZE_MAX = 128 << 20 };

void header_free(struct header *h)
{
        if (!h)
                return;
        crypt_free(h->cd);
        close_fd(h->memory);
        close_fd(h->fd);
        for (size_t i = 0; i < HEADER_TOKENS_MAX; i++)
                free(h->tokens[i]);
        free(h);
}

static struct header *header_new(const char *device)
{
        struct header *h = calloc(1, sizeof(*h));

        if (!h)
                return NULL;
        h->fd = h->memory = -1;
        (void)snprintf(h->device, sizeof(h->device), "%s", device);
        return h;
}

static int open_device(struct header *h, struct diag *diag)
{
        struct stat st;

        h->fd = open(h->device, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (h->fd < 0 || fstat(h->fd, &st) < 0) {
                const int r = -errno;

                (void)diag_fail(diag, r, "cannot open %s", h->device);
                diag_advise(diag, r == -EACCES
                                      ? "be root"
                                      : "is the disk attached (lsblk), and is Device= right?");
                return r;
        }
        if (S_ISBLK(st.st_mode)) {
                if (ioctl(h->fd, BLKGETSIZE64, &h->device_size) < 0)
                        return diag_fail(diag, -errno, "cannot read the size of %s", h->device);
                if (ioctl(h->fd, BLKGETDISKSEQ, &h->diskseq) < 0)
                        h->diskseq = 0; /* before Linux 5.15 */
                h->rdev = st.st_rdev;
        } else if (S_ISREG(st.st_mode)) {
                h->device_size = (uint64_t)st.st_size;
        } else {
                return diag_refuse(diag, VOLUME_E_NO_LUKS2, "luks2",
                                   "%s is neither a block device nor a file", h->device);
        }
        return 0;
}

static int copy_range(int from, int to, uint64_t offset, uint64_t size)
{
        uint8_t chunk[16384];

        while (size > 0) {
                const size_t n = size < sizeof(chunk) ? (size_t)size : sizeof(chunk);
                int r = pread_full(from, chunk, n, (off_t)offset);

                if (r == 0)
                        r = pwrite_full(to, chunk, n, (off_t)offset);
                if (r < 0)
                        return r;
                offset += n;
                size -= n;
        }
        return 0;
}

static int make_memory(struct header *h)
{
        const uint64_t all = 2 * (uint64_t)ONDISK_AREA_MAX + KEYSLOTS_SIZE_MAX;

        h->memory = memfd_create("luks-kms-header", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (h->memory < 0)
                return -errno;
        if (ftruncate(h->memory, (off_t)(h->device_size < all ? h->device_size : all)) < 0)
                return -errno;
        return 0;
}

/* libcryptsetup logs to stderr otherwise; what matters is said in diag. */
static void quiet(int level, const char *msg, void *userdata)
{
        (void)level;
        (void)msg;
        (void)userdata;
}

void header_silence(void)
{
        crypt_set_log_callback(NULL, quiet, NULL);
}

/* libcryptsetup may mend a damaged copy: in memory only, which is why this comes before sealing. */
static int load(struct header *h, struct diag *diag)
{
        char path[32];
        int r;

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", h->memory);
        header_silence();
        r = crypt_init_data_device(&h->cd, path, h->device);
        if (r < 0)
                return diag_fail(diag, r, "cannot set up %s", h->device);
        r = crypt_load(h->cd, CRYPT_LUKS2, NULL);
        if (r < 0) {
                (void)diag_refuse(diag, VOLUME_E_NO_LUKS2, "luks2",
                                  "%s holds a LUKS2 header that is damaged: %s", h->device,
                                  strerror(-r));
                diag_advise(diag, "try a header backup: cryptsetup luksHeaderRestore %s",
                            h->device);
                return VOLUME_E_NO_LUKS2;
        }
        return 0;
}

static int take_uuid(struct header *h, struct diag *diag)
{
        const char *uuid = crypt_get_uuid(h->cd);
        size_t i = 0;

        for (; uuid && uuid[i]; i++) {
                const int dash = i == 8 || i == 13 || i == 18 || i == 23;

                if (i >= 36 || (dash ? uuid[i] != '-' : !strchr("0123456789abcdef", uuid[i])))
                        break;
        }
        if (i != 36 || uuid[i] != '\0')
                return diag_refuse(diag, VOLUME_E_RULE, "uuid",
                                   "the header's UUID must be 36 lower-case characters");
        memcpy(h->binding.uuid, uuid, 37);
        return 0;
}

static int check_rules(struct header *h, struct diag *diag)
{
        struct json_doc *doc CLEANUP_JSON = NULL;
        const char *json;
        int r;

        r = take_uuid(h, diag);
        if (r != 0)
                return r;
        r = crypt_dump_json(h->cd, &json, 0);
        if (r < 0)
                return diag_fail(diag, r, "libcryptsetup cannot show the header's JSON");
        r = json_parse(json, strlen(json), &doc, diag);
        if (r != 0)
                return r < 0 ? r : diag_refuse(diag, VOLUME_E_RULE, "header-json", "bad JSON");
        return rules_check(json_root(doc), h, diag);
}

static int copy_keyslots(struct header *h, int source)
{
        for (size_t i = 0; i < HEADER_KEYSLOTS_MAX; i++) {
                const struct header_keyslot *k = &h->keyslots[i];
                int r = k->used ? copy_range(source, h->memory, k->offset, k->size) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int seal(const struct header *h)
{
        const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

        return fcntl(h->memory, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

/* Copies both header areas from source, which is read once, and looks at nothing else after. */
static int take_areas(struct header *h, int source, struct diag *diag)
{
        int r = ondisk_find_area_size(source, h->device, &h->area_size, diag);

        if (r != 0)
                return r;
        r = make_memory(h);
        if (r == 0)
                r = ondisk_copy(source, h->memory, h->area_size);
        return r < 0 ? diag_fail(diag, r, "cannot read the header of %s", h->device) : 0;
}

/* What the copy in memory says, by the rules. */
static int examine(struct header *h, struct diag *diag)
{
        int r = ondisk_look(h->memory, h->area_size, h->copies);

        if (r == 0)
                r = ondisk_check(h->memory, h->area_size, diag);
        if (r == 0)
                r = load(h, diag);
        return r == 0 ? check_rules(h, diag) : r;
}

/* A header of device from what source holds: the device itself, or another copy of it. */
static int from_source(struct header *h, int source, struct diag *diag)
{
        int r = take_areas(h, source, diag);

        if (r == 0)
                r = examine(h, diag);
        if (r != 0)
                return r;
        r = copy_keyslots(h, source);
        return r < 0 ? diag_fail(diag, r, "cannot copy the keyslots of %s", h->device) : 0;
}

int header_read(const char *device, struct header **ret, struct diag *diag)
{
        struct header *h CLEANUP_HEADER = header_new(device);
        int r;

        if (!h)
                return -ENOMEM;
        r = open_device(h, diag);
        if (r == 0)
                r = from_source(h, h->fd, diag);
        if (r != 0)
                return r;
        r = seal(h);
        if (r < 0)
                return diag_fail(diag, r, "cannot seal the copy of the header of %s", device);
        *ret = TAKE_PTR(h);
        return 0;
}

int header_clone(const struct header *original, struct header **ret, struct diag *diag)
{
        struct header *h CLEANUP_HEADER = header_new(original->device);
        int r;

        if (!h)
                return -ENOMEM;
        r = open_device(h, diag);
        if (r == 0)
                r = from_source(h, original->memory, diag);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

int header_from_memory(int memory, const char *device, struct header **ret, struct diag *diag)
{
        struct header *h CLEANUP_HEADER = header_new(device);
        int r;

        if (!h) {
                close_fd(memory);
                return -ENOMEM;
        }
        h->memory = memory;
        r = open_device(h, diag);
        if (r == 0)
                r = ondisk_find_area_size(memory, device, &h->area_size, diag);
        if (r == 0)
                r = examine(h, diag);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

int header_authenticate(const struct header *h, const struct token *token,
                        const struct secret *secret, struct secret **ret_passphrase,
                        struct diag *diag)
{
        struct secret *passphrase CLEANUP_SECRET = NULL, *mac_key CLEANUP_SECRET = NULL;
        int r;

        r = token_derive(secret, h->binding.uuid, &passphrase, &mac_key);
        if (r < 0)
                return diag_fail(diag, r, "cannot derive the keyslot's passphrase");
        r = token_mac_verify(mac_key, &h->binding, token, diag);
        if (r != 0)
                return r > 0 ? VOLUME_E_MAC : r;
        r = secret_keep_on_fork(passphrase); /* activation is a child's work */
        if (r < 0)
                return diag_fail(diag, r, "cannot share the passphrase with a child");
        *ret_passphrase = TAKE_PTR(passphrase);
        return 0;
}
