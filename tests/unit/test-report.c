/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agentd/report.h and metrics.h: times, spans, sentences, what is left out, and OpenMetrics text.
 */

#include "unit.h"

#include "agent-fake.h"

static void test_time(void **state)
{
        char text[CLOCK_TEXT_MAX];

        (void)state;
        clock_text(0, text);
        assert_string_equal(text, "1970-01-01T00:00:00.000Z");
        clock_text(UINT64_C(1767323045007), text);
        assert_string_equal(text, "2026-01-02T03:04:05.007Z");
}

static void test_span(void **state)
{
        static const struct {
                uint64_t ms;
                const char *text;
        } rows[] = {
            {0, "0 ms"},           {999, "999 ms"},           {1000, "1 s"},
            {59999, "59 s"},       {60000, "1 min"},          {252000, "4 min 12 s"},
            {3600000, "1 h"},      {5400000, "1 h 30 min"},   {86400000, "1 d"},
            {97200000, "1 d 3 h"}, {864000000000, "10000 d"},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                char text[REPORT_SPAN_MAX];

                report_span(rows[i].ms, text);
                assert_string_equal(text, rows[i].text);
        }
}

static char lines[REPORT_SENTENCES_MAX][REPORT_SENTENCE_MAX];

static void test_sentences(void **state)
{
        (void)state;
        assert_int_equal(report_sentences(&fake_volume, fake_volume.since_ms + 1000, lines), 5);
        assert_string_equal(lines[0], "data was revoked, since 2026-01-02T03:04:05.678Z.");
        assert_string_equal(lines[1], "Key main answered key-state at 2026-01-02T03:04:05.678Z "
                                      "(DisabledException, request req-1).");
        assert_string_equal(lines[2], "I/O to it waits, and its key is wiped.");
        assert_string_equal(lines[3],
                            "Rung close begins in 23 h 59 min, at "
                            "2026-01-03T03:04:05.678Z, unless the key is granted before.");
        assert_string_equal(lines[4],
                            "Key main is asked for next in 59 s, at 2026-01-02T03:05:05.678Z.");
}

static void test_sentences_elsewhere(void **state)
{
        struct report_probe keys[] = {{.key = "a", .verdict = "granted"},
                                      {.key = "b", .verdict = "unavailable"},
                                      {.key = "c"}};
        struct report_volume v = {.name = "v", .state = "doubtful", .keys = keys, .key_count = 3};

        (void)state;
        assert_int_equal(report_sentences(&v, 0, lines), 2);
        assert_non_null(strstr(lines[0], "an outage and no revocation."));
        assert_non_null(strstr(lines[1], "Key b answered unavailable"));

        v = (struct report_volume){.name = "v", .state = "pending"};
        assert_int_equal(report_sentences(&v, 0, lines), 2);
        assert_string_equal(lines[0], "v waits for a grant of its key to be opened.");
        assert_string_equal(lines[1], "No key of it was asked for yet.");

        v = (struct report_volume){
            .name = "v", .state = "revoked", .by_outage = true, .rung = "kill", .unproven = true};
        assert_int_equal(report_sentences(&v, 0, lines), 4);
        assert_non_null(strstr(lines[0], "longer than MaxOutage= allows"));
        assert_string_equal(lines[2], "The rung kill has begun; that the key is gone could not be "
                                      "proven.");
        assert_string_equal(lines[3], "No further rung follows; a grant restores it.");

        v = (struct report_volume){.state = "denied", .next_rung = "suspend", .next_rung_ms = 5};
        assert_int_equal(report_sentences(&v, 6, lines), 3);
        assert_string_equal(lines[2], "Rung suspend begins now, unless the key is granted before.");
}

/* The last 32 events, and a struct of nothing. */
static void test_history(void **state)
{
        static struct report_event events[REPORT_HISTORY_MAX + 5];
        struct report_volume v = {.history = events, .history_count = LENGTH(events)};
        static char buf[16384];
        struct jsonw w;
        size_t len, count = 0;

        (void)state;
        for (size_t i = 0; i < LENGTH(events); i++)
                events[i].event = i < 5 ? "old" : "new";
        jsonw_init(&w, buf, sizeof(buf));
        jsonw_object(&w, NULL);
        report_write_why(&w, &v, 0);
        jsonw_object_end(&w);
        assert_int_equal(jsonw_end(&w, &len), 0);
        assert_null(strstr(buf, "old"));
        for (const char *p = buf; (p = strstr(p, "new")); p++)
                count++;
        assert_int_equal(count, REPORT_HISTORY_MAX);
        assert_non_null(strstr(buf, "{\"volume\":{\"suspended\":false,\"by_outage\":false,\"keys\":"
                                    "[],\"unproven\":false},\"history\":[{\"event\":\"new\"}"));
}

static void test_metrics(void **state)
{
        static char buf[16384];
        static const char *const parts[] = {
            "# TYPE luks_kms_lease_state stateset\n# HELP luks_kms_lease_state ",
            "luks_kms_lease_state{volume=\"data\",luks_kms_lease_state=\"revoked\"} 1\n",
            "luks_kms_lease_state{volume=\"data\",luks_kms_lease_state=\"open\"} 0\n",
            "luks_kms_rung{volume=\"data\"} 2\n",
            "luks_kms_rung{volume=\"logs\"} 0\n",
            "# TYPE luks_kms_rungs counter\n",
            "luks_kms_rungs_total{volume=\"data\",rung=\"suspend\",outcome=\"failed\"} 1\n",
            "# UNIT luks_kms_probe_since_success_seconds seconds\n",
            "luks_kms_probe_since_success_seconds{key=\"main\"} 60\n",
            "luks_kms_probes_total{key=\"main\",verdict=\"granted\"} 7\n",
            "luks_kms_probes_total{key=\"a\\\"b\\\\c\\nd\",verdict=\"tampered\"} 0\n",
            "luks_kms_erasure_proven{volume=\"data\"} 1\n",
            "luks_kms_audit_errors_total 3\n",
            "luks_kms_build_info{version=\"1.2.3\"} 1\n# EOF\n",
        };
        size_t len, less;

        (void)state;
        assert_int_equal(metrics_write(&fake_metrics, buf, sizeof(buf), &len), 0);
        assert_int_equal(strlen(buf), len);
        for (size_t i = 0; i < LENGTH(parts); i++)
                if (!strstr(buf, parts[i]))
                        fail_msg("no %s in:\n%s", parts[i], buf);
        assert_null(strstr(buf, "erasure_proven{volume=\"logs\"}"));
        assert_string_equal(buf + len - 6, "# EOF\n");
        assert_int_equal(metrics_write(&fake_metrics, buf, len + 1, &less), 0);
        assert_int_equal(metrics_write(&fake_metrics, buf, len, &less), -ENOBUFS);
        assert_int_equal(metrics_write(&fake_metrics, buf, 0, &less), -ENOBUFS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_time),      cmocka_unit_test(test_span),
            cmocka_unit_test(test_sentences), cmocka_unit_test(test_sentences_elsewhere),
            cmocka_unit_test(test_history),   cmocka_unit_test(test_metrics),
        };

        return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
