/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tells from /proc/crypto whether AES runs on the CPU's instructions. */

#include "volume/driver.h"

/* The value of a line "name         : value", or NULL. */
static const char *value_of(char *line, const char *name)
{
        const size_t len = strlen(name);
        char *colon;

        if (strncmp(line, name, len) != 0 || (line[len] != ' ' && line[len] != ':'))
                return NULL;
        colon = strchr(line, ':');
        if (!colon || colon[1] != ' ')
                return NULL;
        colon[strcspn(colon, "\n")] = '\0';
        return colon + 2;
}

int driver_find(const char *path, const char *algorithm, char *ret, size_t size)
{
        FILE *f CLEANUP_FILE = fopen(path ? path : "/proc/crypto", "re");
        char line[256], driver[128] = "";
        long best = -1, priority = -1;
        int matches = 0;

        if (!f)
                return -errno;
        while (fgets(line, sizeof(line), f)) {
                const char *value;

                if ((value = value_of(line, "name"))) {
                        matches = strcmp(value, algorithm) == 0;
                } else if (matches && (value = value_of(line, "driver"))) {
                        (void)snprintf(driver, sizeof(driver), "%s", value);
                } else if (matches && (value = value_of(line, "priority"))) {
                        priority = strtol(value, NULL, 10);
                } else if (matches && (value = value_of(line, "internal")) &&
                           strcmp(value, "no") == 0 && priority > best) {
                        best = priority;
                        (void)snprintf(ret, size, "%s", driver);
                }
        }
        return best < 0 ? -ENOENT : 0;
}

int driver_is_generic(const char *driver)
{
        return strstr(driver, "generic") != NULL || strstr(driver, "fixed-time") != NULL;
}
