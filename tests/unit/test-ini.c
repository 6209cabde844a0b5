/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/ini.h: what is read, line by line, and what is refused, with its line and without its text.
 */

#include "unit.h"

#include "base/ini.h"

/* Each entry as "LINE SECTION|KEY|VALUE\n". */
static int record(const struct ini_entry *e, void *userdata, struct diag *diag)
{
        char *log = userdata;
        size_t used = strlen(log);

        (void)diag;
        assert_string_equal(e->file, "test.conf");
        (void)snprintf(log + used, 1024 - used, "%u %s|%s|%s\n", e->line, e->section,
                       e->key ? e->key : "(header)", e->value);
        return 0;
}

static int parse(const char *text, char log[1024], struct diag *diag)
{
        CLEANUP_FREE char *copy = strdup(text);

        assert_non_null(copy);
        log[0] = '\0';
        return ini_parse(copy, "test.conf", record, log, diag);
}

static const struct {
        const char *text, *entries;
} good[] = {
    {"", ""},
    {"\n\n  \n\t\n", ""},
    {"# c\n; c\n  # c=1\n#[x]\n", ""},
    {"a=b", "1 |a|b\n"},
    {"[S]\nKey=value\n", "1 S|(header)|\n2 S|Key|value\n"},
    {"[S]\r\nKey=value\r\n", "1 S|(header)|\n2 S|Key|value\n"},
    {"[ profile one ]\n\n[T]\n", "1 profile one|(header)|\n3 T|(header)|\n"},
    {"  Key \t = \t a value with  spaces \t \n", "1 |Key|a value with  spaces\n"},
    {"k=\nk= \n", "1 |k|\n2 |k|\n"},
    {"k=a=b==\nk==\n", "1 |k|a=b==\n2 |k|=\n"},
    {"k=a # no comment ; here\n", "1 |k|a # no comment ; here\n"},
    {"k=[x]\n", "1 |k|[x]\n"},
    {"k=a\\\nb\nl=c\n", "1 |k|a b\n3 |l|c\n"},
    {"k=a \\\n  b\\\n\\\nc\n", "1 |k|a    b  c\n"},
    {"k=a\\\n# comment\n; more\nb\nl=c\n", "1 |k|a b\n5 |l|c\n"},
    {"# comment \\\nk=v\n", "2 |k|v\n"},
    {"k=a\\", "1 |k|a\n"},
    {"k=a\\\n", "1 |k|a\n"},
    {"k=a\\\n#x", "1 |k|a\n"},
    {"k=a\\b\\\\ \n", "1 |k|a\\b\\\\\n"},
    {"k=\xc3\xa9\n", "1 |k|\xc3\xa9\n"},
    {"aws_secret_access_key = wJalr/K7MDENG+bPx\n", "1 |aws_secret_access_key|wJalr/K7MDENG+bPx\n"},
};

static void test_reads(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(good); i++) {
                struct diag diag = DIAG_INIT;
                char log[1024];

                if (parse(good[i].text, log, &diag) != 0)
                        fail_msg("%s: %s", good[i].text, diag.message);
                assert_string_equal(log, good[i].entries);
        }
}

static const struct {
        const char *text, *message;
} bad[] = {
    {"hunter2\n", "test.conf:1: expected [Section], Key=value or a comment"},
    {"[S]\nk=v\n\nhunter2", "test.conf:4: expected [Section], Key=value or a comment"},
    {"=hunter2\n", "test.conf:1: expected a key before '='"},
    {" = hunter2\n", "test.conf:1: expected a key before '='"},
    {"[S\nk=v\n", "test.conf:1: expected ']' at the end of the section"},
    {"[S] x\n", "test.conf:1: expected ']' at the end of the section"},
    {"[\n", "test.conf:1: expected ']' at the end of the section"},
    {"[]\n", "test.conf:1: expected a name between '[' and ']'"},
    {"[ ]\n", "test.conf:1: expected a name between '[' and ']'"},
    {"[a]b]\n", "test.conf:1: expected a name between '[' and ']'"},
    {"[[a]\n", "test.conf:1: expected a name between '[' and ']'"},
    {"k=hunter\x01\n", "test.conf:1: control characters are not allowed"},
    {"k=a\rhunter2\n", "test.conf:1: control characters are not allowed"},
    {"k=\x7f", "test.conf:1: control characters are not allowed"},
    {"k\x1b=v", "test.conf:1: control characters are not allowed"},
    {"k=a\\\nb\nhunter2\n", "test.conf:3: expected [Section], Key=value or a comment"},
    {"hunter\\\n2\n", "test.conf:1: expected [Section], Key=value or a comment"},
};

static void test_refuses(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(bad); i++) {
                struct diag diag = DIAG_INIT;
                char log[1024];

                ROW_ASSERT(parse(bad[i].text, log, &diag) == INI_E_SYNTAX, bad[i].text);
                assert_string_equal(diag.message, bad[i].message);
                assert_string_equal(diag.rule, "syntax");
                assert_null(strstr(diag.message, "hunter"));
        }
}

static int stop_at_b(const struct ini_entry *e, void *userdata, struct diag *diag)
{
        int *calls = userdata;

        (*calls)++;
        if (e->key && strcmp(e->key, "b") == 0)
                return diag_refuse(diag, 42, "no-b", "line %u", e->line);
        return 0;
}

static void test_callback_stops(void **state)
{
        char text[] = "a=1\nb=2\nc=3\n";
        struct diag diag = DIAG_INIT;
        int calls = 0;

        (void)state;
        assert_int_equal(ini_parse(text, "x", stop_at_b, &calls, &diag), 42);
        assert_int_equal(calls, 2);
        assert_string_equal(diag.message, "line 2");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_reads),
            cmocka_unit_test(test_refuses),
            cmocka_unit_test(test_callback_stops),
        };

        return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
