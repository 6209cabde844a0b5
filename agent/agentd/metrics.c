/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* OpenMetrics: each family's HELP, TYPE and UNIT once, then all its samples, at the end "# EOF".
 * A family of counters is named without the _total of its samples, one of states has a label of its
 * own name. Names of keys and volumes come from the configuration; they are escaped all the same.
 */

#include "agentd/metrics.h"

struct text {
        char *buf;
        size_t size, len;
        bool full;
};

static void put(struct text *t, const char *data, size_t len)
{
        if (t->full || len >= t->size - t->len) {
                t->full = true;
                return;
        }
        memcpy(t->buf + t->len, data, len);
        t->len += len;
}

static void puts_text(struct text *t, const char *text)
{
        put(t, text, strlen(text));
}

static void put_number(struct text *t, uint64_t value)
{
        char buf[24];

        (void)snprintf(buf, sizeof(buf), "%llu", (unsigned long long)value);
        puts_text(t, buf);
}

/* Label values: backslash, quote and newline are escaped, and nothing else needs to be. */
static void put_escaped(struct text *t, const char *value)
{
        for (; value && *value; value++)
                switch (*value) {
                case '\\': put(t, "\\\\", 2); break;
                case '"': put(t, "\\\"", 2); break;
                case '\n': put(t, "\\n", 2); break;
                default: put(t, value, 1);
                }
}

static void family(struct text *t, const char *name, const char *type, const char *unit,
                   const char *help)
{
        const char *const lines[][2] = {{"TYPE", type}, {"UNIT", unit}, {"HELP", help}};

        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                if (!lines[i][1])
                        continue;
                puts_text(t, "# ");
                puts_text(t, lines[i][0]);
                puts_text(t, " luks_kms_");
                puts_text(t, name);
                puts_text(t, " ");
                puts_text(t, lines[i][1]);
                puts_text(t, "\n");
        }
}

struct label {
        const char *name, *value;
};

/* Up to three labels; those without a name are not there. */
static void sample(struct text *t, const char *name, const struct label labels[3], uint64_t value)
{
        bool any = false;

        puts_text(t, "luks_kms_");
        puts_text(t, name);
        for (size_t i = 0; i < 3 && labels[i].name; i++) {
                puts_text(t, any ? "," : "{");
                puts_text(t, labels[i].name);
                puts_text(t, "=\"");
                put_escaped(t, labels[i].value);
                puts_text(t, "\"");
                any = true;
        }
        puts_text(t, any ? "} " : " ");
        put_number(t, value);
        puts_text(t, "\n");
}
#define SAMPLE(t, name, value, ...) sample(t, name, (const struct label[3]){__VA_ARGS__}, value)

static void write_states(struct text *t, const struct metrics *m)
{
        static const char *const names[] = {"closed", "pending", "open",     "doubtful",
                                            "denied", "revoked", "restoring"};

        _Static_assert(sizeof(names) / sizeof(names[0]) == LEASE_STATES_, "a state has no name");
        family(t, "lease_state", "stateset", NULL, "How each volume's lease stands.");
        for (size_t i = 0; i < m->volume_count; i++)
                for (size_t s = 0; s < LEASE_STATES_; s++)
                        SAMPLE(t, "lease_state", m->volumes[i].state == (enum lease_state)s,
                               {"volume", m->volumes[i].volume},
                               {"luks_kms_lease_state", names[s]});
}

static void write_rungs(struct text *t, const struct metrics *m)
{
        static const char *const names[] = {"alert", "suspend", "close",
                                            "kill",  "erase",   "poweroff"};
        static const char *const outcomes[] = {"done", "failed", "hung"};

        _Static_assert(sizeof(names) / sizeof(names[0]) == RUNG_KINDS_, "a rung has no name");
        _Static_assert(sizeof(outcomes) / sizeof(outcomes[0]) == METRICS_RESULTS, "an outcome");
        family(t, "rung", "gauge", NULL,
               "Strongest rung that has begun: 0 none, 1 alert, 2 suspend, 3 close, 4 kill, "
               "5 erase, 6 poweroff.");
        for (size_t i = 0; i < m->volume_count; i++)
                SAMPLE(t, "rung", (uint64_t)(m->volumes[i].rung + 1),
                       {"volume", m->volumes[i].volume});
        family(t, "rungs", "counter", NULL, "Rungs that ended, by how.");
        for (size_t i = 0; i < m->volume_count; i++)
                for (size_t r = 0; r < RUNG_KINDS_; r++)
                        for (size_t o = 0; o < METRICS_RESULTS; o++)
                                if (m->volumes[i].rungs[r][o] > 0)
                                        SAMPLE(t, "rungs_total", m->volumes[i].rungs[r][o],
                                               {"volume", m->volumes[i].volume}, {"rung", names[r]},
                                               {"outcome", outcomes[o]});
        family(t, "erasure_proven", "gauge", NULL,
               "1 if the last erasure of the volume's key was proven, 0 if not.");
        for (size_t i = 0; i < m->volume_count; i++)
                if (m->volumes[i].erasure_proven >= 0)
                        SAMPLE(t, "erasure_proven", (uint64_t)m->volumes[i].erasure_proven,
                               {"volume", m->volumes[i].volume});
}

static void write_probes(struct text *t, const struct metrics *m)
{
        family(t, "probe_since_success_seconds", "gauge", "seconds",
               "Time since the key was granted last.");
        for (size_t i = 0; i < m->key_count; i++) {
                const uint64_t then = m->keys[i].success_ms;

                if (then > 0)
                        SAMPLE(t, "probe_since_success_seconds",
                               m->now_ms > then ? (m->now_ms - then) / 1000 : 0,
                               {"key", m->keys[i].key});
        }
        family(t, "probes", "counter", NULL, "Probes that ended, by verdict.");
        for (size_t i = 0; i < m->key_count; i++)
                for (int v = 0; v <= VERDICT_MAX_; v++)
                        SAMPLE(t, "probes_total", m->keys[i].probes[v], {"key", m->keys[i].key},
                               {"verdict", verdict_name(v)});
}

int metrics_write(const struct metrics *metrics, char *buf, size_t size, size_t *ret_len)
{
        struct text t = {.buf = buf, .size = size, .full = size == 0};

        write_states(&t, metrics);
        write_rungs(&t, metrics);
        write_probes(&t, metrics);
        family(&t, "audit_errors", "counter", NULL,
               "Lines of the audit log that were not written.");
        SAMPLE(&t, "audit_errors_total", metrics->audit_errors, {NULL, NULL});
        family(&t, "build", "info", NULL, "The agent that answers.");
        SAMPLE(&t, "build_info", 1, {"version", metrics->version});
        puts_text(&t, "# EOF\n");
        if (t.full)
                return -ENOBUFS;
        buf[t.len] = '\0';
        *ret_len = t.len;
        return 0;
}
