/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agentd/control.h: each method's parameters, answer and refusals, with an agent that is a fake. */

#include "varlink-fixture.h"

#include "agent-fake.h"

static struct control *control;
static struct fake_agent fake;
static int fd;

static int set_up(void **state)
{
        (void)state;
        fake = (struct fake_agent){.probes = 0};
        assert_true(sd_event_new(&loop) >= 0);
        assert_int_equal(control_new(loop, listen_somewhere(), "1.2.3", &fake_ops, &fake, &control),
                         0);
        fd = dial();
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        (void)close(fd);
        control_free(control);
        (void)sd_event_unref(loop);
        return 0;
}

#define CALL(name, parameters)                                                                     \
        "{\"method\":\"org.lukskms.Agent." name "\",\"parameters\":{" parameters "}}"
#define DATA "\"volume\":\"data\""

static const char *ask(const char *text)
{
        const char *heard;

        say(fd, text);
        heard = hear(fd);
        assert_non_null(heard);
        return heard;
}

static void assert_has(const char *text, const char *part)
{
        if (!strstr(text, part))
                fail_msg("no %s in %s", part, text);
}

#define VOLUME                                                                                     \
        "{\"name\":\"data\",\"mapping\":\"data\",\"uuid\":\"1b4e28ba-2fa1-41d2-883f-"              \
        "0016d3cca427\",\"role\":\"persistence\",\"device\":\"/dev/vdb\",\"state\":\"revoked\","   \
        "\"suspended\":true,\"rung\":\"suspend\",\"by_outage\":false,\"since\":\"2026-01-02T03:"   \
        "04:05.678Z\",\"next_rung\":\"close\",\"next_rung_at\":\"2026-01-03T03:04:05.678Z\","      \
        "\"keys\":[{\"key\":\"main\",\"uri\":\"aws-kms://arn:aws:kms:eu-west-1:111122223333:key/"  \
        "1234abcd-12ab-34cd-56ef-1234567890ab\",\"verdict\":\"key-state\",\"code\":"               \
        "\"DisabledException\",\"request_id\":\"req-1\",\"message\":\"the key is "                 \
        "\\\"disabled\\\"\",\"at\":\"2026-01-02T03:04:05.678Z\",\"next_at\":\"2026-01-02T03:05:"   \
        "05.678Z\",\"interval_ms\":60000,\"in_flight\":false}],\"unproven\":false}"

static void test_status(void **state)
{
        (void)state;
        assert_string_equal(ask(CALL("Status", "")), "{\"parameters\":{\"volumes\":[" VOLUME "]}}");
        assert_string_equal(ask(CALL("Status", DATA)),
                            "{\"parameters\":{\"volumes\":[" VOLUME "]}}");
        assert_string_equal(ask(CALL("Status", "\"volume\":null")),
                            "{\"parameters\":{\"volumes\":[" VOLUME "]}}");
        assert_string_equal(ask("{\"method\":\"org.lukskms.Agent.Status\"}"),
                            "{\"parameters\":{\"volumes\":[" VOLUME "]}}");
        fake.fails = true;
        assert_has(ask(CALL("Status", "")), "\"error\":\"org.lukskms.Agent.InternalError\"");
}

static void test_why(void **state)
{
        const char *text;

        (void)state;
        text = ask(CALL("Why", DATA));
        assert_has(text, "{\"parameters\":{\"volume\":" VOLUME ",\"history\":[{\"time\":");
        assert_has(text, "\"event\":\"rung\",\"rung\":\"suspend\",\"outcome\":\"proven\"}],"
                         "\"sentences\":[\"data was revoked, since 2026-01-02T03:04:05.678Z.\"");
}

static void test_receipts(void **state)
{
        (void)state;
        assert_string_equal(
            ask(CALL("Receipts", "")),
            "{\"parameters\":{\"receipts\":[{\"time\":\"2026-01-02T03:04:06.000Z\",\"volume\":"
            "\"data\",\"uuid\":\"1b4e28ba-2fa1-41d2-883f-0016d3cca427\",\"rung\":\"suspend\","
            "\"proven\":true,\"table\":\"wiped\",\"keyring_keys\":0}]}}");
}

static void test_metrics(void **state)
{
        const char *text;

        (void)state;
        text = ask(CALL("Metrics", ""));
        assert_has(text, "{\"parameters\":{\"text\":\"# TYPE luks_kms_lease_state stateset\\u000a");
        assert_has(text, "# EOF\\u000a\"}}");
}

static void test_orders(void **state)
{
        (void)state;
        if (geteuid() != 0)
                skip();
        assert_string_equal(ask(CALL("Probe", DATA)), "{\"parameters\":{}}");
        assert_int_equal(fake.probes, 1);
        assert_string_equal(ask(CALL("Reload", "")), "{\"parameters\":{}}");
        assert_int_equal(fake.reloads, 1);
        fake.refuses = true;
        assert_string_equal(ask(CALL("Reload", "")),
                            "{\"error\":\"org.lukskms.Agent.Refused\",\"parameters\":{\"message\":"
                            "\"line 3 is wrong\",\"next\":\"correct it\"}}");
}

