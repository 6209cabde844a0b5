/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Events for the journal. The agent calls this from wherever something has happened; all words that
 * come in may have been chosen by a key service or a disk, so they are made printable and cut to a
 * length, and none can begin a field of its own.
 *
 * Not sd_journal_sendv(3): it waits while journald's queue is full. journald may well have its
 * files on a volume that the agent has just suspended, and then it does not read its queue any
 * more; an agent that waits for it would not climb on. So datagrams are sent here, and never waited
 * for. */

#include "agentd/journal.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

enum { FIELD_SIZE = 768, DATAGRAM_SIZE = 16384 };

/* Bits of journal_kind.shown, in the order of field_names. */
enum {
        VOLUME = 1 << 0,
        UUID = 1 << 1,
        KEY = 1 << 2,
        VERDICT = 1 << 3,
        CODE = 1 << 4,
        REQUEST_ID = 1 << 5,
        RUNG = 1 << 6,
        OUTCOME = 1 << 7,
        TABLE = 1 << 9,
        HASH = 1 << 10,
};

static const char *const field_names[] = {
    "LUKS_KMS_VOLUME", "LUKS_KMS_UUID",       "LUKS_KMS_KEY",  "LUKS_KMS_VERDICT",
    "LUKS_KMS_CODE",   "LUKS_KMS_REQUEST_ID", "LUKS_KMS_RUNG", "LUKS_KMS_OUTCOME",
    "LUKS_KMS_STATE",  "LUKS_KMS_TABLE",      "LUKS_KMS_HASH"};
enum { FIELDS = sizeof(field_names) / sizeof(*field_names) };
_Static_assert((FIELDS + 5) * (FIELD_SIZE + 32) < DATAGRAM_SIZE, "an event may not fit");

