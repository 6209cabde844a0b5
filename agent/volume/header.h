/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A LUKS2 header, read from its device once into a sealed memory file, and what the rules found in
 * it. All later work (KDF, activation, resume) uses this copy; the disk is not asked again. */

#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"
#include "token/token.h"

struct crypt_device;

enum { HEADER_KEYSLOTS_MAX = 32, HEADER_TOKENS_MAX = 32 };

struct header_keyslot {
        int used;
        uint64_t offset, size; /* key material, bytes from the start of the device */
        unsigned int key_size; /* of the volume key, bytes */
};

/* One of the two copies of the header, as it lay on the disk when it was read. */
struct header_copy {
        int valid; /* whole: a reader may take it */
        uint64_t seqid;
        uint8_t sha256[32]; /* of all its bytes, damaged or not */
};

struct header {
        char device[256]; /* path as the caller gave it */
        int fd;           /* the device, read-only */
        int memory;       /* memfd with the copy */
        struct crypt_device *cd;
        dev_t rdev;           /* 0 for a plain file */
        uint64_t diskseq;     /* 0 where the kernel has none */
        uint64_t device_size; /* bytes */
        uint64_t area_size;   /* of one of the two header copies, bytes */
        uint64_t data_offset; /* bytes */
        uint32_t sector_size;
        struct header_copy copies[2];
        unsigned int key_size; /* of the volume key, bytes */
        struct token_binding binding;
        struct header_keyslot keyslots[HEADER_KEYSLOTS_MAX];
        struct token *tokens[HEADER_TOKENS_MAX]; /* ours only; index = token id in the header */
        /* Type of a token that is not ours and names this keyslot; "": none. For people only. */
        char foreign[HEADER_KEYSLOTS_MAX][48];
};

/* Positive outcomes of all of volume/. */
enum {
        VOLUME_E_RULE = 1,  /* the header breaks a named rule (diag->rule) */
        VOLUME_E_NO_LUKS2,  /* no LUKS2 header (rule "luks2") */
        VOLUME_E_MAC,       /* the header MAC does not verify (rule "header-mac") */
        VOLUME_E_KEYSLOT,   /* the passphrase opens no keyslot (rule "keyslot") */
        VOLUME_E_TABLE,     /* the live mapping is not as asked (rule "live-table") */
        VOLUME_E_BUSY,      /* in use, or the name is taken */
        VOLUME_E_INACTIVE,  /* no such mapping, or in the wrong state */
        VOLUME_E_FOREIGN,   /* a mapping or device that is not ours to touch */
        VOLUME_E_TIMEOUT,   /* the kernel did not answer in time; work may go on there */
        VOLUME_E_TOO_SMALL, /* no room for a header and data */
        VOLUME_E_DIED,      /* the child died in the middle of its work */
};

/* Reads device (block device or plain file) and applies all rules of volume/rules.c; the copy in
 * memory is sealed. 0 and *ret for the caller to free; VOLUME_E_RULE, VOLUME_E_NO_LUKS2; -errno. */
int header_read(const char *device, struct header **ret, struct diag *diag);

/* A copy of a header that was read, from memory, not sealed, for enrolment to change: what was
 * found out about the original holds for it too, whatever the disk says by now. As header_read()
 * otherwise. */
int header_clone(const struct header *original, struct header **ret, struct diag *diag);

/* The header in a memory file (which goes over to *ret, also on failure) that is to live on device:
 * how enrolment proves what it is about to write. Writable. */
int header_from_memory(int memory, const char *device, struct header **ret, struct diag *diag);

/* Inside volume/: keeps libcryptsetup's own messages off stderr. */
void header_silence(void);

/* Accepts NULL. */
void header_free(struct header *h);

/* Passphrase and MAC check for one token, on the copy: 0; VOLUME_E_MAC; -errno.
 * ret_passphrase (the caller's) opens the token's keyslot; a child that is forked for activation
 * gets it (secret_keep_on_fork()). */
int header_authenticate(const struct header *h, const struct token *token,
                        const struct secret *secret, struct secret **ret_passphrase,
                        struct diag *diag);

DEFINE_CLEANUP(struct header *, header_free)
#define CLEANUP_HEADER CLEANUP(header_freep)
