/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a key service's answer means for the grant. The numbers travel between worker and agent. */

enum verdict {
        VERDICT_GRANTED = 0,
        VERDICT_KEY_STATE = 1, /* disabled, destroyed, pending deletion: one answer is definitive */
        VERDICT_ACCESS_DENIED = 2, /* ambiguous by itself: policy, or a name that is not there */
        VERDICT_CREDENTIAL = 3,  /* our credential is dead or refused: says nothing about the key */
        VERDICT_UNAVAILABLE = 4, /* network, TLS, throttle, 5xx, garbage, wrong clock: an outage */
        VERDICT_MISCONFIGURED = 5, /* wrong key, region, URI or mechanism */
        VERDICT_TAMPERED = 6,      /* ciphertext or context does not verify */
        VERDICT_MAX_ = 6,
};

/* "granted", "key-state", "access-denied", ...; "unknown" outside the range. */
const char *verdict_name(int verdict);
