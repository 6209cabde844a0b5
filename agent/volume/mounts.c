/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parses mountinfo(5): "36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw". The kernel
 * writes it; paths and sources in it are whatever users chose, with octal escapes. */

#include "volume/mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fdio.h"

enum { TEXT_MAX = 16 << 20 };

void mounts_free(struct mounts *m)
{
        free(m->text);
        free(m->list);
}

static int is_octal(const char *p)
{
        return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' &&
               p[2] <= '7';
}

/* "\040" to " ", in place. */
static void unescape(char *text)
{
        char *to = text;

        for (const char *from = text; *from; to++)
                if (from[0] == '\\' && is_octal(from + 1)) {
                        *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
                        from += 4;
                } else {
                        *to = *from++;
                }
        *to = '\0';
}

static int parse_line(char *line, struct mount *ret)
{
        char *save = NULL, *word = strtok_r(line, " ", &save), *source = NULL;
        struct mount m = {.path = NULL};
        int after_dash = 0;

        for (int field = 0; word; word = strtok_r(NULL, " ", &save), field++) {
                if (field == 2 && sscanf(word, "%u:%u", &m.major, &m.minor) != 2)
                        return -EBADMSG;
                if (field == 4) {
                        unescape(word);
                        m.path = word;
                }
                if (after_dash > 0 && ++after_dash == 3)
                        source = word;
                if (field > 5 && after_dash == 0 && strcmp(word, "-") == 0)
                        after_dash = 1;
        }
        if (!m.path || !source)
                return -EBADMSG;
        unescape(source);
        m.source = source;
        *ret = m;
        return 0;
}

static int parse(struct mounts *m)
{
        char *save = NULL;

        for (char *line = strtok_r(m->text, "\n", &save); line;
             line = strtok_r(NULL, "\n", &save)) {
                struct mount *larger = reallocarray(m->list, m->count + 1, sizeof(*larger));
                int r;

                if (!larger)
                        return -ENOMEM;
                m->list = larger;
                r = parse_line(line, &m->list[m->count]);
                if (r < 0)
                        return r;
                m->count++;
        }
        return 0;
}

int mounts_read(const char *file, struct mounts *ret)
{
        struct mounts m CLEANUP_MOUNTS = {.text = NULL};
        int fd CLEANUP_FD = open(file, O_RDONLY | O_CLOEXEC), r;
        size_t len;

        if (fd < 0)
                return -errno;
        r = fd_read_text(fd, TEXT_MAX, &m.text, &len);
        if (r == 0)
                r = parse(&m);
        if (r < 0)
                return r;
        *ret = m;
        m = (struct mounts){.text = NULL};
        return 0;
}

/* btrfs and others have a device number of no device: there the source tells. */
int mount_is_of(const struct mount *m, unsigned int major, unsigned int minor)
{
        struct stat st;

        if (m->major != 0)
                return m->major == major && m->minor == minor;
        return strncmp(m->source, "/dev/", 5) == 0 && stat(m->source, &st) == 0 &&
               S_ISBLK(st.st_mode) && st.st_rdev == makedev(major, minor);
}

int mounts_covered(const struct mounts *m, size_t i)
{
        for (size_t j = i + 1; j < m->count; j++)
                if (strcmp(m->list[j].path, m->list[i].path) == 0)
                        return 1;
        return 0;
}
