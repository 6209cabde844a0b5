/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The form of the .vec files, kept so plain that a person can read and change them. */

#include "vectors.h"

#include "../unit/unit.h"

static char *copy(const char *text)
{
        char *new = strdup(text);

        assert_non_null(new);
        return new;
}

static void add_line(char **value, const char *line)
{
        char *longer;

        if (asprintf(&longer, "%s%s%s", *value, **value ? "\n" : "", line) < 0)
                fail_msg("no memory");
        free(*value);
        *value = longer;
}

static void add_field(struct vector *vector, char *line)
{
        char *colon = strchr(line, ':');

        if (!colon || vector->count == VECTOR_FIELDS_MAX)
                fail_msg("not a field, or one too many: %s", line);
        *colon = '\0';
        vector->fields[vector->count].key = copy(line);
        vector->fields[vector->count].value = copy(colon + 1 + strspn(colon + 1, " "));
        vector->count++;
}

int vector_next(FILE *file, struct vector *ret)
{
        struct vector vector = {.count = 0};
        char *line = NULL;
        size_t room = 0;
        ssize_t n;

        while ((n = getline(&line, &room, file)) >= 0) {
                if (n > 0 && line[n - 1] == '\n')
                        line[n - 1] = '\0';
                if (line[0] == '#')
                        continue;
                if (line[0] == '\0' && vector.count > 0)
                        break;
                if (line[0] == '|' && vector.count > 0)
                        add_line(&vector.fields[vector.count - 1].value, line + 1);
                else if (line[0])
                        add_field(&vector, line);
        }
        free(line);
        *ret = vector;
        return vector.count > 0;
}

void vector_done(struct vector *vector)
{
        for (size_t i = 0; i < vector->count; i++) {
                free(vector->fields[i].key);
                free(vector->fields[i].value);
        }
        vector->count = 0;
}

const char *vector_find(const struct vector *vector, const char *key)
{
        for (size_t i = 0; i < vector->count; i++)
                if (strcmp(vector->fields[i].key, key) == 0)
                        return vector->fields[i].value;
        return NULL;
}

const char *vector_get(const struct vector *vector, const char *key)
{
        const char *value = vector_find(vector, key);

        if (!value)
                fail_msg("the block of %s %s has no %s", vector->fields[0].key,
                         vector->fields[0].value, key);
        return value;
}

size_t vector_hex(const struct vector *vector, const char *key, uint8_t *buf, size_t size)
{
        const char *text = vector_get(vector, key);
        size_t len = strlen(text) / 2;

        assert_true(strlen(text) % 2 == 0 && len <= size);
        for (size_t i = 0; i < len; i++) {
                unsigned int byte;

                assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
                buf[i] = (uint8_t)byte;
        }
        return len;
}
