/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A ladder: a volume's ordered answer to revocation (OnRevoke=) or to a long outage (OnOutage=).
 * Text form: "alert; suspend 5min; close 24h": rungs in growing strength, each with the time after
 * the revocation at which it begins (0 if none is written, never less than the rung before). */

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/* In growing strength; the numbers are not stored anywhere, the names are. */
enum rung_kind {
        RUNG_ALERT,    /* tell: journal, audit, metrics */
        RUNG_SUSPEND,  /* I/O waits, the key is wiped; undone in place by a grant */
        RUNG_CLOSE,    /* dependants stopped, mapping removed */
        RUNG_KILL,     /* error table in place of the mapping */
        RUNG_ERASE,    /* the keyslots are overwritten: nothing opens the volume any more */
        RUNG_POWEROFF, /* the machine */
        RUNG_KINDS_
};

enum { LADDER_MAX = 6 };

struct rung {
        enum rung_kind kind;
        uint64_t after_ms; /* since the revocation (the outage: since MaxOutage was over) */
};

struct ladder {
        size_t count;
        struct rung rungs[LADDER_MAX];
};

/* "suspend"; never NULL for a kind. */
const char *rung_name(enum rung_kind kind);

/* 0 and *ret; LADDER_E_INVALID with the expected form in diag. Rungs must grow in strength and
 * their times must not fall. */
enum { LADDER_E_INVALID = 1 };
int ladder_parse(const char *text, struct ladder *ret, struct diag *diag);

/* The text form, so that ladder_parse() reads the same ladder. "" is never written: an empty
 * ladder is "keep". 0 or -ENOBUFS. */
int ladder_write(const struct ladder *ladder, char *buf, size_t size);
