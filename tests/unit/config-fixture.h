/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Config folders for the tests of agent/policy: made file by file, loaded, and taken away. */

#include "unit.h"

#include <sys/stat.h>

#include "policy/config.h"

#define AWS_ID  "1234abcd-12ab-34cd-56ef-1234567890ab"
#define AWS_URI "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/" AWS_ID
#define MAIN    "luks-kms.conf"

/* What is as it should be, for tests of everything else. */
#define KEY    "[Key main]\nURI=" AWS_URI "\nCredentials=env\n"
#define VOLUME "[Volume data]\nDevice=/dev/disk/by-id/x\nRole=persistence\nKey=main\n"

static char folder[] = "/tmp/luks-kms-test-config-XXXXXX";

static inline void path_of(const char *name, char path[128])
{
        assert_in_range(snprintf(path, 128, "%s/%s", folder, name), 1, 127);
}

static inline void write_file(const char *name, const char *text)
{
        char path[128];
        FILE *f;

        path_of(name, path);
        f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(chmod(path, 0644), 0);
}

static inline void remove_file(const char *name)
{
        char path[128];

        path_of(name, path);
        (void)unlink(path);
}

static inline int load(struct config **ret, struct diag *diag)
{
        *diag = DIAG_INIT;
        return config_load(folder, ret, diag);
}

/* Loads this as the only file; all that it says must be right. */
static inline struct config *load_good(const char *text)
{
        struct config *config = NULL;
        struct diag diag;

        write_file(MAIN, text);
        if (load(&config, &diag) != 0)
                fail_msg("%s: %s", text, diag.message);
        return config;
}

/* Loads this as the only file: refused, and the message says so and where. */
static inline void refused(const char *text, const char *message, struct diag *diag)
{
        struct config *config = NULL;

        write_file(MAIN, text);
        ROW_ASSERT(load(&config, diag) == CONFIG_E_INVALID, text);
        ROW_ASSERT(!config, text);
        if (!strstr(diag->message, message))
                fail_msg("%s: \"%s\" is not in: %s", text, message, diag->message);
        ROW_ASSERT(strcmp(diag->rule, "config") == 0, text);
        ROW_ASSERT(strncmp(diag->message, folder, strlen(folder)) == 0, text);
}

static inline int folder_make(void **state)
{
        char path[128];

        (void)state;
        if (!mkdtemp(folder))
                return -1;
        path_of("luks-kms.conf.d", path);
        if (mkdir(path, 0755) < 0)
                return -1;
        path_of("volumes.d", path);
        return mkdir(path, 0755);
}

/* What a test wrote; the folders must be empty of anything else. */
static inline int folder_remove(void **state)
{
        char path[128];

        (void)state;
        remove_file(MAIN);
        path_of("luks-kms.conf.d", path);
        (void)rmdir(path);
        path_of("volumes.d", path);
        (void)rmdir(path);
        return rmdir(folder);
}
