/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agentd/varlink.h: framing, errors, rights, and what a client may not do to the server. */

#include "varlink-fixture.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static struct varlink_server *server;
static struct varlink_call *kept;
static int gone_count;

static void fill_text(struct jsonw *w, void *arg)
{
        jsonw_string(w, "text", arg);
}

static int run_echo(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        char text[64];

        assert_ptr_equal(userdata, &server);
        if (json_string(json_get(parameters, "text"), text, sizeof(text)) != 0)
                return varlink_error_parameter(call, "text");
        return varlink_reply(call, false, fill_text, text);
}

static int run_keep(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        (void)parameters;
        (void)userdata;
        kept = call;
        return 0;
}

static void on_gone(void *arg)
{
        assert_ptr_equal(arg, &gone_count);
        gone_count++;
        kept = NULL;
}

static int run_stream(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        (void)parameters;
        (void)userdata;
        if (!varlink_call_more(call)) {
                assert_int_equal(varlink_reply(call, true, NULL, NULL), -EINVAL);
                return varlink_error(call, "Alone", "more is needed", "");
        }
        varlink_call_on_gone(call, on_gone, &gone_count);
        kept = call;
        return varlink_reply(call, true, fill_text, (void *)(uintptr_t) "first");
}

static int run_fail(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        (void)call;
        (void)parameters;
        (void)userdata;
        return -EIO;
}

/* Answers and fails: the answer stands. */
static int run_both(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        (void)parameters;
        (void)userdata;
        (void)varlink_reply(call, false, NULL, NULL);
        return -EIO;
}

static int run_huge(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        static char text[VARLINK_REPLY_MAX];

        (void)parameters;
        (void)userdata;
        memset(text, 'x', sizeof(text) - 1);
        assert_int_equal(varlink_reply(call, false, fill_text, text), -ENOBUFS);
        return 0;
}

static int run_large(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        static char text[VARLINK_REPLY_MAX - 64];

        (void)parameters;
        (void)userdata;
        memset(text, 'x', sizeof(text) - 1);
        return varlink_reply(call, false, fill_text, text);
}

static const struct varlink_method methods[] = {
    {"Echo", VARLINK_ANYBODY, run_echo},     {"Keep", VARLINK_ANYBODY, run_keep},
    {"Stream", VARLINK_ANYBODY, run_stream}, {"Fail", VARLINK_ANYBODY, run_fail},
    {"Both", VARLINK_ANYBODY, run_both},     {"Huge", VARLINK_ANYBODY, run_huge},
    {"Large", VARLINK_ANYBODY, run_large},   {"Order", VARLINK_ROOT, run_echo},
    {NULL, VARLINK_ANYBODY, NULL},
};

static const struct varlink_interface interface = {
    .name = "org.example.Test", .description = "interface org.example.Test\n", .methods = methods};

static int set_up(void **state)
{
        (void)state;
        kept = NULL;
        gone_count = 0;
        assert_true(sd_event_new(&loop) >= 0);
        return varlink_server_new(loop, listen_somewhere(), &interface, "1.2.3", &server, &server);
}

static int tear_down(void **state)
{
        (void)state;
        varlink_server_free(server);
        (void)sd_event_unref(loop);
        return 0;
}

#define ECHO(text) "{\"method\":\"org.example.Test.Echo\",\"parameters\":{\"text\":\"" text "\"}}"
#define TEXT(text) "{\"parameters\":{\"text\":\"" text "\"}}"
#define CALL(name) "{\"method\":\"" name "\"}"

static void test_call(void **state)
{
        int fd = dial();

        (void)state;
        ASK(fd, ECHO("a"), TEXT("a"));
        ASK(fd,
            "{\"parameters\":{\"text\":\"\\u0041\"},\"more\":false,\"method\":\"org.example.Test."
            "Echo\"}",
            TEXT("A"));
        (void)close(fd);
}

/* A message may come in pieces, and several at once; the answers keep their order. */
static void test_framing(void **state)
{
        static const char two[] = ECHO("1") "\0" ECHO("2");
        int fd = dial();

        (void)state;
        for (size_t i = 0; i < sizeof(two); i++)
                say_bytes(fd, two + i, 1);
        assert_string_equal(hear(fd), TEXT("1"));
        assert_string_equal(hear(fd), TEXT("2"));
        say_bytes(fd, two, sizeof(two));
        assert_string_equal(hear(fd), TEXT("1"));
        assert_string_equal(hear(fd), TEXT("2"));
        (void)close(fd);
}

