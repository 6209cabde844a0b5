/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* close and suspend: no KMS, no header, no config: nothing that is damaged or misspelt elsewhere
 * may stand in the way of taking a volume away. */

#include "base/fdio.h"
#include "cli/cli.h"
#include "volume/activate.h"
#include "volume/lock.h"
#include "volume/teardown.h"

enum { TIMEOUT_MS = 60000, LOCK_WAIT_MS = 5000 };

static int fail(const struct options *o, int code, const struct diag *diag)
{
        return report_failure(o, o->args[0], code, diag);
}

static int check_name(const struct options *o, struct diag *diag)
{
        if (volume_name_valid(o->args[0]))
                return EXIT_OK;
        (void)diag_refuse(diag, 0, "name", "%s cannot be the name of a mapping", o->args[0]);
        diag_advise(diag, "see the names: luks-kms status");
        return EXIT_USAGE;
}

int verb_close(const struct options *o)
{
        struct diag diag = DIAG_INIT;
        const char *name = o->args[0];
        int lock CLEANUP_FD = -1, code = check_name(o, &diag);

        if (code == EXIT_OK && !o->kill) /* which cuts off whatever stands in its way */
                code = exit_of_volume(volume_lock(name, LOCK_WAIT_MS, &lock, &diag));
        if (code == EXIT_OK)
                code = exit_of_volume(o->kill ? volume_kill(name, TIMEOUT_MS, &diag)
                                              : volume_close(name, &diag));
        if (code != EXIT_OK)
                return fail(o, code, &diag);
        return report_success(
            o, name, &diag, o->kill ? "%s: killed; its users see I/O errors" : "%s: closed", name);
}

int verb_suspend(const struct options *o)
{
        struct diag diag = DIAG_INIT;
        const char *name = o->args[0];
        int lock CLEANUP_FD = -1, code = check_name(o, &diag);

        if (code == EXIT_OK)
                code = exit_of_volume(volume_lock(name, LOCK_WAIT_MS, &lock, &diag));
        if (code == EXIT_OK)
                code = exit_of_volume(volume_suspend(name, TIMEOUT_MS, &diag));
        if (code != EXIT_OK)
                return fail(o, code, &diag);
        return report_success(o, name, &diag, "%s: suspended; the kernel's key is wiped", name);
}
