/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The live device-mapper table of a mapping, by libdevmapper: what really is in force. */

#include <stdint.h>

#include "base/diag.h"

enum table_key { TABLE_KEY_OTHER, TABLE_KEY_KEYRING, TABLE_KEY_WIPED };

struct table {
        int exists;
        int suspended;
        int live;     /* has a live table; without one nothing can be read or written */
        int inactive; /* has a table loaded that is not live yet: it may hold a key */
        int open_count;
        unsigned int major, minor; /* of the mapping */
        char dm_uuid[130];         /* CRYPT-LUKS2-<uuid without dashes>-<name> */
        unsigned int targets;      /* number of targets */
        char target[32];           /* of the first: "crypt", "error", ... */
        uint64_t start, length;    /* sectors of 512 bytes */
        char cipher[64];           /* dm-crypt's from here on */
        enum table_key key;        /* never the key itself */
        char key_description[128]; /* ":64:logon:cryptsetup:<uuid>-d0" */
        uint64_t iv_offset;
        unsigned int data_major, data_minor;
        uint64_t data_offset; /* sectors of 512 bytes */
        uint32_t sector_size; /* 512 unless the table says otherwise */
        int discards, no_read_workqueue, no_write_workqueue, other_options;
};

/* Reads the mapping's table. 0 (exists = 0 if there is none), or -errno. The buffers that the
 * kernel's answer went through are wiped, as it may hold a key in hex. */
int table_read(const char *name, struct table *ret);

/* Inside volume/: which keys the targets of a mapping have, all of them, in the live table or in
 * one that is loaded. 0 (nothing found if there is no such table), or -errno; -ENXIO if there is no
 * such mapping. */
enum { TABLE_LIVE = 0, TABLE_LOADED = 1 };
struct table_keys {
        int any;   /* a crypt target has a key */
        int named; /* it is one that libcryptsetup names after this LUKS UUID */
};
int table_find_keys(const char *name, int state, const char *uuid, struct table_keys *ret);

/* Inside volume/: a crypt target's parameters into *t. Wipes params, which may hold a key. */
void table_parse_crypt(char *params, struct table *t);

/* As table_read(), with words and advice in diag where it fails. */
int table_ask(const char *name, struct table *ret, struct diag *diag);

/* 1 if I/O waits and no table has a key. */
int table_is_suspended(const struct table *table);

/* 1 if the table's DM UUID is cryptsetup's for this LUKS UUID (NULL = any LUKS2) and name. */
int table_is_ours(const struct table *table, const char *uuid, const char *name);