static void test_half_closed_client_is_answered(void **state)
{
        int fd = dial();

        (void)state;
        say(fd, ECHO("last"));
        (void)shutdown(fd, SHUT_WR);
        assert_string_equal(hear(fd), TEXT("last"));
        assert_dropped(fd);
}

static void test_oneway(void **state)
{
        int fd = dial();

        (void)state;
        say(fd, "{\"method\":\"org.example.Test.Echo\",\"oneway\":true,\"parameters\":{\"text\":"
                "\"no\"}}");
        say(fd, "{\"method\":\"org.example.Test.None\",\"oneway\":true}");
        say(fd, "{\"method\":\"org.example.Test.Fail\",\"oneway\":true,\"more\":true}");
        ASK(fd, ECHO("yes"), TEXT("yes"));
        (void)close(fd);
}

static void test_standard_errors(void **state)
{
        static const struct {
                const char *call, *answer;
        } rows[] = {
            {CALL("org.example.Test.None"),
             "{\"error\":\"org.varlink.service.MethodNotFound\","
             "\"parameters\":{\"method\":\"org.example.Test.None\"}}"},
            {CALL("org.example.Other.Echo"),
             "{\"error\":\"org.varlink.service.InterfaceNotFound\","
             "\"parameters\":{\"interface\":\"org.example.Other\"}}"},
            {CALL("Echo"), "{\"error\":\"org.varlink.service.InterfaceNotFound\","
                           "\"parameters\":{\"interface\":\"\"}}"},
            {"{\"method\":\"org.example.Test.Echo\",\"upgrade\":true}",
             "{\"error\":\"org.varlink.service.MethodNotImplemented\","
             "\"parameters\":{\"method\":\"org.example.Test.Echo\"}}"},
            {CALL("org.example.Test.Echo"), "{\"error\":\"org.varlink.service.InvalidParameter\","
                                            "\"parameters\":{\"parameter\":\"text\"}}"},
            {CALL("org.example.Test.Stream"),
             "{\"error\":\"org.example.Test.Alone\",\"parameters\":"
             "{\"message\":\"more is needed\",\"next\":\"\"}}"},
            {CALL("org.example.Test.Both"), "{\"parameters\":{}}"},
        };
        int fd = dial();

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++)
                ASK(fd, rows[i].call, rows[i].answer);
        (void)close(fd);
}

static void test_internal_errors(void **state)
{
        int fd = dial();

        (void)state;
        say(fd, CALL("org.example.Test.Fail"));
        assert_non_null(strstr(hear(fd), "org.example.Test.InternalError"));
        say(fd, CALL("org.example.Test.Huge"));
        assert_non_null(strstr(hear(fd), "org.example.Test.InternalError"));
        ASK(fd, ECHO("on"), TEXT("on"));
        (void)close(fd);
}

static void test_service(void **state)
{
        int fd = dial();
        const char *text;

        (void)state;
        ASK(fd, CALL("org.varlink.service.GetInfo"),
            "{\"parameters\":{\"vendor\":\"luks-kms\",\"product\":\"luks-kmsd\",\"version\":"
            "\"1.2.3\",\"url\":\"\",\"interfaces\":[\"org.varlink.service\",\"org.example.Test\"]}"
            "}");
        ASK(fd,
            "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":"
            "{\"interface\":\"org.example.Test\"}}",
            "{\"parameters\":{\"description\":\"interface org.example.Test\\u000a\"}}");
        say(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":"
                "{\"interface\":\"org.varlink.service\"}}");
        text = hear(fd);
        assert_non_null(strstr(text, "method GetInfo()"));
        ASK(fd,
            "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":"
            "{\"interface\":\"org.example.None\"}}",
            "{\"error\":\"org.varlink.service.InterfaceNotFound\",\"parameters\":"
            "{\"interface\":\"org.example.None\"}}");
        (void)close(fd);
}

static void test_more(void **state)
{
        int fd = dial();

        (void)state;
        ASK(fd, "{\"method\":\"org.example.Test.Stream\",\"more\":true}",
            "{\"parameters\":{\"text\":\"first\"},\"continues\":true}");
        say(fd, ECHO("after"));
        assert_int_equal(varlink_reply(kept, true, NULL, NULL), 0);
        assert_string_equal(hear(fd), "{\"parameters\":{},\"continues\":true}");
        assert_int_equal(varlink_reply(kept, false, fill_text, (void *)(uintptr_t) "end"), 0);
        assert_string_equal(hear(fd), TEXT("end"));
        assert_string_equal(hear(fd), TEXT("after"));
        assert_int_equal(gone_count, 0);
        (void)close(fd);
}

