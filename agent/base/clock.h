/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Deadlines in milliseconds of CLOCK_MONOTONIC (CLOCK_BOOTTIME where a suspended machine counts).
 */

#include <stdint.h>

uint64_t clock_now_ms(void);

/* Milliseconds left until deadline, 0 if it has passed; fits poll(2) and curl. */
int clock_left_ms(uint64_t deadline_ms);

void clock_sleep_ms(uint64_t ms);
