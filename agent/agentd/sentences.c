/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What `why` says in words: how the volume stands, why so, and what happens next and when. Says
 * only what the struct says; that a rung comes "unless" something happens is the lease machine's
 * promise (lease/lease.h). */

#include "agentd/report.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static void two(char *buf, uint64_t a, const char *unit_a, uint64_t b, const char *unit_b)
{
        if (b > 0)
                (void)snprintf(buf, REPORT_SPAN_MAX, "%llu %s %llu %s", (unsigned long long)a,
                               unit_a, (unsigned long long)b, unit_b);
        else
                (void)snprintf(buf, REPORT_SPAN_MAX, "%llu %s", (unsigned long long)a, unit_a);
}

void report_span(uint64_t ms, char buf[REPORT_SPAN_MAX])
{
        if (ms < SECOND)
                two(buf, ms, "ms", 0, "");
        else if (ms < MINUTE)
                two(buf, ms / SECOND, "s", 0, "");
        else if (ms < HOUR)
                two(buf, ms / MINUTE, "min", ms % MINUTE / SECOND, "s");
        else if (ms < DAY)
                two(buf, ms / HOUR, "h", ms % HOUR / MINUTE, "min");
        else
                two(buf, ms / DAY, "d", ms % DAY / HOUR, "h");
}

static bool is(const char *text, const char *other)
{
        return text && strcmp(text, other) == 0;
}

struct page {
        char (*lines)[REPORT_SENTENCE_MAX];
        size_t count;
};

static void PRINTF(2, 3) say(struct page *page, const char *fmt, ...)
{
        va_list ap;

        if (page->count == REPORT_SENTENCES_MAX)
                return;
        va_start(ap, fmt);
        (void)vsnprintf(page->lines[page->count++], REPORT_SENTENCE_MAX, fmt, ap);
        va_end(ap);
}

static void say_state(struct page *page, const struct report_volume *v)
{
        static const struct {
                const char *state, *meaning;
        } meanings[] = {
            {"closed", "is not open, and the agent does not want it open"},
            {"pending", "waits for a grant of its key to be opened"},
            {"open", "is open, and its key is granted"},
            {"doubtful", "is open, but its key service does not answer usefully; that is an outage "
                         "and no revocation"},
            {"denied", "is open; its key was denied, which is not confirmed yet"},
            {"revoked", "was revoked"},
            {"restoring", "is granted again and is being restored"},
        };
        const char *meaning = "is in a state that has no words";
        char since[CLOCK_TEXT_MAX];

        for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
                if (is(v->state, meanings[i].state))
                        meaning = meanings[i].meaning;
        if (is(v->state, "revoked") && v->by_outage)
                meaning = "was revoked, because an outage lasted longer than MaxOutage= allows";
        clock_text(v->since_ms, since);
        say(page, "%s %s%s%s.", v->name ? v->name : "the volume", meaning,
            v->since_ms ? ", since " : "", v->since_ms ? since : "");
}

/* The key whose answer says most: one that is not granted, before one that is. */
static const struct report_probe *telling(const struct report_volume *v)
{
        const struct report_probe *best = NULL;

        for (size_t i = 0; i < v->key_count; i++)
                if (v->keys[i].verdict &&
                    (!best || (is(best->verdict, "granted") && !is(v->keys[i].verdict, "granted"))))
                        best = &v->keys[i];
        return best;
}

static void say_probe(struct page *page, const struct report_volume *v)
{
        const struct report_probe *probe = telling(v);
        char at[CLOCK_TEXT_MAX];

        if (!probe) {
                say(page, "No key of it was asked for yet.");
                return;
        }
        clock_text(probe->at_ms, at);
        say(page, "Key %s answered %s at %s%s%s%s%s%s.", probe->key ? probe->key : "",
            probe->verdict, at, probe->code ? " (" : "", probe->code ? probe->code : "",
            probe->code && probe->request_id ? ", request " : "",
            probe->code && probe->request_id ? probe->request_id : "", probe->code ? ")" : "");
}

static void say_rung(struct page *page, const struct report_volume *v)
{
        if (is(v->rung, "suspend") || v->suspended)
                say(page, "I/O to it waits, and its key is wiped%s.",
                    v->unproven ? ", which could not be proven" : "");
        else if (v->rung && !is(v->rung, "alert"))
                say(page, "The rung %s has begun%s.", v->rung,
                    v->unproven ? "; that the key is gone could not be proven" : "");
        else if (v->unproven)
                say(page, "It could not be proven that its key is gone.");
}

static void say_when(struct page *page, const char *what, uint64_t at_ms, uint64_t now_ms,
                     const char *unless)
{
        char at[CLOCK_TEXT_MAX], span[REPORT_SPAN_MAX];

        clock_text(at_ms, at);
        report_span(at_ms > now_ms ? at_ms - now_ms : 0, span);
        if (at_ms > now_ms)
                say(page, "%s in %s, at %s%s.", what, span, at, unless);
        else
                say(page, "%s now%s.", what, unless);
}

static void say_next(struct page *page, const struct report_volume *v, uint64_t now_ms)
{
        const struct report_probe *soonest = NULL;
        char what[64];

        if (v->next_rung) {
                (void)snprintf(what, sizeof(what), "Rung %s begins", v->next_rung);
                say_when(page, what, v->next_rung_ms, now_ms, ", unless the key is granted before");
        } else if (is(v->state, "revoked")) {
                say(page, "No further rung follows; a grant restores it.");
        }
        for (size_t i = 0; i < v->key_count; i++)
                if (v->keys[i].next_ms && (!soonest || v->keys[i].next_ms < soonest->next_ms))
                        soonest = &v->keys[i];
        if (!soonest)
                return;
        (void)snprintf(what, sizeof(what), "Key %.40s is asked for next",
                       soonest->key ? soonest->key : "");
        say_when(page, what, soonest->next_ms, now_ms, "");
}

size_t report_sentences(const struct report_volume *volume, uint64_t now_ms,
                        char ret[REPORT_SENTENCES_MAX][REPORT_SENTENCE_MAX])
{
        struct page page = {.lines = ret};

        say_state(&page, volume);
        say_probe(&page, volume);
        say_rung(&page, volume);
        say_next(&page, volume, now_ms);
        return page.count;
}
