/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reads the .vec files: blocks of "key: value" lines with an empty line between two blocks, '#'
 * lines for people, '|' lines that go on with the value above, each after a line feed. What is not
 * of that form fails the test. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { VECTOR_FIELDS_MAX = 24 };

struct vector {
        struct {
                char *key, *value;
        } fields[VECTOR_FIELDS_MAX];
        size_t count;
};

/* The next block: 1, or 0 at the end of the file. The caller calls vector_done(). */
int vector_next(FILE *file, struct vector *ret);
void vector_done(struct vector *vector);

/* The first value of that key; NULL if there is none. */
const char *vector_find(const struct vector *vector, const char *key);

/* As above, but its absence fails the test. */
const char *vector_get(const struct vector *vector, const char *key);

/* A value in hexadecimal digits; the number of bytes. */
size_t vector_hex(const struct vector *vector, const char *key, uint8_t *buf, size_t size);
