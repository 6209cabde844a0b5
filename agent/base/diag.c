/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fills struct diag. Arguments come from disks, networks and config, and end up on terminals and in
 * the journal: what could steer either is replaced here, once, for all callers. */

#include "base/diag.h"

#include <string.h>

static void clean(char *text)
{
        for (; *text; text++)
                if (*text < 0x20 || *text > 0x7e)
                        *text = '?';
}

static void PRINTF(3, 0) set(char *field, size_t size, const char *fmt, va_list args)
{
        (void)vsnprintf(field, size, fmt, args);
        clean(field);
}

void diag_text(char *field, size_t size, const char *text)
{
        if (size == 0)
                return;
        (void)snprintf(field, size, "%s", text ? text : "");
        clean(field);
}

int diag_refuse(struct diag *diag, int result, const char *rule, const char *fmt, ...)
{
        va_list args;

        if (!diag)
                return result;
        diag_text(diag->rule, sizeof(diag->rule), rule);
        diag->advice[0] = '\0';
        va_start(args, fmt);
        set(diag->message, sizeof(diag->message), fmt, args);
        va_end(args);
        return result;
}

int diag_fail(struct diag *diag, int result, const char *fmt, ...)
{
        va_list args;
        const char *cause = result < 0 ? strerrordesc_np(-result) : NULL;
        size_t used;

        if (!diag)
                return result;
        diag->rule[0] = '\0';
        diag->advice[0] = '\0';
        va_start(args, fmt);
        set(diag->message, sizeof(diag->message), fmt, args);
        va_end(args);

        used = strlen(diag->message);
        if (cause && !strstr(diag->message, cause))
                (void)snprintf(diag->message + used, sizeof(diag->message) - used, ": %s", cause);
        return result;
}

void diag_advise(struct diag *diag, const char *fmt, ...)
{
        va_list args;

        if (!diag)
                return;
        va_start(args, fmt);
        set(diag->advice, sizeof(diag->advice), fmt, args);
        va_end(args);
}
