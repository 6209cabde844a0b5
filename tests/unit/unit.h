/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What each unit test starts with: cmocka wants these headers before its own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* In a loop over a table: says which row failed, instead of the line of the assertion. */
#define ROW_ASSERT(condition, name)                                                                \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        fail_msg("%s: not so: %s", name, #condition);                              \
        } while (0)

/* Under valgrind (tests/lib/suites.py): what repeats much of the same may do less of it. */
static inline int runs_slowly(void)
{
        return getenv("TESTS_RUN_SLOWLY") != NULL;
}
