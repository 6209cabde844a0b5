/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* policy/config.h: what the agent goes by: its own section, ladders and their defaults, the
 * fingerprint of a key, and that what is shown reads back as the same. */

#include "config-fixture.h"

#define VOLUME_OF(role) "[Volume data]\nDevice=/dev/x\nRole=" role "\nKey=main\n"

static void ladder_is(const struct ladder *ladder, const char *text)
{
        char buf[256];

        assert_int_equal(ladder_write(ladder, buf, sizeof(buf)), 0);
        assert_string_equal(buf, text);
}

static void test_agent_defaults(void **state)
{
        struct config *config CLEANUP_CONFIG = load_good(KEY);
        const struct agent_config *a = &config->agent;

        (void)state;
        assert_string_equal(a->audit_log, "/var/log/luks-kms/audit.jsonl");
        assert_string_equal(a->read_group, "");
        assert_int_equal(a->confirm_denials, 3);
        assert_int_equal(a->confirm_span_ms, 120000);
        assert_int_equal(a->pending_timeout_ms, 7 * 86400 * 1000);
        assert_int_equal(a->rung_timeout_ms, 10000);
        assert_int_equal(a->sync_time_ms, 300);
        assert_int_equal(config->keys->probe_interval_ms, 60000);
}

static void test_agent_settings(void **state)
{
        struct config *config CLEANUP_CONFIG = load_good(
            "[Agent]\nAuditLog=/var/log/x\nReadGroup=adm\nConfirmDenials=5\nConfirmSpan=10min\n"
            "PendingTimeout=1d 1h\nRungTimeout=4s\nSyncTime=1s\n[Key x]\nURI=platform:file\n"
            "ProbeInterval=5min\n[Agent]\nSyncTime=2s\n");
        const struct agent_config *a = &config->agent;

        (void)state;
        assert_string_equal(a->audit_log, "/var/log/x");
        assert_string_equal(a->read_group, "adm");
        assert_int_equal(a->confirm_denials, 5);
        assert_int_equal(a->confirm_span_ms, 600000);
        assert_int_equal(a->pending_timeout_ms, 25 * 3600 * 1000);
        assert_int_equal(a->rung_timeout_ms, 4000);
        assert_int_equal(a->sync_time_ms, 2000);
        assert_int_equal(config->keys->probe_interval_ms, 300000);
}

static void test_ladder_defaults(void **state)
{
        static const struct {
                const char *text, *on_revoke;
        } rows[] = {
            {KEY VOLUME_OF("persistence"), "alert; suspend"},
            {KEY VOLUME_OF("backup"), "alert; suspend"},
            {KEY VOLUME_OF("temp"), "alert; suspend"},
            {KEY VOLUME_OF("os"), "alert"},
            {KEY VOLUME_OF("temp") "Role=os\n", "alert"},
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                struct config *config CLEANUP_CONFIG = load_good(rows[i].text);
                const struct volume_config *v = config->volumes;

                ladder_is(&v->on_revoke, rows[i].on_revoke);
                assert_int_equal(v->on_outage.count, 0);
                assert_int_equal(v->max_outage_ms, 0);
                assert_int_equal(v->open_auto, 0);
                assert_int_equal(v->allow_erase, 0);
        }
}

static void test_ladder_settings(void **state)
{
        struct config *config CLEANUP_CONFIG = load_good(
            KEY VOLUME "OnRevoke=alert; suspend 5min; erase 72h\nAllowErase=yes\nOpen=auto\n"
                       "OnOutage=suspend; close 1h\nMaxOutage=4h\n");
        const struct volume_config *v = config->volumes;

        (void)state;
        ladder_is(&v->on_revoke, "alert; suspend 5min; erase 3d");
        ladder_is(&v->on_outage, "suspend; close 1h");
        assert_int_equal(v->max_outage_ms, 4 * 3600 * 1000);
        assert_int_equal(v->open_auto, 1);
        assert_int_equal(v->allow_erase, 1);
}

static void fingerprint_of(const char *settings, char ret[17])
{
        char text[1024];
        struct config *config CLEANUP_CONFIG = NULL;

        (void)snprintf(text, sizeof(text), KEY "%s\n", settings);
        config = load_good(text);
        assert_int_equal(config_fingerprint(config_key(config, "main"), ret), 0);
        assert_int_equal(strlen(ret), 16);
}

/* Whatever could turn a key that works into one that is denied; and nothing else. */
static void test_fingerprint(void **state)
{
        static const char *const same[] = {"Timeout=3s", "ProbeInterval=9s", ("URI=" AWS_URI)};
        static const char *const other[] = {
            "Credentials=profile:x", "Endpoint=https://x", "CAFile=/x", "Credentials=file:/x",
            ("URI=aws-kms://arn:aws:kms:eu-west-2:111122223333:key/" AWS_ID)};
        struct config *local CLEANUP_CONFIG =
            load_good("[Key a]\nURI=platform:file\n[Key b]\nURI=platform:file\nKeyFile=/x\n");
        char first[17], now[17];

        (void)state;
        fingerprint_of("", first);
        /* printf 'AWS_URI\0env\0\0\0\0' | sha256sum | cut -c-16 */
        assert_string_equal(first, "db7a8ebe87117f71");
        for (size_t i = 0; i < LENGTH(same); i++) {
                fingerprint_of(same[i], now);
                ROW_ASSERT(strcmp(first, now) == 0, same[i]);
        }
        for (size_t i = 0; i < LENGTH(other); i++) {
                fingerprint_of(other[i], now);
                ROW_ASSERT(strcmp(first, now) != 0, other[i]);
        }
        assert_int_equal(config_fingerprint(config_key(local, "a"), first), 0);
        assert_int_equal(config_fingerprint(config_key(local, "b"), now), 0);
        assert_string_not_equal(first, now);
}

