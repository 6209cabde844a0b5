/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Credentials from a file in the form of AWS's shared-credentials file. The privileged side has
 * opened it and checked whose it is; the text is read into a secret and parsed there, in place. */

#include <sys/stat.h>

#include "base/fdio.h"
#include "base/ini.h"
#include "base/verdict.h"
#include "cred/source.h"

enum { FILE_MAX = 65536 };

struct reading {
        const char *profile;
        int found;
        struct cred_text text; /* points into the file's text */
};

/* "[NAME]" as in the credentials file, or "[profile NAME]" as in the config file. */
static int is_profile(const char *section, const char *profile)
{
        static const char prefix[] = "profile";
        size_t len = sizeof(prefix) - 1;

        if (strcmp(section, profile) == 0)
                return 1;
        if (strncmp(section, prefix, len) != 0 || (section[len] != ' ' && section[len] != '\t'))
                return 0;
        section += len;
        return strcmp(section + strspn(section, " \t"), profile) == 0;
}

static int on_entry(const struct ini_entry *entry, void *userdata, struct diag *diag)
{
        struct reading *reading = userdata;
        const char **field;

        if (!is_profile(entry->section, reading->profile))
                return 0;
        reading->found = 1;
        if (!entry->key)
                return 0;
        if (strcmp(entry->key, "aws_access_key_id") == 0)
                field = &reading->text.access_key_id;
        else if (strcmp(entry->key, "aws_secret_access_key") == 0)
                field = &reading->text.secret_access_key;
        else if (strcmp(entry->key, "aws_session_token") == 0)
                field = &reading->text.session_token;
        else
                return 0;
        if (*field)
                return diag_refuse(diag, VERDICT_MISCONFIGURED, "credentials",
                                   "line %u of %s gives %s a second time", entry->line, entry->file,
                                   entry->key);
        *field = entry->value;
        return 0;
}

static int read_text(int fd, struct secret **ret, struct diag *diag)
{
        struct secret *text CLEANUP_SECRET = NULL;
        struct stat st;
        int r;

        if (fd < 0)
                return diag_refuse(diag, VERDICT_MISCONFIGURED, "credentials",
                                   "no credentials file came with the request");
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > FILE_MAX)
                return diag_refuse(diag, VERDICT_MISCONFIGURED, "credentials",
                                   "the credentials file is empty, larger than %d bytes or no "
                                   "regular file",
                                   FILE_MAX);
        r = secret_new((size_t)st.st_size + 1, &text);
        if (r == 0)
                r = pread_full(fd, secret_data(text), (size_t)st.st_size, 0);
        if (r < 0)
                return diag_fail(diag, r, "the credentials file cannot be read");
        if (memchr(secret_bytes(text), '\0', (size_t)st.st_size))
                return diag_refuse(diag, VERDICT_MISCONFIGURED, "credentials",
                                   "the credentials file holds a NUL byte");
        *ret = TAKE_PTR(text);
        return 0;
}

int cred_file_load(const char *profile, int fd, struct cred_aws *ret, struct diag *diag)
{
        struct secret *text CLEANUP_SECRET = NULL;
        struct reading reading = {.profile = profile};
        char where[96];
        int r;

        r = read_text(fd, &text, diag);
        if (r != 0)
                return r;
        r = ini_parse((char *)secret_data(text), "the credentials file", on_entry, &reading, diag);
        if (r != 0)
                return r < 0 ? r : VERDICT_MISCONFIGURED;
        if (!reading.found) {
                (void)diag_refuse(diag, VERDICT_MISCONFIGURED, "credentials",
                                  "the credentials file has no section [%s]", profile);
                diag_advise(diag, "name one that is there with Credentials=profile:NAME");
                return VERDICT_MISCONFIGURED;
        }
        (void)snprintf(where, sizeof(where), "[%s] in the credentials file", profile);
        r = cred_take(&reading.text, where, ret, diag);
        if (r > 0)
                diag_advise(diag, "the section needs aws_access_key_id and aws_secret_access_key "
                                  "(and aws_session_token with temporary credentials); other ways "
                                  "of logging in are not read from it");
        return r;
}