/* The ids and titles are the catalog's. An id is never used for something else. */
static const struct journal_kind kinds[] = {
    [JOURNAL_AGENT_STARTED] = {"405e84d478ba44a6b331541061f4ee76", LOG_INFO, "agent started", 0},
    [JOURNAL_AGENT_STOPPED] = {"3697c90db2c94eabbf809f6bd57e44b4", LOG_NOTICE, "agent stopped", 0},
    [JOURNAL_AGENT_RELOADED] = {"0258c3e0f3ef4801a8c1c53f34593ae3", LOG_INFO,
                                "configuration reloaded", 0},
    [JOURNAL_CONFIG_REFUSED] = {"d5b4ef5289224978a7b1d1cc708453ac", LOG_ERR,
                                "configuration refused", 0},
    [JOURNAL_AGENT_TROUBLE] = {"cc6a203ecada40a880067f9f1df54076", LOG_ERR, "trouble", 0},
    [JOURNAL_VOLUME_ADOPTED] = {"ee74871e7fa7460793784b7f887d885e", LOG_INFO, "volume adopted",
                                VOLUME | UUID},
    [JOURNAL_VOLUME_GONE] = {"7953fe9b24544e689aaa1600923894ec", LOG_NOTICE, "volume gone", VOLUME},
    [JOURNAL_VOLUME_UNREADABLE] = {"16d8424bc4074525a0e9e5386c6a88aa", LOG_ERR,
                                   "header refused or unreadable", VOLUME},
    [JOURNAL_VOLUME_OPENED] = {"fb20e72b751c49f4b176025714bada75", LOG_INFO, "volume opened",
                               VOLUME | KEY | REQUEST_ID},
    [JOURNAL_VERDICT_CHANGED] = {"bc9e3d35d0834dabbeeae7999e581fd1", LOG_NOTICE, "verdict changed",
                                 KEY | VERDICT | CODE | REQUEST_ID},
    [JOURNAL_DOUBT] = {"631f6b93432349c69995027521d98e25", LOG_WARNING, "in doubt",
                       VOLUME | VERDICT | CODE},
    [JOURNAL_DENIED] = {"f2e87ed87b9b4e448c1fdd675827213f", LOG_WARNING,
                        "denied, not confirmed yet", VOLUME | CODE | REQUEST_ID},
    [JOURNAL_REVOKED] = {"f0d429faca714636b758a05a2693e6fc", LOG_CRIT, "revocation established",
                         VOLUME | VERDICT | CODE | REQUEST_ID},
    [JOURNAL_OUTAGE_TOO_LONG] = {"bd779fa4944045d4a2aa16b64a21a7d6", LOG_CRIT,
                                 "outage longer than MaxOutage=", VOLUME | VERDICT | CODE},
    [JOURNAL_RUNG_BEGUN] = {"ecf5c1a498a4493eabdfd7015e9f658c", LOG_WARNING, "rung begun",
                            VOLUME | RUNG},
    [JOURNAL_RUNG_DONE] = {"f0c89755d8c941bfb74148e1d60e08aa", LOG_NOTICE, "rung done",
                           VOLUME | RUNG},
    [JOURNAL_RUNG_FAILED] = {"5f317a548d444561912a41482b67210d", LOG_ERR, "rung failed",
                             VOLUME | RUNG},
    [JOURNAL_RUNG_HUNG] = {"99b45aa0b7d74bf5ada82b2c34e78ca3", LOG_CRIT, "rung hung",
                           VOLUME | RUNG},
    [JOURNAL_ERASURE_PROVEN] = {"fd32556d7e75422b9b853c2e6a1ac1c5", LOG_NOTICE,
                                "key proven to be gone", VOLUME | UUID | TABLE},
    [JOURNAL_ERASURE_NOT_PROVEN] = {"0de975822efc4400b93dce15fb918512", LOG_CRIT,
                                    "key NOT proven to be gone", VOLUME | UUID | RUNG | TABLE},
    [JOURNAL_RESTORE_BEGUN] = {"69a44773fcfa4791b6765e068a1aa1a6", LOG_NOTICE, "restore begun",
                               VOLUME},
    [JOURNAL_RESTORE_DONE] = {"633dadbc0e50492fbdc9f3a4b0bc6e4a", LOG_NOTICE, "restore done",
                              VOLUME},
    [JOURNAL_RESTORE_FAILED] = {"5babe36e54df4207bfb0f08058917293", LOG_ERR, "restore failed",
                                VOLUME},
    [JOURNAL_RESTORED] = {"f7b46e70ed864cefb69a3f8e039aec57", LOG_NOTICE, "back to normal", VOLUME},
    [JOURNAL_PENDING] = {"4fce3144b99e4856beb0d7c2357ca3c9", LOG_WARNING, "waiting for a grant",
                         VOLUME | VERDICT | CODE | REQUEST_ID},
    [JOURNAL_GIVEN_UP] = {"b09421d7595f4b189a8ef3ffe9fe4d79", LOG_ERR, "given up", VOLUME},
    [JOURNAL_ERASE_SCHEDULED] = {"e116ab68535246b0a179bbbd197b47fe", LOG_CRIT,
                                 "erasure of the keyslots scheduled", VOLUME | UUID},
    [JOURNAL_ERASE_CANCELLED] = {"0c578a8cc31c4a16af9dfa252e91b47a", LOG_NOTICE,
                                 "erasure of the keyslots cancelled", VOLUME},
    [JOURNAL_ERASE_DONE] = {"208d7548ef8c4aa6911e221a239a02ec", LOG_CRIT, "keyslots erased",
                            VOLUME | UUID},
    [JOURNAL_AUDIT_FAILED] = {"490cf57072344a6fb05dfbdc59754ef6", LOG_CRIT,
                              "audit log cannot be written", 0},
    [JOURNAL_AUDIT_HEAD] = {"8e0973732d7a4fb2ac34993f0706219a", LOG_INFO, "head of the audit log",
                            HASH},
    [JOURNAL_DRILL_BEGUN] = {"cbac77df9e124648824edc989bb405e0", LOG_NOTICE, "drill begun", VOLUME},
    [JOURNAL_DRILL_ENDED] = {"3a96aa7307dd4314b032e1a71851cdb4", LOG_NOTICE, "drill ended",
                             VOLUME | OUTCOME},
};
_Static_assert(sizeof(kinds) / sizeof(*kinds) == JOURNAL_EVENTS_, "an event has no kind");

