/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From each module's outcomes to the one set that the command and the agent share. */

#include "unlock/outcome.h"

#include "base/verdict.h"
#include "volume/header.h"

int exit_of_config(int r)
{
        return r < 0 ? EXIT_ENVIRONMENT : r == 0 ? EXIT_OK : EXIT_CONFIG;
}

int exit_of_volume(int r)
{
        if (r < 0)
                return EXIT_ENVIRONMENT;
        switch (r) {
        case 0: return EXIT_OK;
        case VOLUME_E_RULE:
        case VOLUME_E_NO_LUKS2:
        case VOLUME_E_MAC:
        case VOLUME_E_KEYSLOT:
        case VOLUME_E_TABLE: return EXIT_REFUSED;
        case VOLUME_E_TIMEOUT: return EXIT_TIMEOUT;
        case VOLUME_E_DIED: return EXIT_ENVIRONMENT;
        default: return EXIT_STATE;
        }
}

int exit_of_verdict(int r)
{
        return r < 0 ? EXIT_ENVIRONMENT : r == VERDICT_GRANTED ? EXIT_OK : EXIT_VERDICT + r;
}

int verdict_of_exit(int code)
{
        if (code == EXIT_OK)
                return VERDICT_GRANTED;
        return code > EXIT_VERDICT && code <= EXIT_VERDICT + VERDICT_MAX_ ? code - EXIT_VERDICT
                                                                          : -1;
}
