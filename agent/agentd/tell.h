/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the agent tells, and to whom: journal (for operators), audit log (for auditors), and each
 * volume's recent past (for `why`). One function for each thing that can happen, so that none of
 * the three is forgotten. None of them ever fails or waits: a full disk stops no rung. */

#include "agentd/agent.h"
#include "token/context.h"

enum tell_agent { TELL_STARTED, TELL_STOPPED, TELL_RELOADED, TELL_REFUSED_CONFIG, TELL_TROUBLE };
void tell_agent(struct agent *a, enum tell_agent what, const char *message);

/* Of the audit log's writer (scribe_news). */
void tell_scribe_news(void *arg, int r, const char *words);

/* A probe's answer, before k->verdict is changed; volume and context may be NULL. */
void tell_probe(const struct agent *a, const struct keystate *k, int verdict, const char *volume,
                const struct kms_context *context, int64_t duration_ms);

void tell_adopted(struct ward *w);
/* Its mapping was suspended, or resumed, behind our back (w->by_hand). */
void tell_hand(struct ward *w);
void tell_gone(struct ward *w);
void tell_unreadable(struct ward *w, const struct diag *diag);

/* The lease has another state than was told last. */
void tell_state(struct ward *w, const struct lease *lease);

void tell_rung_begun(struct ward *w, enum rung_kind kind);
void tell_rung_ended(struct ward *w, enum rung_kind kind, enum lease_result result,
                     const struct diag *diag, const struct erasure *erasure, int64_t duration_ms);

void tell_restore_begun(struct ward *w, bool resume);
/* key: URI that unwrapped, "" if none; verdict: -1 if no key service was asked. */
void tell_restore_ended(struct ward *w, bool resume, enum lease_result result,
                        const struct diag *diag, const char *key, const struct kms_context *context,
                        int verdict, int64_t duration_ms);
void tell_restored(struct ward *w);
void tell_given_up(struct ward *w);
void tell_drill(struct ward *w, bool begun, const char *message);
