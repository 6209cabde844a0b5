/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* policy/config.h: each setting's values, and what is told of a wrong one: file, line, and what was
 * expected. */

#include "config-fixture.h"

#define LONG_70 "1234567890123456789012345678901234567890123456789012345678901234567890"

/* Behind a good key and a good volume, on line 8; the message begins with the place. */
static const struct {
        const char *line, *message;
} bad[] = {
    {"Device=dev/x", "Device=dev/x: expected an absolute path"},
    {"Device=", "Device=: expected an absolute path"},
    {"Device=PARTUUID=x", "expected an absolute path"},
    {"Device=/" LONG_70 LONG_70 LONG_70 LONG_70, "expected a value of moderate length"},
    {"Role=ephemeral", "Role=ephemeral: expected os, persistence, backup or temp"},
    {"Role=OS", "expected os, persistence, backup or temp"},
    {"Role=", "expected os, persistence, backup or temp"},
    {"Key=", "Key=: expected"},
    {"Key=a b c d e f g h i", "expected at most 8 names"},
    {"Key=" LONG_70, "expected at most 8 names"},
    {"SectorSize=1024", "SectorSize=1024: expected 512 or 4096"},
    {"SectorSize=4k", "expected 512 or 4096"},
    {"SectorSize=", "expected 512 or 4096"},
    {"Discard=true", "Discard=true: expected yes or no"},
    {"Discard=y", "expected yes or no"},
    {"Performance=fast", "Performance=fast: expected auto, queues or no-queues"},
    {"Performance=", "expected auto, queues or no-queues"},
    {"Devise=/dev/x", "Devise= is not known here; did you mean Device=?"},
    {"sectorsize=512", "did you mean SectorSize=?"},
    {"Keys=main", "did you mean Key=?"},
    {"Perf=auto", "did you mean Performance=?"},
    {"Timeout=3s", "Timeout= is not known here"},
    {"[Volume]", "[Volume]: expected [Key NAME], [Volume NAME] or [Agent]"},
    {"[Volume a b]", "expected [Key NAME], [Volume NAME] or [Agent]"},
    {"[Volume .x]", "expected [Key NAME], [Volume NAME] or [Agent]"},
    {"[Volume a/b]", "expected [Key NAME], [Volume NAME] or [Agent]"},
    {"[Volume " LONG_70 "]", "expected [Key NAME], [Volume NAME] or [Agent]"},
    {"[volume x]", "expected [Key NAME], [Volume NAME] or [Agent]"},
    {"[Disk x]", "[Disk x]: expected [Key NAME], [Volume NAME] or [Agent]"},
    {"[Keys x]", "expected [Key NAME], [Volume NAME] or [Agent]"},
    {"[Key x]\nURI=platform:file\nKeyFile=platform.key", "expected an absolute path"},
    {"[Key x]\nURI=aws-kms://alias/x", "URI=aws-kms://alias/x: "},
    {"[Key x]\nURI=", "URI=: "},
    {"[Key x]\nCredentials=instance", "Credentials=instance: expected env, profile:NAME or file:"},
    {"[Key x]\nCredentials=file:x", "expected env, profile:NAME or file:"},
    {"[Key x]\nCredentials=profile:", "expected env, profile:NAME or file:"},
    {"[Key x]\nCredentials=env2", "expected env, profile:NAME or file:"},
    {"[Key x]\nEndpoint=http://kms.example", "expected https://HOST or https://HOST:PORT"},
    {"[Key x]\nEndpoint=kms.example", "expected https://HOST"},
    {"[Key x]\nEndpoint=https://", "expected https://HOST"},
    {"[Key x]\nEndpoint=https://kms.example/", "expected https://HOST"},
    {"[Key x]\nEndpoint=https://user@kms.example", "expected https://HOST"},
    {"[Key x]\nEndpoint=https://kms.example?x", "expected https://HOST"},
    {"[Key x]\nEndpoint=https://kms.example#x", "expected https://HOST"},
    {"[Key x]\nEndpoint=https://kms example", "expected https://HOST"},
    {"[Key x]\nCAFile=ca.pem", "CAFile=ca.pem: expected an absolute path"},
    {"[Key x]\nUrl=x", "Url= is not known here; did you mean URI=?"},
    {"[Key x]\nEndPoint=https://x", "did you mean Endpoint=?"},
    {"[Key x]\nCAFiles=/x", "did you mean CAFile=?"},
    {"[Key x]\nDevice=/dev/x", "Device= is not known here"},
    {"[Key x]\nProbeInterval=999ms", "ProbeInterval=999ms: expected a time span from 1s to 1d"},
    {"[Key x]\nProbeInterval=25h", "expected a time span from 1s to 1d"},
    {"[Key x]\nProbeIntervall=2s", "did you mean ProbeInterval=?"},
    {"Open=yes", "Open=yes: expected manual or auto"},
    {"AllowErase=true", "AllowErase=true: expected yes or no"},
    {"MaxOutage=soon", "MaxOutage=soon: expected a time span from 0 to "},
    {"OnRevoke=suspnd", "OnRevoke=: \"suspnd\": expected alert, suspend, close, kill, erase or"},
    {"OnRevoke=kill; suspend", "OnRevoke=: \"suspend\": not stronger than"},
    {"OnRevoke=", "OnRevoke=: "},
    {"OnRevoke=keep", "OnRevoke=keep: expected a rung at least"},
    {"OnOutage=never", "OnOutage=: \"never\": expected alert, "},
    {"OnRevok=alert", "did you mean OnRevoke=?"},
    {"OnOutrage=keep", "did you mean OnOutage=?"},
    {"[Agent]\nAuditLog=audit", "AuditLog=audit: expected an absolute path"},
    {"[Agent]\nReadGroup=a b", "ReadGroup=a b: expected the name of a group"},
    {"[Agent]\nReadGroup=-x", "expected the name of a group"},
    {"[Agent]\nReadGroup=", "ReadGroup=: expected"},
    {"[Agent]\nConfirmDenials=0", "ConfirmDenials=0: expected a number from 1 to 100"},
    {"[Agent]\nConfirmDenials=101", "expected a number from 1 to 100"},
    {"[Agent]\nConfirmDenials=3x", "expected a number from 1 to 100"},
    {"[Agent]\nConfirmDenials=-1", "expected a number from 1 to 100"},
    {"[Agent]\nConfirmDenials=18446744073709551619", "expected a number from 1 to 100"},
    {"[Agent]\nConfirmSpan=2d", "ConfirmSpan=2d: expected a time span from 0 to 1d"},
    {"[Agent]\nPendingTimeout=0", "PendingTimeout=0: expected a time span from 1s to "},
    {"[Agent]\nRungTimeout=50ms", "RungTimeout=50ms: expected a time span from 100ms to 10min"},
    {"[Agent]\nSyncTime=61s", "SyncTime=61s: expected a time span from 0 to 1min"},
    {"[Agent]\nRungTimeouts=5s", "did you mean RungTimeout=?"},
    {"[Agent]\nTimeout=5s", "Timeout= is not known here"},
    {"[Agent x]", "[Agent x]: expected [Key NAME], [Volume NAME] or [Agent]"},
};

