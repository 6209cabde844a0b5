/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside policy/: a setting as a row of a table, how values are read and written, and the checks
 * over all of them. */

#include "policy/config.h"

struct setting {
        const char *name;
        size_t offset; /* of its field in the section's struct */
        /* Reads the value into the field. 0, or CONFIG_E_INVALID with words in diag. */
        int (*set)(const struct setting *s, void *field, const char *value, struct diag *diag);
        /* Writes what is in force, as set() reads it; "" for none. 0 or -ENOBUFS. */
        int (*show)(const struct setting *s, const void *field, char *buf, size_t size);
        uint64_t min, max; /* of numbers and time spans; max: room for a text; min: rungs */
        const char *const *choices; /* words; ends with NULL */
};

/* Tables end with a NULL name. A setting's place in its table is its bit in `given`. */
extern const struct setting agent_settings[], key_settings[], volume_settings[];

/* One setting of a file. 0; CONFIG_E_INVALID, without file and line. */
int setting_set(const struct setting *table, void *section, uint32_t *given, const char *name,
                const char *value, struct diag *diag);

int setting_invalid(const struct setting *s, const char *value, const char *expected,
                    struct diag *diag);

/* Kinds of values, for tables: char[max], an absolute path in char[max], uint32_t or uint64_t of
 * milliseconds or a number, an int that is the place among choices, struct ladder. */
int set_text(const struct setting *s, void *field, const char *value, struct diag *diag);
int set_path(const struct setting *s, void *field, const char *value, struct diag *diag);
int set_span32(const struct setting *s, void *field, const char *value, struct diag *diag);
int set_span64(const struct setting *s, void *field, const char *value, struct diag *diag);
int set_number(const struct setting *s, void *field, const char *value, struct diag *diag);
int set_choice(const struct setting *s, void *field, const char *value, struct diag *diag);
int set_ladder(const struct setting *s, void *field, const char *value, struct diag *diag);
int show_text(const struct setting *s, const void *field, char *buf, size_t size);
int show_span32(const struct setting *s, const void *field, char *buf, size_t size);
int show_span64(const struct setting *s, const void *field, char *buf, size_t size);
int show_number(const struct setting *s, const void *field, char *buf, size_t size);
int show_choice(const struct setting *s, const void *field, char *buf, size_t size);
int show_ladder(const struct setting *s, const void *field, char *buf, size_t size);

/* Defaults, before any file is read, and what only the whole shows. 0 or CONFIG_E_INVALID. */
void config_begin_agent(struct agent_config *agent);
void config_begin_key(struct key_config *key);
int config_finish(struct config *config, struct diag *diag);
