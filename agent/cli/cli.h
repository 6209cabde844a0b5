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
        EXIT_AGENT = 7,    /* the agent does not run, does not answer in time, or fails */
        EXIT_DRILL = 8,    /* a drill ended, and not as it should */
        EXIT_VERDICT = 10, /* + enum verdict: 11 key-state ... 16 tampered */
};

struct options {
        const char *config_dir;
        const char *socket; /* the agent's; NULL: where it is */
        const char *rung;   /* drill: "suspend", "close", "kill"; NULL: the agent's choice */
        bool json, force, kill, yes;
        const char *verb; /* "open", "recipient verify": for reports */
        char **args;      /* what stands after the verb */
        int arg_count;
};

struct verb {
        const char *name, *arguments, *summary;
        int args_min, args_max;
        bool takes_force, takes_kill;
        int (*run)(const struct options *o);
        bool takes_drill; /* --rung and --yes */
};

extern const struct verb verbs[]; /* ends with a NULL name */

int verb_format(const struct options *o);
int verb_open(const struct options *o);
int verb_close(const struct options *o);
int verb_suspend(const struct options *o);
int verb_resume(const struct options *o);
int verb_status(const struct options *o);
int verb_why(const struct options *o);
int verb_explain(const struct options *o);
int verb_metrics(const struct options *o);
int verb_probe(const struct options *o);
int verb_drill(const struct options *o);
int verb_recipient_verify(const struct options *o);
int verb_recipient_add(const struct options *o);
int verb_recipient_remove(const struct options *o);
int verb_recipient_replace(const struct options *o);

/* Module outcomes to exit codes; negative = environment. */
int exit_of_config(int r);
int exit_of_volume(int r);
int exit_of_verdict(int r);

/* Says why the verb ended so, on stderr or as JSON on stdout, and returns code. */
int report_failure(const struct options *o, const char *volume, int code, const struct diag *diag);

/* One line on stdout, or with --json an object with outcome "ok". */
int report_success(const struct options *o, const char *volume, const struct diag *diag,
                   const char *fmt, ...) PRINTF(4, 5);
