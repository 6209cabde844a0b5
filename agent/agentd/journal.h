/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the agent tells the journal: one event, one message id, one entry in the catalog
 * (systemd/luks-kms.catalog), so that journalctl -x is the operator's manual. */

#include "base/diag.h"

enum journal_event {
        JOURNAL_AGENT_STARTED,
        JOURNAL_AGENT_STOPPED,
        JOURNAL_AGENT_RELOADED,
        JOURNAL_CONFIG_REFUSED,
        JOURNAL_AGENT_TROUBLE,
        JOURNAL_VOLUME_ADOPTED,
        JOURNAL_VOLUME_GONE,
        JOURNAL_VOLUME_UNREADABLE,
        JOURNAL_VOLUME_OPENED,
        JOURNAL_VERDICT_CHANGED,
        JOURNAL_DOUBT,
        JOURNAL_DENIED,
        JOURNAL_REVOKED,
        JOURNAL_OUTAGE_TOO_LONG,
        JOURNAL_RUNG_BEGUN,
        JOURNAL_RUNG_DONE,
        JOURNAL_RUNG_FAILED,
        JOURNAL_RUNG_HUNG,
        JOURNAL_ERASURE_PROVEN,
        JOURNAL_ERASURE_NOT_PROVEN,
        JOURNAL_RESTORE_BEGUN,
        JOURNAL_RESTORE_DONE,
        JOURNAL_RESTORE_FAILED,
        JOURNAL_RESTORED,
        JOURNAL_PENDING,
        JOURNAL_GIVEN_UP,
        JOURNAL_ERASE_SCHEDULED,
        JOURNAL_ERASE_CANCELLED,
        JOURNAL_ERASE_DONE,
        JOURNAL_AUDIT_FAILED,
        JOURNAL_AUDIT_HEAD,
        JOURNAL_DRILL_BEGUN,
        JOURNAL_DRILL_ENDED,
        JOURNAL_EVENTS_
};

/* What an event is about, each a field of its own (volume is LUKS_KMS_VOLUME, and so on). NULL and
 * "" are not sent, but for those that the catalog's text shows: "-" then. Of bytes that are not
 * printable ASCII nothing is sent on but a '?'. Nothing secret goes in. */
struct journal_entry {
        const char *volume, *uuid, *key; /* volume's name, LUKS UUID, name or URI of the key */
        const char *verdict;             /* verdict_name() */
        const char *code, *request_id;   /* of the provider's answer */
        const char *rung, *outcome;      /* rung_name(); "done", "failed", "hung", ... */
        const char *state, *table;       /* lease_state_name(); struct erasure's */
        const char *hash;                /* of the audit log's last line */
        const char *detail;              /* ends the message: why, when, what to do */
};

/* Sends the event; if standard error is not the journal's, writes its message there as well, for
 * an agent that is run by hand. Never waits and never fails: where nobody listens there is nobody
 * to be told, and what a journal that hangs does not take is lost, but counted by the next event
 * that it takes (LUKS_KMS_DROPPED). entry may be NULL. */
void journal_send(enum journal_event event, const struct journal_entry *entry);

/* The same, with code, request id and words of diag for those that entry does not have. */
void journal_send_diag(enum journal_event event, const struct journal_entry *entry,
                       const struct diag *diag);

/* For the test that compares them with the catalog. */
struct journal_kind {
        const char *id; /* 32 hex digits */
        int priority;   /* LOG_INFO ... */
        const char *title;
        unsigned int shown; /* bit n: the catalog's text shows journal_field(n) */
};
const struct journal_kind *journal_kind(enum journal_event event);
const char *journal_field(unsigned int n); /* "LUKS_KMS_VOLUME"; NULL beyond the last */
