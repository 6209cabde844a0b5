/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The LUKS2 binary header (LUKS2 on-disk format 1.1.1, section 2.1). Its checksum has no key: it
 * tells a torn write from a whole one, and nothing about who wrote it. */

#include "volume/ondisk.h"

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/fdio.h"
#include "volume/rules.h"

enum {
        AREA_MIN = 16384,
        /* offsets in the binary header, LUKS2 on-disk format 1.1.1, section 2.1 */
        OFF_VERSION = 6,
        OFF_SIZE = 8,
        OFF_SEQID = 16,
        OFF_CSUM_ALG = 72,
        OFF_OFFSET = 256,
        OFF_CSUM = 448,
        CSUM_SIZE = 64,
};

static const char magic_first[6] = {'L', 'U', 'K', 'S', '\xba', '\xbe'};
static const char magic_second[6] = {'S', 'K', 'U', 'L', '\xba', '\xbe'};

static int is_area_size(uint64_t size)
{
        return size >= AREA_MIN && size <= ONDISK_AREA_MAX && (size & (size - 1)) == 0;
}

/* Is this the binary header of the copy at offset? */
static int is_copy(const uint8_t *binary, uint64_t offset)
{
        const uint64_t size = get_be(binary + OFF_SIZE, 8);

        return memcmp(binary, offset == 0 ? magic_first : magic_second, sizeof(magic_first)) == 0 &&
               get_be(binary + OFF_VERSION, 2) == 2 && get_be(binary + OFF_OFFSET, 8) == offset &&
               is_area_size(size) && (offset == 0 || size == offset);
}

/* Is there a copy at offset? 1 and *binary, 0, or -errno. A device can be shorter. */
static int probe(int fd, uint64_t offset, uint8_t binary[ONDISK_BINARY_SIZE])
{
        int r;

        memset(binary, 0, ONDISK_BINARY_SIZE);
        r = pread_full(fd, binary, ONDISK_BINARY_SIZE, (off_t)offset);
        return r == 0 ? is_copy(binary, offset) : r == -ENODATA ? 0 : r;
}

int ondisk_find_area_size(int fd, const char *device, uint64_t *ret, struct diag *diag)
{
        uint8_t binary[ONDISK_BINARY_SIZE];
        int failed = 0, r = probe(fd, 0, binary);

        if (r > 0) {
                *ret = get_be(binary + OFF_SIZE, 8);
                return 0;
        }
        if (memcmp(binary, magic_first, sizeof(magic_first)) == 0 &&
            get_be(binary + OFF_VERSION, 2) == 1) {
                (void)diag_refuse(diag, VOLUME_E_NO_LUKS2, "luks2",
                                  "%s holds a LUKS1 header; luks-kms needs LUKS2", device);
                diag_advise(diag, "convert it: cryptsetup convert --type luks2 %s", device);
                return VOLUME_E_NO_LUKS2;
        }
        for (uint64_t offset = AREA_MIN; offset <= ONDISK_AREA_MAX; offset *= 2) {
                failed = r < 0 ? r : failed;
                r = probe(fd, offset, binary);
                if (r > 0) {
                        *ret = offset;
                        return 0;
                }
        }
        failed = r < 0 ? r : failed;
        if (failed < 0) /* which says nothing of what the disk holds */
                return diag_fail(diag, failed, "cannot read the header of %s", device);
        (void)diag_refuse(diag, VOLUME_E_NO_LUKS2, "luks2", "%s holds no LUKS2 header", device);
        diag_advise(diag,
                    "is Device= right? See what is on it: blkid -p %s; if it was a volume, restore "
                    "a header backup: cryptsetup luksHeaderRestore",
                    device);
        return VOLUME_E_NO_LUKS2;
}