/* What only root may do, nobody else does. */
static void test_rights(void **state)
{
        static const char *const orders[] = {CALL("Probe", DATA), CALL("Reload", ""),
                                             CALL("Drill", DATA)};

        (void)state;
        if (geteuid() != 0)
                skip();
        (void)close(fd);
        assert_int_equal(seteuid(65534), 0);
        fd = dial();
        assert_int_equal(seteuid(0), 0);
        for (size_t i = 0; i < LENGTH(orders); i++)
                assert_has(ask(orders[i]), "\"error\":\"org.lukskms.Agent.PermissionDenied\"");
        assert_int_equal(fake.probes + fake.reloads + fake.drills, 0);
        assert_has(ask(CALL("Status", "")), "\"volumes\":[");
}

static void test_parameters(void **state)
{
        static const struct {
                const char *call, *parameter;
        } rows[] = {
            {CALL("Why", ""), "volume"},
            {CALL("Why", "\"volume\":null"), "volume"},
            {CALL("Why", "\"volume\":1"), "volume"},
            {CALL("Status", "\"volume\":[]"), "volume"},
            {CALL("Status", "\"rung\":\"kill\""), "rung"},
            {CALL("Status", "\"volume\":\""
                            "0123456789012345678901234567890123456789012345678901234567890123"
                            "\""),
             "volume"},
            {CALL("Metrics", DATA), "volume"},
            {CALL("Why", DATA ",\"more\":true"), "more"},
            {CALL("Drill", DATA ",\"rung\":\"erase\""), "rung"},
            {CALL("Drill", DATA ",\"rung\":\"poweroff\""), "rung"},
            {CALL("Drill", DATA ",\"confirm\":1"), "confirm"},
            {CALL("Drill", "\"confirm\":true"), "volume"},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                char expected[160];

                if (geteuid() != 0 && strstr(rows[i].call, "Drill"))
                        continue;
                (void)snprintf(expected, sizeof(expected),
                               "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":"
                               "{\"parameter\":\"%s\"}}",
                               rows[i].parameter);
                assert_string_equal(ask(rows[i].call), expected);
        }
        assert_int_equal(fake.drills, 0);
}

static void test_no_such_volume(void **state)
{
        static const char *const methods[] = {"Status", "Why", "Receipts", "Probe", "Drill"};

        (void)state;
        for (size_t i = 0; i < LENGTH(methods); i++) {
                char call[128];

                if (geteuid() != 0 && i >= 3)
                        continue;
                (void)snprintf(call, sizeof(call),
                               "{\"method\":\"org.lukskms.Agent.%s\",\"parameters\":"
                               "{\"volume\":\"nope\"}}",
                               methods[i]);
                assert_has(ask(call), "{\"error\":\"org.lukskms.Agent.NoSuchVolume\",\"parameters\""
                                      ":{\"message\":\"the agent knows no volume nope\"");
        }
}

#define CONFIRMED                                                                                  \
        "{\"method\":\"org.lukskms.Agent.Drill\",\"more\":true,\"parameters\":"                    \
        "{\"volume\":\"data\",\"rung\":\"close\",\"confirm\":true}}"

static void test_drill(void **state)
{
        (void)state;
        if (geteuid() != 0)
                skip();
        assert_string_equal(ask(CALL("Drill", DATA)),
                            "{\"parameters\":{\"step\":{\"time\":\"2026-01-02T03:04:05.678Z\","
                            "\"step\":\"plan\",\"message\":\"data will be suspended for a moment\","
                            "\"elapsed_ms\":0}}}");
        assert_has(ask(CALL("Drill", DATA ",\"confirm\":true")), "ExpectedMore");
        assert_int_equal(fake.drills, 0);
        assert_has(ask(CONFIRMED), "\"step\":\"notice\"");
        assert_has(hear(fd), "\"message\":\"suspended\",\"elapsed_ms\":1500}},"
                             "\"continues\":true}");
        assert_has(hear(fd), "{\"parameters\":{\"report\":{\"volume\":\"data\"");
        assert_int_equal(fake.drills, 1);
}

static void test_drill_gone(void **state)
{
        (void)state;
        if (geteuid() != 0)
                skip();
        fake.manual = true;
        say(fd, CONFIRMED);
        turn();
        assert_non_null(fake.call);
        (void)close(fd);
        turn();
        assert_true(fake.gone);
        fd = dial();
}

static void test_description(void **state)
{
        const char *text = ask("{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                               "\"parameters\":{\"interface\":\"org.lukskms.Agent\"}}");

        (void)state;
        assert_has(text, "interface org.lukskms.Agent\\u000a");
        assert_has(text, "method Drill(volume: string, rung: ?string, confirm: ?bool)");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
            TEST(status), TEST(why),        TEST(receipts),    TEST(metrics),
            TEST(orders), TEST(rights),     TEST(parameters),  TEST(no_such_volume),
            TEST(drill),  TEST(drill_gone), TEST(description),
        };

        return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