static void test_bad_values(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(bad); i++) {
                char text[1024], place[160];
                struct diag diag;
                size_t line = 8;

                for (const char *c = bad[i].line; *c; c++)
                        line += *c == '\n';
                (void)snprintf(text, sizeof(text), KEY VOLUME "%s\n", bad[i].line);
                refused(text, bad[i].message, &diag);
                (void)snprintf(place, sizeof(place), "%s/" MAIN ":%zu: ", folder, line);
                ROW_ASSERT(strncmp(diag.message, place, strlen(place)) == 0, bad[i].line);
        }
}

/* Each of them right by itself, wrong as a whole; told by the line of its section. */
static const struct {
        const char *text, *message;
} incomplete[] = {
    {"Device=/dev/x\n", ":1: Device= stands before any section"},
    {VOLUME, ":1: Key=main: there is no section [Key main]"},
    {KEY "[Volume x]\nRole=os\nKey=main\n", ":4: a volume needs Device=, Role= and Key="},
    {KEY "[Volume x]\nDevice=/dev/x\nKey=main\n", ":4: a volume needs Device=, Role= and Key="},
    {KEY "[Volume x]\nDevice=/dev/x\nRole=os\n", ":4: a volume needs Device=, Role= and Key="},
    {KEY "[Volume x]\nDevice=/dev/x\nRole=os\nKey=main mail\n", ":4: Key=mail: there is no"},
    {"\n[Key x]\n", ":2: the key has no URI="},
    {"[Key x]\nCredentials=env\n", ":1: the key has no URI="},
    {"[Key x]\nURI=" AWS_URI "\n", ":1: the key has no Credentials="},
    {KEY "KeyFile=/x\n", ":1: KeyFile= belongs to platform:file only"},
    {"[Key x]\nURI=platform:file\nCredentials=env\n",
     ":1: Credentials=, Endpoint= and CAFile= mean nothing to platform:file"},
    {"[Key x]\nURI=platform:file\nEndpoint=https://x\n", "mean nothing to platform:file"},
    {"[Key x]\nURI=platform:file\nCAFile=/x\n", "mean nothing to platform:file"},
    {"\n[Agent]\nRungTimeout=300ms\n", ":2: SyncTime= must be shorter than RungTimeout="},
    {"[Agent]\nSyncTime=10s\n", ":1: SyncTime= must be shorter than RungTimeout="},
    {KEY VOLUME "OnRevoke=erase 1h\n", ":4: OnRevoke=: erase destroys the volume for good and"},
    {KEY VOLUME "OnRevoke=erase 1h\nAllowErase=no\n", "needs AllowErase=yes"},
    {KEY VOLUME "OnRevoke=erase 59s\nAllowErase=yes\n",
     ":4: OnRevoke=: erase needs a delay of at least 1min"},
    {KEY VOLUME "OnOutage=erase 1h\nMaxOutage=1d\nAllowErase=yes\n",
     ":4: OnOutage=: erase is not possible here: an outage says nothing of the key"},
    {KEY VOLUME "OnOutage=suspend\n", ":4: OnOutage= needs MaxOutage="},
    {KEY VOLUME "OnOutage=suspend\nMaxOutage=0\n", ":4: OnOutage= needs MaxOutage="},
    {KEY VOLUME "MaxOutage=1h\n", ":4: MaxOutage= does nothing without"},
    {KEY VOLUME "OnOutage=keep\nMaxOutage=1h\n", ":4: MaxOutage= does nothing without"},
    {KEY VOLUME "Role=os\nOnRevoke=alert; suspend\n",
     ":4: OnRevoke=: suspend is not possible with Role=os: the agent, its libraries and its log"},
    {KEY VOLUME "Role=os\nOnRevoke=close\n", "close is not possible with Role=os"},
    {KEY VOLUME "Role=os\nOnRevoke=kill 1h; poweroff 2h\n", "kill is not possible with Role=os"},
    {KEY VOLUME "OnRevoke=erase 1h\nAllowErase=yes\nRole=os\n",
     "erase is not possible with Role=os"},
    {KEY VOLUME "Role=os\nOnOutage=suspend\nMaxOutage=1h\n",
     ":4: OnOutage=: suspend is not possible with Role=os"},
};

