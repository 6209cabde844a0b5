/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's events: what is sent, that a journal which does not listen holds nobody up, and that
 * table and catalog say the same. sendto(2) is replaced, so that nothing reaches a real journal. */

#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agentd/journal.h"

static char sent[16384];
static int sent_flags, fail_with;

ssize_t __wrap_sendto(int fd, const void *buf, size_t size, int flags,
                      const struct sockaddr *address, socklen_t length);
ssize_t __wrap_sendto(int fd, const void *buf, size_t size, int flags,
                      const struct sockaddr *address, socklen_t length)
{
        (void)fd, (void)address, (void)length;
        sent_flags = flags;
        if (fail_with) {
                errno = fail_with;
                return -1;
        }
        assert_true(size < sizeof(sent) - 1);
        sent[0] = '\n';
        memcpy(sent + 1, buf, size);
        sent[size + 1] = '\0';
        return (ssize_t)size;
}

/* Whether the last datagram had this line. */
static bool has(const char *line)
{
        char with[1024];

        (void)snprintf(with, sizeof(with), "\n%s\n", line);
        return strstr(sent, with);
}

static void test_fields(void **state)
{
        const struct journal_entry entry = {.volume = "data",
                                            .verdict = "key-state",
                                            .code = "DisabledException",
                                            .detail = "suspend follows in 5min"};
        (void)state;

        journal_send(JOURNAL_REVOKED, &entry);
        assert_true(has("MESSAGE=data: revocation established: suspend follows in 5min"));
        assert_true(has("MESSAGE_ID=f0d429faca714636b758a05a2693e6fc"));
        assert_true(has("PRIORITY=2"));
        assert_true(has("SYSLOG_IDENTIFIER=luks-kmsd"));
        assert_true(has("LUKS_KMS_VOLUME=data"));
        assert_true(has("LUKS_KMS_CODE=DisabledException"));
        assert_true(has("LUKS_KMS_REQUEST_ID=-")); /* the catalog shows it */
        assert_false(strstr(sent, "LUKS_KMS_HASH"));

        journal_send(JOURNAL_AGENT_STARTED, NULL);
        assert_true(has("MESSAGE=agent started"));
        assert_false(strstr(sent, "LUKS_KMS_"));
}

static void test_diag(void **state)
{
        struct journal_entry entry = {.volume = "data", .code = "Mine"};
        struct diag diag = {
            .message = "the disk is late", .advice = "look", .code = "Theirs", .request_id = "r-1"};
        (void)state;

        journal_send_diag(JOURNAL_PENDING, &entry, &diag);
        assert_true(has("MESSAGE=data: waiting for a grant: the disk is late; look"));
        assert_true(has("LUKS_KMS_CODE=Mine"));
        assert_true(has("LUKS_KMS_REQUEST_ID=r-1"));
}

/* Who chooses a value does not choose fields. */
static void test_hostile(void **state)
{
        char longest[8192];
        struct journal_entry entry = {.volume = longest,
                                      .uuid = longest,
                                      .key = longest,
                                      .verdict = longest,
                                      .code = longest,
                                      .request_id = longest,
                                      .rung = longest,
                                      .outcome = longest,
                                      .state = longest,
                                      .table = longest,
                                      .hash = longest,
                                      .detail = longest};
        const struct journal_entry breaks = {.volume = "a\nPRIORITY=0\n", .code = "\x1b[2J\xff"};
        unsigned int fields = 0;
        (void)state;

        journal_send(JOURNAL_DENIED, &breaks);
        assert_true(has("LUKS_KMS_VOLUME=a?PRIORITY=0?"));
        assert_true(has("LUKS_KMS_CODE=?[2J?"));
        assert_false(has("PRIORITY=0"));

        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        journal_send(JOURNAL_REVOKED, &entry);
        for (const char *p = sent + 1; (p = strchr(p, '\n')); p++)
                fields++;
        assert_int_equal(fields, 15);
        assert_true(strlen(sent) > 11 * 512);
        assert_int_equal(sent[strlen(sent) - 1], '\n');
}

