/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One set of outcomes over all that the walk passes through: configuration, header, key service,
 * kernel. The command ends with them; the agent reads the verdict out of them. */

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

/* Module outcomes to exit codes; negative = environment. */
int exit_of_config(int r);
int exit_of_volume(int r);
int exit_of_verdict(int r);

/* The verdict in an outcome: VERDICT_GRANTED for EXIT_OK, -1 where no key service was the cause. */
int verdict_of_exit(int code);
