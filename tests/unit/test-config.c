/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* policy/config.h: what the files say is what is found; later files override; names that lead
 * nowhere, and files that others could have written, are refused. */

#include "config-fixture.h"

static const char full[] = "# keys\n"
                           "[Key main]\n"
                           "URI=" AWS_URI "\n"
                           "Credentials=profile:unlock\n"
                           "Endpoint=https://kms.example:8443\n"
                           "CAFile=/etc/ssl/kms.pem\n"
                           "Timeout=2s\n"
                           "[Key local]\n"
                           "URI=platform:file\n"
                           "KeyFile=/var/lib/platform.key\n"
                           "[Volume data]\n"
                           "Device=/dev/disk/by-id/x\n"
                           "Role=persistence\n"
                           "Key=main local\n"
                           "SectorSize=512\n"
                           "Discard=yes\n"
                           "Performance=no-queues\n";

static void test_full(void **state)
{
        struct config *config CLEANUP_CONFIG = load_good(full);
        const struct key_config *main_key = config_key(config, "main");
        const struct key_config *local = config_key(config, "local");
        const struct volume_config *v = NULL;
        char where[160];

        (void)state;
        assert_string_equal(main_key->uri.text, AWS_URI);
        assert_int_equal(main_key->uri.kind, KEYURI_AWS);
        assert_string_equal(main_key->credentials, "profile:unlock");
        assert_string_equal(main_key->endpoint, "https://kms.example:8443");
        assert_string_equal(main_key->ca_file, "/etc/ssl/kms.pem");
        assert_string_equal(main_key->key_file, "");
        assert_int_equal(main_key->timeout_ms, 2000);
        (void)snprintf(where, sizeof(where), "%s/" MAIN ":2", folder);
        assert_string_equal(main_key->where, where);
        assert_int_equal(local->uri.kind, KEYURI_PLATFORM_FILE);
        assert_string_equal(local->key_file, "/var/lib/platform.key");
        assert_null(config_key(config, "mai"));
        assert_null(config_key(config, "data"));

        assert_int_equal(config_volume(config, "data", &v, NULL), 0);
        assert_string_equal(v->device, "/dev/disk/by-id/x");
        assert_string_equal(v->role, "persistence");
        assert_int_equal(v->key_count, 2);
        assert_ptr_equal(v->keys[0], main_key);
        assert_ptr_equal(v->keys[1], local);
        assert_int_equal(v->sector_size, 512);
        assert_int_equal(v->discard, 1);
        assert_int_equal(v->performance, PERFORMANCE_NO_QUEUES);
}

static void test_defaults(void **state)
{
        struct config *config CLEANUP_CONFIG = load_good(KEY VOLUME "[Key p]\nURI=platform:file\n");
        const struct volume_config *v = NULL;

        (void)state;
        assert_int_equal(config_key(config, "main")->timeout_ms, 10000);
        assert_string_equal(config_key(config, "p")->key_file, "/etc/luks-kms/platform.key");
        assert_int_equal(config_volume(config, "data", &v, NULL), 0);
        assert_int_equal(v->sector_size, 0);
        assert_int_equal(v->discard, 0);
        assert_int_equal(v->performance, PERFORMANCE_AUTO);
}

static void test_nothing_there(void **state)
{
        struct config *config CLEANUP_CONFIG = NULL;
        const struct volume_config *v = NULL;
        struct diag diag;

        (void)state;
        remove_file(MAIN);
        assert_int_equal(load(&config, &diag), 0);
        assert_null(config->keys);
        assert_int_equal(config_volume(config, "data", &v, &diag), CONFIG_E_NO_VOLUME);
        assert_string_equal(diag.rule, "no-such-volume");
        assert_non_null(strstr(diag.message, "none"));
        assert_non_null(strstr(diag.advice, "[Volume data]"));
        assert_null(v);
}

static void test_no_such_volume(void **state)
{
        struct config *config CLEANUP_CONFIG =
            load_good(KEY VOLUME "[Volume logs]\nDevice=/dev/y\nRole=temp\nKey=main\n");
        const struct volume_config *v = NULL;
        struct diag diag = DIAG_INIT;

        (void)state;
        assert_int_equal(config_volume(config, "dat", &v, &diag), CONFIG_E_NO_VOLUME);
        assert_non_null(strstr(diag.message, "data logs"));
        assert_int_equal(config_volume(config, "logs", &v, &diag), 0);
        assert_string_equal(v->device, "/dev/y");
}