/* ---- shown, and read back ---- */

static const char everything[] =
    "[Agent]\nAuditLog=/var/log/x\nReadGroup=adm\nConfirmDenials=5\nConfirmSpan=10min\n"
    "PendingTimeout=1d 1h\nRungTimeout=4s 5ms\nSyncTime=1s\n" KEY
    "Endpoint=https://kms.example:8443\nCAFile=/etc/\xc3\xa9.pem\nTimeout=1500ms\n"
    "ProbeInterval=90\n[Key local]\nURI=platform:file\nKeyFile=/p\n" VOLUME
    "Key=local  main\nUUID=01234567-89ab-cdef-0123-456789abcdef\nSectorSize=512\nDiscard=yes\n"
    "Performance=no-queues\nOpen=auto\nOnRevoke=alert;suspend 300;  erase 3d\nAllowErase=yes\n"
    "OnOutage=alert; close 90min\nMaxOutage=4h\n";

static const char *const texts[] = {everything, KEY VOLUME, KEY VOLUME_OF("os"), "[Agent]\n",
                                    "[Key p]\nURI=platform:file\n"};

struct shown {
        char text[8192];
        bool all; /* defaults are written as if a file had them */
        size_t len;
};

static int write_shown(const struct config_shown *s, void *userdata)
{
        struct shown *to = userdata;
        const char *mark = s->is_default && (!to->all || !s->value[0]) ? "#" : "";

        if (s->setting)
                to->len += (size_t)snprintf(to->text + to->len, sizeof(to->text) - to->len,
                                            "%s%s=%s\n", mark, s->setting, s->value);
        else
                to->len +=
                    (size_t)snprintf(to->text + to->len, sizeof(to->text) - to->len, "[%s%s%s]\n",
                                     s->section, s->name[0] ? " " : "", s->name);
        assert_true(to->len < sizeof(to->text));
        return 0;
}

static void show(const struct config *config, bool all, struct shown *ret)
{
        *ret = (struct shown){.all = all};
        assert_int_equal(config_show(config, write_shown, ret), 0);
}

static void test_round_trip(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(texts); i++) {
                struct config *first CLEANUP_CONFIG = load_good(texts[i]);
                struct config *again CLEANUP_CONFIG = NULL, *full CLEANUP_CONFIG = NULL;
                struct shown before, after, written, end;

                show(first, false, &before);
                again = load_good(before.text);
                show(again, false, &after);
                assert_string_equal(before.text, after.text);
                assert_memory_equal(&first->agent.confirm_denials, &again->agent.confirm_denials,
                                    sizeof(first->agent) -
                                        offsetof(struct agent_config, confirm_denials));
                if (first->volumes) {
                        const struct volume_config *a = first->volumes, *b = again->volumes;

                        assert_memory_equal(&a->on_revoke, &b->on_revoke, sizeof(a->on_revoke));
                        assert_memory_equal(&a->on_outage, &b->on_outage, sizeof(a->on_outage));
                        assert_int_equal(a->key_count, b->key_count);
                        assert_int_equal(a->given, b->given);
                }
                /* the defaults as well, as somebody would write them */
                show(first, true, &written);
                full = load_good(written.text);
                show(full, true, &end);
                assert_string_equal(written.text, end.text);
        }
}

static void test_shown(void **state)
{
        struct config *config CLEANUP_CONFIG =
            load_good(KEY VOLUME "Discard=no\n[Key local]\nURI=platform:file\n");
        struct shown shown;

        (void)state;
        show(config, false, &shown);
        assert_non_null(strstr(shown.text, "[Agent]\n#AuditLog=/var/log/luks-kms/audit.jsonl\n"));
        assert_non_null(strstr(shown.text, "\n#ReadGroup=\n"));
        assert_non_null(strstr(shown.text, "\n#Endpoint=https://kms.eu-west-1.amazonaws.com\n"));
        assert_non_null(strstr(shown.text, "\n#Timeout=10s\n#ProbeInterval=1min\n"));
        assert_non_null(strstr(shown.text, "\nDiscard=no\n"));
        assert_non_null(strstr(shown.text, "\n#OnRevoke=alert; suspend\n#OnOutage=keep\n"));
        assert_non_null(strstr(shown.text, "[Key local]\nURI=platform:file\n"
                                           "#KeyFile=/etc/luks-kms/platform.key\n#Timeout="));
}

static int stop(const struct config_shown *s, void *userdata)
{
        int *left = userdata;

        (void)s;
        return --*left == 0 ? 7 : 0;
}

static void test_show_ends(void **state)
{
        struct config *config CLEANUP_CONFIG = load_good(KEY VOLUME);
        int left = 5;

        (void)state;
        assert_int_equal(config_show(config, stop, &left), 7);
        assert_int_equal(left, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_agent_defaults),  cmocka_unit_test(test_agent_settings),
            cmocka_unit_test(test_ladder_defaults), cmocka_unit_test(test_ladder_settings),
            cmocka_unit_test(test_fingerprint),     cmocka_unit_test(test_round_trip),
            cmocka_unit_test(test_shown),           cmocka_unit_test(test_show_ends),
        };

        return cmocka_run_group_tests_name("config-agent", tests, folder_make, folder_remove);
}
