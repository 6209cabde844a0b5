/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The audit log: one JSON object a line, each with the SHA-256 of the line before it, so that a
 * line that was cut out, changed or put in between is found. It says who used which key for what,
 * each verdict that changed something, each rung with its erasure receipt; with the provider's
 * request id and the KMS context, so that it joins with the provider's own log (CloudTrail).
 *
 * A line: {"seq":N,"prev":"<64 hex>","time":"2026-01-02T03:04:05.678Z","boot":"<boot id>",
 * "event":"...", ...}. prev of line N is SHA-256 over line N-1 without its newline; of the first
 * line of a file, over the last line of the file before it, or 64 zeros in the very first. */

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"

#define AUDIT_PATH_DEFAULT "/var/log/luks-kms/audit.jsonl"

/* SHA-256 in hex, and its end; and what stands for "no line before". */
enum { AUDIT_HASH_TEXT = 65 };
#define AUDIT_HASH_NONE "0000000000000000000000000000000000000000000000000000000000000000"

struct audit;

/* What a line can say. Strings may be NULL or "": not written then. */
struct audit_entry {
        uint64_t time_us;  /* CLOCK_REALTIME; 0: now */
        const char *event; /* "unwrap", "probe", "verdict", "rung", "receipt", "restore", "adopt",
                            * "give-up", "agent-start", "agent-stop", "config", "drill" */
        const char *volume, *uuid, *key; /* volume's name, LUKS UUID, key URI */
        const char *role, *use;          /* of the KMS context: "persistence", "keyslot" */
        const char *verdict, *code, *request_id;
        const char *state, *rung, *outcome; /* outcome: "done", "failed", "hung", "proven", ... */
        const char *message;
        const char *table;   /* of a receipt: struct erasure's */
        int keyring_keys;    /* -1: not written */
        int64_t duration_ms; /* -1: not written */
};

#define AUDIT_ENTRY_INIT ((struct audit_entry){.keyring_keys = -1, .duration_ms = -1})

/* Opens for appending (0640, in a folder that must be root's), continuing the chain of what is
 * there; where nothing is, that of PATH.1, to which logrotate moves it. A last line that is torn (a
 * power cut) is kept, and the chain goes on from it with an entry that says so.
 * 0; AUDIT_E_UNSAFE; AUDIT_E_BROKEN (what is there is no audit log); -errno. */
enum { AUDIT_E_UNSAFE = 1, AUDIT_E_BROKEN };
int audit_open(const char *path, struct audit **ret, struct diag *diag);
void audit_close(struct audit *audit); /* accepts NULL */

/* Appends one line with one write(2), and fdatasync(2)s it where must_last is set (rungs and
 * receipts). Opens the file anew when it was rotated away; if it cannot, the line still goes to the
 * old file. May block as long as the disk does: a rung goes first, its line second.
 * 0 or -errno, which also says that the line is elsewhere or not on the disk yet. */
int audit_write(struct audit *audit, const struct audit_entry *entry, int must_last);

/* Hash of the last line, in hex: to be told elsewhere (the journal), so that a tail that was cut is
 * found. Lives as long as audit, and changes with each line. */
const char *audit_last(const struct audit *audit);

/* Checks the chain of one file: 0 with the number of lines; AUDIT_E_BROKEN with the first line that
 * is wrong, and why, in diag; -errno. first_prev, if not NULL: what prev of the first line must be.
 * ret_last: hash of the last line, in hex, for the next file. */
int audit_verify(const char *path, const char *first_prev, uint64_t *ret_lines, char ret_last[65],
                 struct diag *diag);

/* As audit_verify(), and whether a line with the hash expect is in the file: who was told that hash
 * knows then that nothing was cut off up to it. */
int audit_verify_holds(const char *path, const char *first_prev, const char *expect, bool *ret_held,
                       uint64_t *ret_lines, char ret_last[65], struct diag *diag);

/* 64 lower-case hex digits. */
bool audit_hash_valid(const char *text);

DEFINE_CLEANUP(struct audit *, audit_close)
#define CLEANUP_AUDIT CLEANUP(audit_closep)