/* By name, in their folders' order; only what they set changes. */
static void test_drop_ins(void **state)
{
        struct config *config CLEANUP_CONFIG = NULL;
        const struct volume_config *v = NULL;
        struct diag diag;

        (void)state;
        write_file(MAIN, KEY VOLUME "Discard=yes\n");
        write_file("luks-kms.conf.d/20-late.conf", "[Key main]\nTimeout=3s\n");
        write_file("luks-kms.conf.d/10-early.conf",
                   "[Key main]\nTimeout=7s\nCredentials=profile:x\n"
                   "[Key other]\nURI=platform:file\n");
        write_file("luks-kms.conf.d/30-not.conf.bak", "[nonsense\n");
        write_file("luks-kms.conf.d/.40-hidden.conf", "[nonsense\n");
        write_file("volumes.d/data.conf", "[Volume data]\nKey=other main\nRole=backup\n");
        assert_int_equal(load(&config, &diag), 0);
        remove_file("luks-kms.conf.d/20-late.conf");
        remove_file("luks-kms.conf.d/10-early.conf");
        remove_file("luks-kms.conf.d/30-not.conf.bak");
        remove_file("luks-kms.conf.d/.40-hidden.conf");
        remove_file("volumes.d/data.conf");

        assert_int_equal(config_key(config, "main")->timeout_ms, 3000);
        assert_string_equal(config_key(config, "main")->credentials, "profile:x");
        assert_string_equal(config_key(config, "main")->uri.text, AWS_URI);
        assert_int_equal(config_volume(config, "data", &v, &diag), 0);
        assert_string_equal(v->role, "backup");
        assert_int_equal(v->discard, 1);
        assert_int_equal(v->key_count, 2);
        assert_string_equal(v->keys[0]->name, "other");
        assert_string_equal(v->keys[1]->name, "main");
        assert_null(config->volumes->next);
}

/* The message names the file that is wrong, not the first one. */
static void test_bad_drop_in(void **state)
{
        struct config *config = NULL;
        struct diag diag;

        (void)state;
        write_file(MAIN, KEY VOLUME);
        write_file("volumes.d/x.conf", "[Volume data]\n\nRole=root\n");
        assert_int_equal(load(&config, &diag), CONFIG_E_INVALID);
        remove_file("volumes.d/x.conf");
        assert_non_null(strstr(diag.message, "/volumes.d/x.conf:3: Role=root: expected os, "));
        assert_null(config);
}

static void test_unsafe_files(void **state)
{
        static const char *const names[] = {MAIN, "luks-kms.conf.d/a.conf", "volumes.d/a.conf"};
        struct config *config = NULL;
        struct diag diag;
        char path[128];

        (void)state;
        for (size_t i = 0; i < LENGTH(names); i++) {
                write_file(MAIN, KEY VOLUME);
                write_file(names[i], KEY VOLUME);
                path_of(names[i], path);
                assert_int_equal(chmod(path, 0664), 0);
                ROW_ASSERT(load(&config, &diag) == CONFIG_E_INVALID, names[i]);
                assert_string_equal(diag.rule, "unsafe-file");
                assert_non_null(strstr(diag.message, path));
                assert_non_null(strstr(diag.advice, "chmod go-w"));
                remove_file(names[i]);
        }
        assert_null(config);
}

static void test_large_file(void **state)
{
        const size_t size = (1 << 20) + 1;
        CLEANUP_FREE char *text = malloc(size + 1);
        struct config *config = NULL;
        struct diag diag;

        (void)state;
        assert_non_null(text);
        memset(text, '#', size);
        text[size] = '\0';
        write_file(MAIN, text);
        assert_int_equal(load(&config, &diag), -EFBIG);
        assert_non_null(strstr(diag.message, MAIN));
        assert_null(config);
}

/* Only keys that this volume names, whatever else the config knows. */
static void test_allow_key(void **state)
{
        struct config *config CLEANUP_CONFIG =
            load_good(KEY VOLUME "[Key local]\nURI=platform:file\n"
                                 "[Volume logs]\nDevice=/dev/y\nRole=temp\nKey=local main\n");
        static const char *const others[] = {
            "platform:file", "aws-kms://arn:aws:kms:eu-west-2:111122223333:key/" AWS_ID,
            "aws-kms://arn:aws:kms:eu-west-1:111122223334:key/" AWS_ID};
        const struct volume_config *data = NULL, *logs = NULL;
        const struct key_config *key = NULL;
        struct keyuri uri;
        struct diag diag = DIAG_INIT;

        (void)state;
        assert_int_equal(config_volume(config, "data", &data, NULL), 0);
        assert_int_equal(config_volume(config, "logs", &logs, NULL), 0);
        for (size_t i = 0; i < LENGTH(others); i++) {
                diag = DIAG_INIT;
                assert_int_equal(keyuri_parse(others[i], &uri, NULL), 0);
                ROW_ASSERT(config_allow_key(data, &uri, &key, &diag) == CONFIG_E_KEY_NOT_ALLOWED,
                           others[i]);
                assert_string_equal(diag.rule, "key-not-allowed");
                ROW_ASSERT(strstr(diag.message, others[i]), others[i]);
                ROW_ASSERT(strstr(diag.advice, "[Volume data] Key="), others[i]);
                assert_null(key);
        }
        assert_int_equal(keyuri_parse("platform:file", &uri, NULL), 0);
        assert_int_equal(config_allow_key(logs, &uri, &key, &diag), 0);
        assert_string_equal(key->name, "local");
        assert_int_equal(keyuri_parse(AWS_URI, &uri, NULL), 0);
        assert_int_equal(config_allow_key(data, &uri, &key, &diag), 0);
        assert_string_equal(key->name, "main");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_full),          cmocka_unit_test(test_defaults),
            cmocka_unit_test(test_nothing_there), cmocka_unit_test(test_no_such_volume),
            cmocka_unit_test(test_drop_ins),      cmocka_unit_test(test_bad_drop_in),
            cmocka_unit_test(test_unsafe_files),  cmocka_unit_test(test_large_file),
            cmocka_unit_test(test_allow_key),
        };

        return cmocka_run_group_tests_name("config", tests, folder_make, folder_remove);
}
