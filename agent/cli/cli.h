/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs share: options and reports. One file a verb. */

#include <stdbool.h>

#include "base/json.h"
#include "base/verdict.h"
#include "policy/config.h"
#include "unlock/outcome.h"

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

/* Says why the verb ended so, on stderr or as JSON on stdout, and returns code. */
int report_failure(const struct options *o, const char *volume, int code, const struct diag *diag);

/* One line on stdout, or with --json an object with outcome "ok". */
int report_success(const struct options *o, const char *volume, const struct diag *diag,
                   const char *fmt, ...) PRINTF(4, 5);
