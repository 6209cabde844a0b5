/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What each fuzz target is, for libFuzzer and for replay.c. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() that no build option turns off. */
#define MUST(condition)                                                                            \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__,           \
                                      #condition);                                                 \
                        abort();                                                                   \
                }                                                                                  \
        } while (0)
