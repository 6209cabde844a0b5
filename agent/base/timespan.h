/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Time spans as root writes them, in systemd's form (systemd.time(7)): "90", "1h 30min", "500ms".
 */

#include <stddef.h>
#include <stdint.h>

/* Numbers with a unit each, white space between them or not; their sum in milliseconds. Units: ms,
 * s, min, h, d, w and their longer names (msec, sec, second, minute, hr, hour, day, week; plural);
 * a number without one is seconds. No fractions, no signs. 0 and *ret_ms; -EINVAL; -ERANGE if it
 * does not fit into 64 bits. */
int timespan_parse(const char *text, uint64_t *ret_ms);

enum { TIMESPAN_TEXT_MAX = 48 }; /* enough for any */

/* "1d 2h 3min 4s 5ms", without what is zero; "0" for nothing. timespan_parse() reads the same. 0 or
 * -ENOBUFS (buf is "" then, if there is room for that). */
int timespan_format(uint64_t ms, char *buf, size_t size);
