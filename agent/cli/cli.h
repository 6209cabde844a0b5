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
        const char *socket; /* the agent's; NULL: where it is */
        const char *rung;   /* drill: "suspend", "close", "kill"; NULL: the agent's choice */
        bool json, force, kill, yes;
        const char *expect, *from; /* hashes for audit verify, or NULL */
        const char *verb;          /* "open", "recipient verify": for reports */
        char **args;               /* what stands after the verb */
        int arg_count;
};

/* Options that are not for every verb. */
enum takes {
        TAKES_FORCE = 1,
        TAKES_KILL = 2,
        TAKES_CHAIN = 4, /* files instead of names, --expect and --from */
        TAKES_DRILL = 8, /* --rung and --yes */
};

struct verb {
        const char *name, *arguments, *summary;
        int args_min, args_max;
        unsigned int takes; /* enum takes */
        int (*run)(const struct options *o);
};

extern const struct verb verbs[]; /* ends with a NULL name */
void verbs_print_help(void);
/* The verb at the head of argv, of one word or two, or NULL. */
const struct verb *verbs_find(int argc, char **argv, int *ret_words);

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
int verb_config(const struct options *o);
int verb_audit_show(const struct options *o);
int verb_audit_verify(const struct options *o);

/* Says why the verb ended so, on stderr or as JSON on stdout, and returns code. */
int report_failure(const struct options *o, const char *volume, int code, const struct diag *diag);

/* One line on stdout, or with --json an object with outcome "ok". */
int report_success(const struct options *o, const char *volume, const struct diag *diag,
                   const char *fmt, ...) PRINTF(4, 5);
