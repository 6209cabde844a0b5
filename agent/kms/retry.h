/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Retry with full jitter inside one total deadline (AWS Architecture Blog, "Exponential Backoff
 * And Jitter"): wait a random time in [0, min(cap, base * 2^attempt)], at least retry_after. */

#include <stdint.h>

struct retry {
        uint64_t deadline_ms;
        unsigned int attempt;
        unsigned int attempts_max;
};

void retry_init(struct retry *retry, uint64_t deadline_ms);

/* Sleeps before the next attempt and returns 1; 0 when attempts or time are used up (a wait that
 * would pass the deadline is not begun). */
int retry_again(struct retry *retry, unsigned int retry_after_s);

/* The wait alone, for tests: milliseconds, given a random 64-bit number. */
uint64_t retry_wait_ms(unsigned int attempt, unsigned int retry_after_s, uint64_t random);
