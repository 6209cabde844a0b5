/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Time. Deadlines never go by the wall clock, which somebody may set while we wait. */

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

static uint64_t now_us(clockid_t clock)
{
        struct timespec now;

        /* Cannot fail: the clock exists and the address is ours. */
        (void)clock_gettime(clock, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_now_ms(void)
{
        return now_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_boot_ms(void)
{
        return now_us(CLOCK_BOOTTIME) / 1000;
}

uint64_t clock_wall_us(void)
{
        return now_us(CLOCK_REALTIME);
}

int clock_left_ms(uint64_t deadline_ms)
{
        uint64_t now = clock_now_ms();

        if (deadline_ms <= now)
                return 0;
        return deadline_ms - now > INT_MAX ? INT_MAX : (int)(deadline_ms - now);
}

void clock_sleep_ms(uint64_t ms)
{
        struct timespec left = {.tv_sec = (time_t)(ms / 1000),
                                .tv_nsec = (long)(ms % 1000) * 1000000};

        while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
                ;
}

void clock_text(uint64_t wall_ms, char buf[CLOCK_TEXT_MAX])
{
        const time_t seconds = (time_t)(wall_ms / 1000);
        char text[CLOCK_TEXT_MAX - 8];
        struct tm tm;

        buf[0] = '\0';
        if (gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm))
                (void)snprintf(buf, CLOCK_TEXT_MAX, "%s.%03uZ", text,
                               (unsigned int)(wall_ms % 1000));
}
