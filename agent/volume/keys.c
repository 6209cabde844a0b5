/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /proc/keys shows the keys of all keyrings that the caller may view, those of other processes'
 * threads too: "2b1bd1f5 I--Q---     1 perm 3f010000     0     0 logon     cryptsetup:UUID-d0: 64".
 */

#include "volume/keys.h"

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { UUID_LENGTH = 36 };

/* Does the line name it? */
static int names(const char *line, const char *uuid)
{
        static const char prefix[] = "cryptsetup:";
        const char *at = line;

        while ((at = strstr(at, prefix))) {
                at += sizeof(prefix) - 1;
                if (strncasecmp(at, uuid, UUID_LENGTH) == 0)
                        return 1;
        }
        return 0;
}

int keys_count(const char *file, const char *uuid, int *ret)
{
        FILE *f CLEANUP_FILE = fopen(file, "re");
        char *line CLEANUP_FREE = NULL;
        size_t size = 0;
        int count = 0;

        if (!f)
                return -errno;
        if (strlen(uuid) != UUID_LENGTH)
                return -EINVAL;
        while (getline(&line, &size, f) >= 0)
                count += names(line, uuid);
        if (ferror(f))
                return -EIO;
        *ret = count;
        return 0;
}

void keys_drop_own(void)
{
        (void)syscall(SYS_keyctl, KEYCTL_CLEAR, KEY_SPEC_THREAD_KEYRING);
}
