/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any text, as a ladder and as a saved lease: what is read is written again as a text that is read
 * the same; and whatever lease is read, no event makes the machine do what it must not. */

#include "fuzz.h"
#include "lease/lease.h"

#include <string.h>

static void check_ladder(const char *text)
{
        struct ladder ladder, again;
        char written[LADDER_MAX * 64], twice[sizeof(written)];

        if (ladder_parse(text, &ladder, NULL) != 0)
                return;
        MUST(ladder.count <= LADDER_MAX);
        for (size_t i = 1; i < ladder.count; i++) {
                MUST(ladder.rungs[i].kind > ladder.rungs[i - 1].kind);
                MUST(ladder.rungs[i].after_ms >= ladder.rungs[i - 1].after_ms);
        }
        MUST(ladder_write(&ladder, written, sizeof(written)) == 0);
        MUST(ladder_parse(written, &again, NULL) == 0);
        MUST(ladder_write(&again, twice, sizeof(twice)) == 0 && strcmp(written, twice) == 0);
}

/* A few of each event; a lease that can be loaded can be saved and loaded ever after. */
static void check_steps(struct lease lease, uint64_t now)
{
        struct lease_policy policy = {.confirm_count = 3};
        char text[LEASE_TEXT_MAX];
        struct lease loaded;

        MUST(ladder_parse("alert; suspend; close 1s; erase 2s; poweroff 3s", &policy.on_revoke,
                          NULL) == 0);
        for (int kind = 0; kind < LEASE_EVENTS_; kind++)
                for (int detail = 0; detail <= VERDICT_MAX_; detail++) {
                        struct lease_event event = {.kind = (enum lease_event_kind)kind,
                                                    .verdict = detail,
                                                    .suspended = detail % 2 == 1,
                                                    .result = (enum lease_result)(detail % 3),
                                                    .restore_verdict = detail};
                        uint64_t wake = 0;
                        struct lease_order order = lease_step(&policy, &lease, &event, now, &wake);

                        MUST(order.kind != LEASE_DO_RUNG || order.rung != RUNG_ERASE);
                        MUST(order.kind != LEASE_NOTHING || wake > now);
                        MUST(lease_save(&lease, text, sizeof(text)) == 0);
                        MUST(lease_load(text, &loaded) == 0);
                }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1), again[LEASE_TEXT_MAX];
        struct lease lease;

        MUST(text);
        memcpy(text, data, size);
        text[size] = '\0';
        check_ladder(text);
        if (lease_load(text, &lease) == 0) {
                MUST(lease_save(&lease, again, sizeof(again)) == 0 && strcmp(text, again) == 0);
                check_steps(lease, 0);
                check_steps(lease, UINT64_MAX / 2);
                check_steps(lease, UINT64_MAX - 1);
        }
        free(text);
        return 0;
}