static int checksum_valid(const uint8_t *area, size_t size)
{
        uint8_t binary[ONDISK_BINARY_SIZE], digest[EVP_MAX_MD_SIZE];
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        unsigned int len = 0;
        int ok;

        memcpy(binary, area, sizeof(binary));
        memset(binary + OFF_CSUM, 0, CSUM_SIZE);
        ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
             EVP_DigestUpdate(md, binary, sizeof(binary)) &&
             EVP_DigestUpdate(md, area + sizeof(binary), size - sizeof(binary)) &&
             EVP_DigestFinal_ex(md, digest, &len) && memcmp(digest, area + OFF_CSUM, len) == 0;
        EVP_MD_CTX_free(md);
        return ok;
}

/* Both copies that libcryptsetup could take must be strict JSON, before its lenient parser sees
 * them. A copy with a wrong checksum is a torn write: libcryptsetup will not take it. */
static int check_copy(int fd, uint64_t area_size, uint64_t offset, struct diag *diag)
{
        uint8_t *area CLEANUP_FREE = malloc(area_size);
        int r;

        if (!area)
                return -ENOMEM;
        r = pread_full(fd, area, area_size, (off_t)offset);
        if (r < 0)
                return r;
        if (!is_copy(area, offset))
                return 0;
        if (get_be(area + OFF_SIZE, 8) != area_size)
                return diag_refuse(diag, VOLUME_E_RULE, "header-size",
                                   "the header changed its size while it was read");
        if (strncmp((const char *)area + OFF_CSUM_ALG, "sha256", 32) != 0)
                return diag_refuse(diag, VOLUME_E_RULE, "header-checksum",
                                   "the header's checksum must be sha256");
        if (!checksum_valid(area, area_size))
                return 0;
        return rules_check_text((const char *)area + ONDISK_BINARY_SIZE,
                                area_size - ONDISK_BINARY_SIZE, diag);
}

int ondisk_check(int fd, uint64_t area_size, struct diag *diag)
{
        int r = check_copy(fd, area_size, 0, diag);

        return r != 0 ? r : check_copy(fd, area_size, area_size, diag);
}

static int look_at(const uint8_t *area, uint64_t area_size, uint64_t offset,
                   struct header_copy *ret)
{
        ret->seqid = get_be(area + OFF_SEQID, 8);
        ret->valid = is_copy(area, offset) && get_be(area + OFF_SIZE, 8) == area_size &&
                     checksum_valid(area, area_size);
        return EVP_Digest(area, area_size, ret->sha256, NULL, EVP_sha256(), NULL) ? 0 : -EIO;
}

/* One copy's place into area. Where the disk cannot read it any more: -EIO and zeros, which are no
 * valid copy. */
static int read_area(int fd, uint64_t area_size, int copy, uint8_t *area)
{
        int r = pread_full(fd, area, area_size, (off_t)((uint64_t)copy * area_size));

        if (r == -EIO)
                memset(area, 0, area_size);
        return r;
}

int ondisk_look(int fd, uint64_t area_size, struct header_copy ret[2])
{
        uint8_t *area CLEANUP_FREE = malloc(area_size);
        struct header_copy copies[2];

        if (!area)
                return -ENOMEM;
        for (int i = 0; i < 2; i++) {
                int r = read_area(fd, area_size, i, area);

                if (r == 0 || r == -EIO)
                        r = look_at(area, area_size, (uint64_t)i * area_size, &copies[i]);
                if (r < 0)
                        return r;
        }
        memcpy(ret, copies, sizeof(copies));
        return 0;
}

int ondisk_copy(int fd, int memory, uint64_t area_size)
{
        uint8_t *area CLEANUP_FREE = malloc(area_size);
        struct header_copy look;
        int valid = 0, failed = 0;

        if (!area)
                return -ENOMEM;
        for (int i = 0; i < 2; i++) {
                int r = read_area(fd, area_size, i, area);

                failed = r == -EIO ? r : failed;
                if (r == 0 || r == -EIO)
                        r = look_at(area, area_size, (uint64_t)i * area_size, &look);
                if (r == 0)
                        r = pwrite_full(memory, area, area_size, (off_t)((uint64_t)i * area_size));
                if (r < 0)
                        return r;
                valid |= look.valid;
        }
        return valid ? 0 : failed;
}
