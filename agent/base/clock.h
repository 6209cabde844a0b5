/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Deadlines in milliseconds of CLOCK_MONOTONIC, and the other clocks. */

#include <stdint.h>

uint64_t clock_now_ms(void);

/* CLOCK_BOOTTIME: goes on while the machine sleeps, and is the same in all processes. */
uint64_t clock_boot_ms(void);

/* The wall clock in microseconds: for people and logs, never to decide anything. */
uint64_t clock_wall_us(void);

/* Milliseconds left until deadline, 0 if it has passed; fits poll(2) and curl. */
int clock_left_ms(uint64_t deadline_ms);

void clock_sleep_ms(uint64_t ms);

/* A wall-clock time as "2026-01-02T03:04:05.678Z" (RFC 3339, UTC); "" for one that is no year's. */
enum { CLOCK_TEXT_MAX = 32 };
void clock_text(uint64_t wall_ms, char buf[CLOCK_TEXT_MAX]);
