/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Audit logs for tests: a folder with the log and what it is rotated to; written, read as a whole,
 * and put back changed. */

#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "audit/audit.h"
#include "base/fdio.h"

static char folder[] = "/tmp/luks-kms-test-audit-XXXXXX";
static char log_path[128], old_path[128]; /* "audit.jsonl", "audit.jsonl.1" */

static inline int folder_make(void **state)
{
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        (void)snprintf(log_path, sizeof(log_path), "%s/audit.jsonl", folder);
        (void)snprintf(old_path, sizeof(old_path), "%s/audit.jsonl.1", folder);
        return 0;
}

/* Before each test. */
static inline int files_remove(void **state)
{
        (void)state;
        (void)unlink(log_path);
        (void)unlink(old_path);
        return 0;
}

static inline int folder_remove(void **state)
{
        (void)files_remove(state);
        return rmdir(folder);
}

static inline struct audit *open_log(void)
{
        struct audit *audit = NULL;
        struct diag diag = DIAG_INIT;

        if (audit_open(log_path, &audit, &diag) != 0)
                fail_msg("%s", diag.message);
        return audit;
}

static inline void write_entry(struct audit *audit, const char *message)
{
        struct audit_entry e = AUDIT_ENTRY_INIT;

        e.event = "probe";
        e.volume = "data";
        e.message = message;
        assert_int_equal(audit_write(audit, &e, 0), 0);
}

/* A run of the agent that leaves count lines. */
static inline void write_lines(int count)
{
        struct audit *audit CLEANUP_AUDIT = open_log();
        char message[32];

        for (int i = 1; i <= count; i++) {
                (void)snprintf(message, sizeof(message), "message %d", i);
                write_entry(audit, message);
        }
}

/* With a NUL behind; the caller frees it. */
static inline char *read_file(const char *path, size_t *ret_len)
{
        int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        char *text;

        assert_int_equal(fstat(fd, &st), 0);
        text = calloc(1, (size_t)st.st_size + 1);
        assert_non_null(text);
        assert_int_equal(pread_full(fd, text, (size_t)st.st_size, 0), 0);
        *ret_len = (size_t)st.st_size;
        return text;
}

static inline void put_file(const char *path, const char *text, size_t len)
{
        int fd CLEANUP_FD = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

        assert_true(fd >= 0);
        assert_int_equal(write_full(fd, text, len), 0);
}

/* The log is whole and has so many lines. */
static inline void whole(const char *path, const char *prev, uint64_t lines, char ret_last[65])
{
        struct diag diag = DIAG_INIT;
        uint64_t found = 0;

        if (audit_verify(path, prev, &found, ret_last, &diag) != 0)
                fail_msg("%s", diag.message);
        assert_int_equal(found, lines);
}

/* The log is broken, and the message names this line. */
static inline void broken_at(const char *what, int line)
{
        struct diag diag = DIAG_INIT;
        char place[200], last[65] = "untouched";
        uint64_t lines = 99;

        ROW_ASSERT(audit_verify(log_path, AUDIT_HASH_NONE, &lines, last, &diag) == AUDIT_E_BROKEN,
                   what);
        (void)snprintf(place, sizeof(place), "%s: line %d ", log_path, line);
        if (strncmp(diag.message, place, strlen(place)) != 0)
                fail_msg("%s: not line %d: %s", what, line, diag.message);
        ROW_ASSERT(strcmp(diag.rule, "audit-chain") == 0 && diag.advice[0], what);
        ROW_ASSERT(lines == 99 && strcmp(last, "untouched") == 0, what);
}
