/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The names of the verdicts, as users, logs and --json see them. */

#include "base/verdict.h"

const char *verdict_name(int verdict)
{
        static const char *const names[] = {
            [VERDICT_GRANTED] = "granted",
            [VERDICT_KEY_STATE] = "key-state",
            [VERDICT_ACCESS_DENIED] = "access-denied",
            [VERDICT_CREDENTIAL] = "credential",
            [VERDICT_UNAVAILABLE] = "unavailable",
            [VERDICT_MISCONFIGURED] = "misconfigured",
            [VERDICT_TAMPERED] = "tampered",
        };

        return verdict >= 0 && verdict <= VERDICT_MAX_ ? names[verdict] : "unknown";
}
