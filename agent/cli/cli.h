/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs share: options, exit codes, reports. One file a verb. */

#include <stdbool.h>

#include "base/json.h"
#include "base/verdict.h"
#include "policy/config.h"

/* Documented in agent/doc/luks-kms.8.adoc; scripts rely on them. */
enum exit_code {
        EXIT_OK = 0,
        EXIT_ENVIRONMENT = 1, /* the system failed: I/O, memory, permission */
        EXIT_USAGE = 2,
        EXIT_CONFIG = 3,
        EXIT_REFUSED = 4,  /* the header or the live mapping breaks a named rule */
        EXIT_STATE = 5,    /* in use, not open, not suspended, bears a signature, not ours */
        EXIT_TIMEOUT = 6,  /* the kernel did not finish in time */
        EXIT_VERDICT = 10, /* + enum verdict: 11 key-state ... 16 tampered */
};

enum { AUDIT_FILES_MAX = 64 };

struct options {
        const char *config_dir;
        bool json, force, kill;
        const char *expect, *from; /* hashes for audit verify, or NULL */
        const char *verb;          /* "open", "recipient verify": for reports */
        char **args;               /* what stands after the verb */
        int arg_count;
};

struct verb {
        const char *name, *arguments, *summary;
        int args_min, args_max;
        bool takes_force, takes_kill;
        int (*run)(const struct options *o);
        bool takes_chain; /* files instead of names, --expect and --from */
};

extern const struct verb verbs[]; /* ends with a NULL name */

int verb_format(const struct options *o);
int verb_open(const struct options *o);
int verb_close(const struct options *o);
int verb_suspend(const struct options *o);
int verb_resume(const struct options *o);
int verb_status(const struct options *o);
int verb_recipient_verify(const struct options *o);
int verb_recipient_add(const struct options *o);
int verb_recipient_remove(const struct options *o);
int verb_recipient_replace(const struct options *o);
int verb_config(const struct options *o);
int verb_audit_show(const struct options *o);
int verb_audit_verify(const struct options *o);

/* Module outcomes to exit codes; negative = environment. */
int exit_of_config(int r);
int exit_of_volume(int r);
int exit_of_verdict(int r);

/* Says why the verb ended so, on stderr or as JSON on stdout, and returns code. */
int report_failure(const struct options *o, const char *volume, int code, const struct diag *diag);

/* One line on stdout, or with --json an object with outcome "ok". */
int report_success(const struct options *o, const char *volume, const struct diag *diag,
                   const char *fmt, ...) PRINTF(4, 5);