static void test_incomplete(void **state)
{
        struct diag diag;

        (void)state;
        for (size_t i = 0; i < LENGTH(incomplete); i++)
                refused(incomplete[i].text, incomplete[i].message, &diag);
}

/* An alias could be moved to another key by somebody else: it says so, and what to write. */
static void test_alias(void **state)
{
        struct diag diag;

        (void)state;
        refused("[Key x]\nURI=aws-kms://arn:aws:kms:eu-west-1:111122223333:alias/x\n", "alias",
                &diag);
        assert_non_null(strstr(diag.message, MAIN ":2: "));
        assert_true(diag.advice[0] != '\0');
}

static void test_syntax(void **state)
{
        struct config *config = NULL;
        struct diag diag;

        (void)state;
        write_file(MAIN, KEY "hello\n");
        assert_int_equal(load(&config, &diag), CONFIG_E_INVALID);
        assert_string_equal(diag.rule, "syntax");
        assert_non_null(strstr(diag.message, MAIN ":4: "));
        assert_null(config);
}

static const struct {
        const char *value;
        uint32_t ms; /* 0: refused */
} spans[] = {
    {"1", 1000},
    {"10", 10000},
    {"600", 600000},
    {"601", 0},
    {"1s", 1000},
    {"1 s", 1000},
    {"2sec", 2000},
    {"100ms", 100},
    {"99ms", 0},
    {"0", 0},
    {"0s", 0},
    {"600000ms", 600000},
    {"600001ms", 0},
    {"1min", 60000},
    {"10min", 600000},
    {"10 min", 600000},
    {"11min", 0},
    {"-1s", 0},
    {"+1s", 0},
    {"1.5s", 0},
    {"1h", 0},
    {"1s 500ms", 1500},
    {"1min 30s", 90000},
    {"9min 60s", 600000},
    {"9min 61s", 0},
    {"s", 0},
    {"", 0},
    {"ten", 0},
    {"0x10", 0},
    {"1S", 0},
    {"18446744073709551617s", 0},
    {"4294968ms", 0},
    {"18446744073710552ms", 0},
    {"307445734561826min", 0},
};

