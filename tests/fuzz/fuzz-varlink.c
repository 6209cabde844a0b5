/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A call from a client of the control socket: what is accepted has a name of varlink's characters,
 * cut at its last dot, and parameters that are an object or none. */

#include "agentd/varlink_message.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct varlink_message m = {.name = ""};
        struct diag diag = DIAG_INIT;
        char joined[sizeof(m.interface) + sizeof(m.method) + 1];
        int r = varlink_message_parse((const char *)data, size, &m, &diag);

        if (r != 0) {
                MUST(r == VARLINK_E_MESSAGE && diag.message[0] && !m.doc);
                return 0;
        }
        MUST(m.doc && m.name[0]);
        for (const char *p = m.name; *p; p++)
                MUST((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || *p == '.' || *p == '-');
        (void)snprintf(joined, sizeof(joined), "%s%s%s", m.interface,
                       strchr(m.name, '.') ? "." : "", m.method);
        MUST(strcmp(joined, m.name) == 0 && !strchr(m.method, '.'));
        MUST(!m.parameters || json_type(m.parameters) == JSON_OBJECT);
        varlink_message_done(&m);
        return 0;
}
