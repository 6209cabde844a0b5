/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* audit-writer LOG [VOLUME MESSAGE]...: an agent that does nothing but write its log. */

#include "audit/audit.h"

int main(int argc, char **argv)
{
        struct audit *audit CLEANUP_AUDIT = NULL;
        struct diag diag = DIAG_INIT;
        struct audit_entry e = AUDIT_ENTRY_INIT;

        if (argc < 2 || argc % 2 != 0)
                return 2;
        if (audit_open(argv[1], &audit, &diag) != 0) {
                (void)fprintf(stderr, "%s\n", diag.message);
                return 1;
        }
        e.event = "verdict";
        e.key = "platform:file";
        for (int i = 2; i < argc; i += 2) {
                e.volume = argv[i];
                e.message = argv[i + 1];
                if (audit_write(audit, &e, 1) != 0)
                        return 1;
        }
        (void)puts(audit_last(audit));
        return 0;
}