static void test_journal_that_hangs(void **state)
{
        (void)state;

        fail_with = EAGAIN;
        journal_send(JOURNAL_DOUBT, NULL);
        assert_true(sent_flags & MSG_DONTWAIT);
        assert_true(sent_flags & MSG_NOSIGNAL);
        journal_send(JOURNAL_DOUBT, NULL);
        fail_with = 0;
        journal_send(JOURNAL_DOUBT, NULL);
        assert_true(has("LUKS_KMS_DROPPED=2"));
        journal_send(JOURNAL_DOUBT, NULL);
        assert_false(strstr(sent, "LUKS_KMS_DROPPED"));
        fail_with = ENOENT; /* there is none */
        journal_send(JOURNAL_DOUBT, NULL);
        fail_with = 0;
        journal_send(JOURNAL_DOUBT, NULL);
        assert_false(strstr(sent, "LUKS_KMS_DROPPED"));
}

static char *read_catalog(void)
{
        static char text[65536];
        FILE *file = fopen(CATALOG, "re");
        size_t n;

        assert_non_null(file);
        n = fread(text, 1, sizeof(text) - 1, file);
        assert_true(n > 0 && n < sizeof(text) - 1);
        text[n] = '\0';
        assert_int_equal(fclose(file), 0);
        return text;
}

/* Bits of the fields that the text of an entry shows; fails on one that nobody sends. */
static unsigned int shown_by(const char *text, const char *title)
{
        unsigned int bits = 0;

        for (const char *at = text; (at = strstr(at, "@LUKS_KMS_")); at++) {
                unsigned int n = 0;

                for (const char *name; (name = journal_field(n)); n++)
                        if (strncmp(at + 1, name, strlen(name)) == 0 && at[1 + strlen(name)] == '@')
                                break;
                ROW_ASSERT(journal_field(n), title);
                bits |= 1U << n;
        }
        return bits;
}

static void test_catalog(void **state)
{
        char *text = read_catalog();
        unsigned int entries = 0;
        (void)state;

        for (int e = 0; e < JOURNAL_EVENTS_; e++) {
                const struct journal_kind *kind = journal_kind((enum journal_event)e);
                char wanted[256], *entry, *next;

                (void)snprintf(wanted, sizeof(wanted),
                               "\n-- %s\nSubject: %s\nDefined-By: luks-kms\n"
                               "Documentation: man:luks-kms(8)\n\n",
                               kind->id, kind->title);
                entry = strstr(text, wanted);
                ROW_ASSERT(entry, kind->title);
                ROW_ASSERT(strlen(kind->id) == 32 && strspn(kind->id, "0123456789abcdef") == 32,
                           kind->title);
                ROW_ASSERT(kind->priority >= 0 && kind->priority <= 7, kind->title);
                entry += strlen(wanted);
                next = strstr(entry, "\n-- ");
                if (next)
                        *next = '\0';
                ROW_ASSERT(strlen(entry) > 80, kind->title);
                ROW_ASSERT(strstr(entry, "\n\n"), kind->title); /* what it is; what to do */
                ROW_ASSERT(shown_by(entry, kind->title) == kind->shown, kind->title);
                if (next)
                        *next = '\n';
        }
        for (char *at = text; (at = strstr(at, "\n-- ")); at++)
                entries++;
        assert_int_equal(entries, JOURNAL_EVENTS_);
}

/* The messages go to standard error as well, which is the report of cmocka. */
static int quiet(void **state)
{
        (void)state;
        return freopen("/dev/null", "w", stderr) ? 0 : -1;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_fields),  cmocka_unit_test(test_diag),
            cmocka_unit_test(test_hostile), cmocka_unit_test(test_journal_that_hangs),
            cmocka_unit_test(test_catalog),
        };

        return cmocka_run_group_tests_name("journal", tests, quiet, NULL);
}