static void test_kept(void **state)
{
        int fd = dial();

        (void)state;
        say(fd, CALL("org.example.Test.Keep"));
        say(fd, ECHO("later"));
        turn();
        assert_non_null(kept);
        assert_int_equal(varlink_call_uid(kept), geteuid());
        assert_int_equal(varlink_error(kept, "No", "not now", "wait"), 0);
        assert_string_equal(hear(fd), "{\"error\":\"org.example.Test.No\",\"parameters\":"
                                      "{\"message\":\"not now\",\"next\":\"wait\"}}");
        assert_string_equal(hear(fd), TEXT("later"));
        (void)close(fd);
}

static void test_client_goes(void **state)
{
        int fd = dial();

        (void)state;
        say(fd, "{\"method\":\"org.example.Test.Stream\",\"more\":true}");
        turn();
        (void)close(fd);
        turn();
        assert_int_equal(gone_count, 1);
        assert_null(kept);

        /* Without on_gone the call is there until it is answered. */
        fd = dial();
        say(fd, CALL("org.example.Test.Keep"));
        turn();
        (void)close(fd);
        turn();
        assert_int_equal(varlink_reply(kept, false, NULL, NULL), -EPIPE);
        assert_int_equal(gone_count, 1);
}

/* The same when the server goes first. */
static void test_server_goes(void **state)
{
        int a = dial(), b = dial();
        struct varlink_call *call;

        (void)state;
        say(a, CALL("org.example.Test.Keep"));
        turn();
        call = kept;
        say(b, "{\"method\":\"org.example.Test.Stream\",\"more\":true}");
        turn();
        varlink_server_free(server);
        server = NULL;
        assert_int_equal(gone_count, 1);
        assert_int_equal(varlink_error(call, "No", "", ""), -EPIPE);
        (void)close(a);
        (void)close(b);
}

static void test_rights(void **state)
{
        int fd = dial();

        (void)state;
        if (geteuid() != 0) {
                (void)close(fd);
                skip();
        }
        ASK(fd, "{\"method\":\"org.example.Test.Order\",\"parameters\":{\"text\":\"x\"}}",
            TEXT("x"));
        (void)close(fd);
        assert_int_equal(seteuid(65534), 0);
        fd = dial();
        assert_int_equal(seteuid(0), 0);
        ASK(fd, ECHO("x"), TEXT("x"));
        ASK(fd, "{\"method\":\"org.example.Test.Order\",\"parameters\":{\"text\":\"x\"}}",
            "{\"error\":\"org.example.Test.PermissionDenied\",\"parameters\":{\"message\":"
            "\"only root may call this method\",\"next\":\"be root\"}}");
        (void)close(fd);
}

static void test_broken_messages(void **state)
{
        static const char *const rows[] = {
            "",
            "x",
            "[]",
            "{}",
            "null",
            "{\"method\":1}",
            "{\"method\":\"a.b\\u0000\"}",
            "{\"method\":\"org.example.Test.Echo\",\"method\":\"org.example.Test.Echo\"}",
            "{\"method\":\"org.example.Test.Echo\",\"other\":1}",
            "{\"method\":\"org.example.Test.Echo\",\"more\":1}",
            "{\"method\":\"org.example.Test.Echo\",\"parameters\":[]}",
            "{\"method\":\"org.example.Test.Echo\"}{",
            "{\"method\":\"org.example.Test.Ec ho\"}",
        };

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                int fd = dial();

                say_bytes(fd, rows[i], strlen(rows[i]) + 1);
                assert_dropped(fd);
        }
}

/* A process that was forked meanwhile keeps the descriptors; the client hears the end all the same.
 */
static void test_inherited_descriptors(void **state)
{
        int fd = dial();
        pid_t pid = fork();

        (void)state;
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)pause();
                _exit(0);
        }
        say(fd, "x");
        assert_dropped(fd);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
}

static void test_message_too_long(void **state)
{
        static char text[VARLINK_MESSAGE_MAX + 1];
        int fd = dial();

        (void)state;
        /* The longest there may be: blanks around a call. */
        memset(text, ' ', sizeof(text));
        memcpy(text, ECHO("x"), strlen(ECHO("x")));
        text[VARLINK_MESSAGE_MAX - 1] = '\0';
        say_bytes(fd, text, VARLINK_MESSAGE_MAX);
        assert_string_equal(hear(fd), TEXT("x"));
        text[VARLINK_MESSAGE_MAX - 1] = ' ';
        say_bytes(fd, text, VARLINK_MESSAGE_MAX);
        assert_dropped(fd);
}

