/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a verb's end is told: to a person one sentence and the next thing to type, to a program one
 * JSON object, to a script an exit code. */

#include "cli/cli.h"
#include "volume/header.h"

int exit_of_config(int r)
{
        return r < 0 ? EXIT_ENVIRONMENT : r == 0 ? EXIT_OK : EXIT_CONFIG;
}

int exit_of_volume(int r)
{
        if (r < 0)
                return EXIT_ENVIRONMENT;
        switch (r) {
        case 0: return EXIT_OK;
        case VOLUME_E_RULE:
        case VOLUME_E_NO_LUKS2:
        case VOLUME_E_MAC:
        case VOLUME_E_KEYSLOT:
        case VOLUME_E_TABLE: return EXIT_REFUSED;
        case VOLUME_E_TIMEOUT: return EXIT_TIMEOUT;
        case VOLUME_E_DIED: return EXIT_ENVIRONMENT;
        default: return EXIT_STATE;
        }
}

int exit_of_verdict(int r)
{
        return r < 0 ? EXIT_ENVIRONMENT : r == VERDICT_GRANTED ? EXIT_OK : EXIT_VERDICT + r;
}

static void put_text(struct jsonw *w, const char *name, const char *value)
{
        if (value[0])
                jsonw_string(w, name, value);
}

static void print_json(const struct options *o, const char *volume, int code,
                       const struct diag *diag)
{
        char buf[4096];
        struct jsonw w;
        size_t len;

        jsonw_init(&w, buf, sizeof(buf));
        jsonw_object(&w, NULL);
        jsonw_string(&w, "verb", o->verb);
        put_text(&w, "volume", volume ? volume : "");
        jsonw_string(&w, "outcome", code == EXIT_OK ? "ok" : "refused");
        jsonw_uint64(&w, "exit", (uint64_t)code);
        if (code > EXIT_VERDICT)
                jsonw_string(&w, "verdict", verdict_name(code - EXIT_VERDICT));
        put_text(&w, "rule", diag->rule);
        put_text(&w, "message", diag->message);
        put_text(&w, "next", diag->advice);
        put_text(&w, "code", diag->code);
        put_text(&w, "request_id", diag->request_id);
        if (diag->http_status)
                jsonw_uint64(&w, "http_status", (uint64_t)diag->http_status);
        jsonw_uint64(&w, "requests", diag->requests);
        jsonw_object_end(&w);
        if (jsonw_end(&w, &len) == 0)
                (void)puts(buf);
}

/* Where whoever refused had no better idea: nobody is left without a next thing to type. */
static const char *general_advice(int code)
{
        switch (code) {
        case EXIT_CONFIG: return "man luks-kms lists every setting and its form";
        case EXIT_REFUSED:
                return "the data are untouched; compare `cryptsetup luksDump` of the device with a "
                       "header backup";
        case EXIT_STATE: return "see what is in force: luks-kms status";
        case EXIT_TIMEOUT: return "see what hangs: dmesg | tail; then luks-kms close --kill";
        default: return "see the kernel's log: dmesg | tail";
        }
}

int report_failure(const struct options *o, const char *volume, int code, const struct diag *said)
{
        const char *name = code > EXIT_VERDICT ? verdict_name(code - EXIT_VERDICT) : said->rule;
        struct diag full = *said, *diag = &full;

        if (!diag->advice[0])
                diag_advise(diag, "%s", general_advice(code));
        if (o->json) {
                print_json(o, volume, code, diag);
                return code;
        }
        (void)fprintf(stderr, "luks-kms %s%s%s: %s", o->verb, volume ? " " : "",
                      volume ? volume : "", diag->message[0] ? diag->message : "failed");
        if (*name)
                (void)fprintf(stderr, " [%s]", name);
        if (diag->code[0])
                (void)fprintf(stderr, " (%s%s%s)", diag->code,
                              diag->request_id[0] ? ", request " : "", diag->request_id);
        (void)fputc('\n', stderr);
        (void)fprintf(stderr, "  next: %s\n", diag->advice);
        return code;
}

int report_success(const struct options *o, const char *volume, const struct diag *diag,
                   const char *fmt, ...)
{
        struct diag done = *diag;
        va_list ap;

        va_start(ap, fmt);
        (void)vsnprintf(done.message, sizeof(done.message), fmt, ap);
        va_end(ap);
        done.rule[0] = done.advice[0] = done.code[0] = '\0';
        if (o->json)
                print_json(o, volume, EXIT_OK, &done);
        else
                (void)puts(done.message);
        return EXIT_OK;
}