const struct journal_kind *journal_kind(enum journal_event event)
{
        return &kinds[event];
}

const char *journal_field(unsigned int n)
{
        return n < FIELDS ? field_names[n] : NULL;
}

static bool is_set(const char *text)
{
        return text && *text;
}

/* "volume: title: detail", without what there is not. */
static void write_message(const struct journal_kind *kind, const struct journal_entry *entry,
                          char *buf, size_t size)
{
        const char *subject = is_set(entry->volume) ? entry->volume : entry->key;
        char text[FIELD_SIZE];

        (void)snprintf(text, sizeof(text), "%s%s%s%s%s", is_set(subject) ? subject : "",
                       is_set(subject) ? ": " : "", kind->title, is_set(entry->detail) ? ": " : "",
                       is_set(entry->detail) ? entry->detail : "");
        diag_text(buf, size, text);
}

/* Standard error is the journal's where systemd says so and it has not been changed since. */
static bool stderr_is_journal(void)
{
        const char *said = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return said && sscanf(said, "%llu:%llu", &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/* Appends "NAME=value" and a newline, of which there is none in a value that is printable. */
static void add_field(char *datagram, const char *name, const char *value)
{
        size_t used = strlen(datagram);
        char text[FIELD_SIZE];

        diag_text(text, sizeof(text), value);
        (void)snprintf(datagram + used, DATAGRAM_SIZE - used, "%s=%s\n", name, text);
}

/* False if the journal is there but cannot take the datagram now. */
static bool send_datagram(const char *datagram)
{
        static const struct sockaddr_un journal = {AF_UNIX, JOURNAL_SOCKET};
        CLEANUP_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        return fd < 0 ||
               sendto(fd, datagram, strlen(datagram), MSG_DONTWAIT | MSG_NOSIGNAL,
                      (const struct sockaddr *)&journal, sizeof(journal)) >= 0 ||
               (errno != EAGAIN && errno != ENOBUFS);
}

void journal_send(enum journal_event event, const struct journal_entry *entry)
{
        static const struct journal_entry none;
        static unsigned int dropped; /* since the last that was taken */
        const struct journal_kind *kind = &kinds[event];
        const struct journal_entry *e = entry ? entry : &none;
        const char *values[FIELDS] = {e->volume, e->uuid,       e->key,  e->verdict,
                                      e->code,   e->request_id, e->rung, e->outcome,
                                      e->state,  e->table,      e->hash};
        char datagram[DATAGRAM_SIZE] = "", message[FIELD_SIZE], number[16];

        write_message(kind, e, message, sizeof(message));
        add_field(datagram, "MESSAGE", message);
        add_field(datagram, "MESSAGE_ID", kind->id);
        (void)snprintf(number, sizeof(number), "%d", kind->priority);
        add_field(datagram, "PRIORITY", number);
        add_field(datagram, "SYSLOG_IDENTIFIER", "luks-kmsd");
        for (unsigned int i = 0; i < FIELDS; i++)
                if (is_set(values[i]) || kind->shown & 1U << i)
                        add_field(datagram, field_names[i], is_set(values[i]) ? values[i] : "-");
        if (dropped > 0) {
                (void)snprintf(number, sizeof(number), "%u", dropped);
                add_field(datagram, "LUKS_KMS_DROPPED", number);
        }
        dropped = send_datagram(datagram) ? 0 : dropped + 1;
        if (!stderr_is_journal())
                (void)fprintf(stderr, "luks-kmsd: %s\n", message);
}

void journal_send_diag(enum journal_event event, const struct journal_entry *entry,
                       const struct diag *diag)
{
        struct journal_entry with = entry ? *entry : (struct journal_entry){.volume = NULL};
        char words[sizeof(diag->message) + sizeof(diag->advice) + 2];

        (void)snprintf(words, sizeof(words), "%s%s%s", diag->message,
                       is_set(diag->advice) ? "; " : "", diag->advice);
        if (!is_set(with.code))
                with.code = diag->code;
        if (!is_set(with.request_id))
                with.request_id = diag->request_id;
        if (!is_set(with.detail))
                with.detail = words;
        journal_send(event, &with);
}