/* Half a message is not waited for, however it dribbles in; a whole one and silence are. */
static void test_half_message(void **state)
{
        const uint64_t begin = clock_now_ms();
        int idle, half;

        (void)state;
        varlink_server_set_stall(server, 300);
        idle = dial();
        half = dial();
        say_bytes(half, "{", 1);
        while (clock_now_ms() < begin + PATIENCE_MS && send(half, " ", 1, MSG_NOSIGNAL) == 1) {
                clock_sleep_ms(20); /* so that it is not the length that ends it */
                turn();
        }
        assert_true(clock_now_ms() < begin + PATIENCE_MS);
        assert_true(clock_now_ms() >= begin + 300);
        (void)close(half);
        ASK(idle, ECHO("x"), TEXT("x"));
        (void)close(idle);
}

/* Who does not read a stream is dropped when too much waits, not before the loop has its turn. */
static void test_unread_stream(void **state)
{
        static char text[60000];
        int fd = dial(), r = 0;

        (void)state;
        memset(text, 'x', sizeof(text) - 1);
        say(fd, "{\"method\":\"org.example.Test.Stream\",\"more\":true}");
        turn();
        for (int i = 0; i < 100 && r == 0; i++)
                r = varlink_reply(kept, true, fill_text, text);
        assert_int_equal(r, -ENOBUFS);
        assert_int_equal(gone_count, 0);
        assert_int_equal(varlink_reply(kept, true, NULL, NULL), -EPIPE);
        turn();
        assert_int_equal(gone_count, 1);
        (void)close(fd);
}

/* Who calls and calls and reads nothing is not served on, and goes when it has stalled. */
static void test_unread_replies(void **state)
{
        const uint64_t begin = clock_now_ms();
        int fd = dial();

        (void)state;
        varlink_server_set_stall(server, 300);
        for (int i = 0; i < 5; i++)
                say(fd, CALL("org.example.Test.Large"));
        while (clock_now_ms() < begin + PATIENCE_MS && send(fd, "x", 1, MSG_NOSIGNAL) == 1) {
                clock_sleep_ms(100); /* so that the socket's buffer is not what ends it */
                turn();
        }
        assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), -1);
        assert_int_equal(errno, EPIPE);
        (void)close(fd);
}

/* And who reads slowly gets all of it. */
static void test_slow_reader(void **state)
{
        int fd = dial();

        (void)state;
        for (int i = 0; i < 5; i++)
                say(fd, CALL("org.example.Test.Large"));
        for (int i = 0; i < 5; i++)
                assert_int_equal(strlen(hear(fd)), VARLINK_REPLY_MAX - 64 - 1 + strlen(TEXT("")));
        (void)close(fd);
}

static void test_too_many_clients(void **state)
{
        const bool root = geteuid() == 0;
        const int plain = VARLINK_CLIENTS_MAX - VARLINK_CLIENTS_ROOT;
        int fds[VARLINK_CLIENTS_MAX], n = 0, fd;

        (void)state;
        if (root)
                assert_int_equal(seteuid(65534), 0);
        while (n < plain)
                fds[n++] = dial();
        assert_dropped(dial());
        if (root) {
                assert_int_equal(seteuid(0), 0);
                while (n < VARLINK_CLIENTS_MAX)
                        fds[n++] = dial();
                assert_dropped(dial());
        }
        ASK(fds[n - 1], ECHO("x"), TEXT("x"));
        (void)close(fds[--n]);
        turn();
        fd = dial();
        ASK(fd, ECHO("y"), TEXT("y"));
        (void)close(fd);
        while (n > 0)
                (void)close(fds[--n]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
            TEST(call),
            TEST(framing),
            TEST(half_closed_client_is_answered),
            TEST(oneway),
            TEST(standard_errors),
            TEST(internal_errors),
            TEST(service),
            TEST(more),
            TEST(kept),
            TEST(client_goes),
            TEST(server_goes),
            TEST(rights),
            TEST(broken_messages),
            TEST(inherited_descriptors),
            TEST(message_too_long),
            TEST(half_message),
            TEST(unread_stream),
            TEST(unread_replies),
            TEST(slow_reader),
            TEST(too_many_clients),
        };

        return cmocka_run_group_tests_name("varlink", tests, NULL, NULL);
}