static void test_time_spans(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(spans); i++) {
                struct config *config CLEANUP_CONFIG = NULL;
                char text[512];
                struct diag diag;

                (void)snprintf(text, sizeof(text), KEY "Timeout=%s\n", spans[i].value);
                if (spans[i].ms == 0) {
                        refused(text, "expected a time span from 100ms to 10min", &diag);
                        continue;
                }
                config = load_good(text);
                ROW_ASSERT(config_key(config, "main")->timeout_ms == spans[i].ms, spans[i].value);
        }
}

static const char *const good[] = {
    "Device=/dev/sda1",
    "Role=os",
    "Role=temp",
    "Role=backup",
    "Key=main main main main main main main main",
    "Key= main ",
    "SectorSize=4096",
    "SectorSize=auto",
    "Discard=no",
    "Performance=auto",
    "Performance=queues",
    "[Volume my-data_1.x]\nDevice=/dev/y\nRole=os\nKey=main",
    "[Key x]\nURI=platform:file",
    "[Key x]\nURI=platform:file\nKeyFile=/x",
    "[Key x]\nURI=" AWS_URI "\nCredentials=file:/x\nEndpoint=https://localhost:8443",
    "[Key x]\nURI=" AWS_URI "\nCredentials=profile:x\nEndpoint=https://[::1]:8443",
    "[Key x]\nURI=aws-kms://arn:aws:kms:eu-west-2:111122223333:key/" AWS_ID "\nCredentials=env",
    "OnRevoke=alert; suspend 5min; close 24h; kill 25h; poweroff 30h",
    "OnRevoke=alert; erase 1min\nAllowErase=yes",
    "OnRevoke=erase 72h\nAllowErase=no\nAllowErase=yes",
    "Role=os\nOnRevoke=alert; poweroff 1h",
    "OnOutage=suspend\nMaxOutage=1ms",
    "OnOutage=keep\nMaxOutage=0",
    "Open=auto",
    "Open=manual",
    "[Agent]",
    "[Agent]\nSyncTime=0\nRungTimeout=100ms\nConfirmSpan=0\nConfirmDenials=1",
    "[Agent]\nReadGroup=luks-kms_x.1\nPendingTimeout=52w",
    "",
};

static void test_good_values(void **state)
{
        (void)state;
        for (size_t i = 0; i < LENGTH(good); i++) {
                char text[1024];

                (void)snprintf(text, sizeof(text), KEY VOLUME "%s\n", good[i]);
                config_free(load_good(text));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_bad_values), cmocka_unit_test(test_incomplete),
            cmocka_unit_test(test_alias),      cmocka_unit_test(test_syntax),
            cmocka_unit_test(test_time_spans), cmocka_unit_test(test_good_values),
        };

        return cmocka_run_group_tests_name("config-settings", tests, folder_make, folder_remove);
}
