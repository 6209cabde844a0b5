/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds many strings in a file in one pass: memscan FILE reads needles in hex, one a line, from
 * standard input and prints "NUMBER OFFSET" for each place, at most HITS_MAX for each needle. A
 * needle has 8 bytes or more. For tests/vm/memory, to which a pass for each of hundreds of needles
 * would cost minutes. */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { NEEDLES_MAX = 4096, NEEDLE_MAX = 64, HITS_MAX = 8, PREFIXES = 1 << 16 };

struct needle {
        uint8_t bytes[NEEDLE_MAX];
        size_t len;
        int hits;
        int next; /* with the same first two bytes; -1 ends */
};

static struct needle needles[NEEDLES_MAX];
static int first[PREFIXES];

static int read_needle(const char *line, struct needle *n)
{
        unsigned int byte;

        for (n->len = 0; n->len < NEEDLE_MAX && sscanf(line + 2 * n->len, "%2x", &byte) == 1;)
                n->bytes[n->len++] = (uint8_t)byte;
        return n->len >= 8;
}

static unsigned int prefix(const uint8_t *at)
{
        return (unsigned int)at[0] << 8 | at[1];
}

static void look_at(const uint8_t *memory, size_t size, size_t at)
{
        for (int i = first[prefix(memory + at)]; i >= 0; i = needles[i].next) {
                struct needle *n = &needles[i];

                if (n->hits == HITS_MAX || n->len > size - at ||
                    memcmp(memory + at, n->bytes, n->len) != 0)
                        continue;
                n->hits++;
                printf("%d %zu\n", i, at);
        }
}

int main(int argc, char **argv)
{
        char line[2 * NEEDLE_MAX + 2];
        const uint8_t *memory;
        struct stat st;
        int fd, count = 0;

        for (size_t i = 0; i < PREFIXES; i++)
                first[i] = -1;
        while (count < NEEDLES_MAX && fgets(line, sizeof(line), stdin)) {
                struct needle *n = &needles[count];

                if (!read_needle(line, n)) {
                        fprintf(stderr, "memscan: needle %d is too short\n", count);
                        return 2;
                }
                n->next = first[prefix(n->bytes)];
                first[prefix(n->bytes)] = count++;
        }
        fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0 || fstat(fd, &st) < 0 || count == 0) {
                fprintf(stderr, "usage: memscan FILE <NEEDLES\n");
                return 2;
        }
        memory = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (memory == MAP_FAILED) {
                perror("memscan");
                return 2;
        }
        for (size_t at = 0; at + 8 <= (size_t)st.st_size; at++)
                if (first[prefix(memory + at)] >= 0)
                        look_at(memory, (size_t)st.st_size, at);
        return 0;
}
