/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When to ask a key service again. Knows nothing of what was asked; the caller signs anew. */

#include "kms/retry.h"

#include <sys/random.h>

#include "base/clock.h"

enum { ATTEMPTS_MAX = 3, BASE_MS = 100, CAP_MS = 20000 };

void retry_init(struct retry *retry, uint64_t deadline_ms)
{
        *retry = (struct retry){.deadline_ms = deadline_ms, .attempts_max = ATTEMPTS_MAX};
}

uint64_t retry_wait_ms(unsigned int attempt, unsigned int retry_after_s, uint64_t random)
{
        uint64_t ceiling = attempt < 16 ? (uint64_t)BASE_MS << attempt : CAP_MS;
        uint64_t wait, least = (uint64_t)retry_after_s * 1000;

        if (ceiling > CAP_MS)
                ceiling = CAP_MS;
        /* the modulo's bias is far below what jitter is for */
        wait = random % (ceiling + 1);
        return wait > least ? wait : least;
}

int retry_again(struct retry *retry, unsigned int retry_after_s)
{
        uint64_t random = 0, wait;

        if (retry->attempt + 1 >= retry->attempts_max)
                return 0;
        /* without random bytes all hosts would come back at once; no wait is worth blocking for */
        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
                random = clock_now_ms() * 2654435761U;
        wait = retry_wait_ms(retry->attempt, retry_after_s, random);
        if (wait >= (uint64_t)clock_left_ms(retry->deadline_ms))
                return 0;
        clock_sleep_ms(wait);
        retry->attempt++;
        return 1;
}
