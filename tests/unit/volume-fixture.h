/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A LUKS2 volume in a plain file in a folder of its own, for the tests of agent/volume: made by
 * enrolment itself, without root and without the device mapper. */

#include "token-fixture.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "volume/activate.h"
#include "volume/enrol.h"
#include "volume/store.h"

enum {
        VOLUME_SIZE = 20 << 20,
        AREA = 16384, /* of one header copy */
        DATA_AT = 16 << 20,
        JSON_AT = 4096, /* in a copy, as the others below */
        SEQID_AT = 16,
        CSUM_ALG_AT = 72,
        UUID_AT = 168,
        CSUM_AT = 448,
};

static char folder[] = "/tmp/luks-kms-test-volume-XXXXXX";
static char volume[64];              /* the file */
static struct secret *volume_secret; /* of its first recipient */

static inline int folder_make(void **state)
{
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        (void)snprintf(volume, sizeof(volume), "%s/volume", folder);
        return secret_random(TOKEN_SECRET_SIZE, &volume_secret);
}

static inline int folder_remove(void **state)
{
        (void)state;
        secret_free(volume_secret);
        (void)unlink(volume);
        return rmdir(folder);
}

/* The file, to read and write behind the back of what is tested. */
static inline int volume_open(void)
{
        int fd = open(volume, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        return fd;
}

static inline void volume_put(const void *data, size_t len, off_t offset)
{
        CLEANUP_FD int fd = volume_open();

        assert_int_equal(pwrite_full(fd, data, len, offset), 0);
}

static inline void volume_fill(int byte, size_t len, off_t offset)
{
        CLEANUP_FREE char *data = malloc(len);

        assert_non_null(data);
        memset(data, byte, len);
        volume_put(data, len, offset);
}

static inline void volume_get(void *data, size_t len, off_t offset)
{
        CLEANUP_FD int fd = volume_open();

        assert_int_equal(pread_full(fd, data, len, offset), 0);
}

/* All in front of the data. The caller frees it. */
static inline char *disk_contents(void)
{
        char *data = malloc(DATA_AT);

        assert_non_null(data);
        volume_get(data, DATA_AT, 0);
        return data;
}

/* An empty file of the size. */
static inline void volume_blank(off_t size)
{
        CLEANUP_FD int fd = -1;

        (void)unlink(volume);
        fd = volume_open();
        assert_int_equal(ftruncate(fd, size), 0);
}

static inline int volume_update(const struct header *before, const struct header *h,
                                struct diag *diag)
{
        CLEANUP_FD int fd = -1;

        assert_int_equal(store_open(volume, STORE_UPDATE, &fd, diag), 0);
        return store_update(fd, before, h, diag);
}

/* A new volume in the file that is there. */
static inline void volume_format(uint32_t sector_size)
{
        struct header *h CLEANUP_HEADER = NULL;
        struct diag diag = DIAG_INIT;
        struct token token;
        struct enrolment e = {.secret = volume_secret, .token = &token};
        CLEANUP_FD int fd = -1;

        fill_token(&token);
        if (enrol_new(volume, UUID, sector_size, &e, &h, &diag) != 0 ||
            store_open(volume, STORE_NEW, &fd, &diag) != 0 || store_new(fd, h, &diag) != 0)
                fail_msg("cannot make a volume: %s", diag.message);
}

/* A volume in a new file. Formatting waits for the disk, so each kind is formatted once only and
 * then copied, headers and the first keyslot. */
static inline void volume_make(uint32_t sector_size)
{
        static uint8_t saved[2][512 << 10];
        static int made[2];
        const int kind = sector_size == 512;

        volume_blank(VOLUME_SIZE);
        if (made[kind]) {
                volume_put(saved[kind], sizeof(saved[kind]), 0);
                return;
        }
        volume_format(sector_size);
        volume_get(saved[kind], sizeof(saved[kind]), 0);
        made[kind] = 1;
}

/* Reads the header, or says why not. */
static inline struct header *volume_read(void)
{
        struct diag diag = DIAG_INIT;
        struct header *h = NULL;

        if (header_read(volume, &h, &diag) != 0)
                fail_msg("cannot read the header: %s: %s", diag.rule, diag.message);
        return h;
}

/* A copy that may be changed. */
static inline struct header *volume_read_writable(void)
{
        struct header *h CLEANUP_HEADER = volume_read(), *copy = NULL;

        assert_int_equal(header_clone(h, &copy, NULL), 0);
        return copy;
}

/* Does the secret open the volume by the token? As an unlock goes, short of activation. */
static inline int volume_opens(const struct header *h, int token_id, const struct secret *secret,
                               struct diag *diag)
{
        struct secret *passphrase CLEANUP_SECRET = NULL;
        int r;

        assert_non_null(h->tokens[token_id]);
        r = header_authenticate(h, h->tokens[token_id], secret, &passphrase, diag);
        return r != 0 ? r
                      : volume_check_passphrase(h, h->tokens[token_id]->keyslot, passphrase, diag);
}

/* One copy of the header on the disk, changed as whoever writes to the disk can: its checksum is
 * right again. */
static inline void volume_edit(int copy, void (*change)(uint8_t area[AREA]))
{
        uint8_t area[AREA];
        unsigned int len;

        volume_get(area, AREA, (off_t)copy * AREA);
        change(area);
        memset(area + CSUM_AT, 0, 64);
        assert_true(EVP_Digest(area, AREA, area + CSUM_AT, &len, EVP_sha256(), NULL));
        volume_put(area, AREA, (off_t)copy * AREA);
}
