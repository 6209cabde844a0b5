/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's structs as JSON for the control socket. Texts in them may be a key service's: the
 * writer escapes, and nothing is believed of their form. */

#include "agentd/report.h"

static bool has(const char *text)
{
        return text && text[0];
}

static void put(struct jsonw *w, const char *name, const char *text)
{
        if (has(text))
                jsonw_string(w, name, text);
}

static void put_time(struct jsonw *w, const char *name, uint64_t ms)
{
        char text[CLOCK_TEXT_MAX];

        if (ms == 0)
                return;
        clock_text(ms, text);
        put(w, name, text);
}

void report_write_probe(struct jsonw *w, const struct report_probe *probe)
{
        put(w, "key", probe->key);
        put(w, "uri", probe->uri);
        put(w, "verdict", probe->verdict);
        put(w, "code", probe->code);
        put(w, "request_id", probe->request_id);
        put(w, "message", probe->message);
        put_time(w, "at", probe->at_ms);
        put_time(w, "next_at", probe->next_ms);
        jsonw_uint64(w, "interval_ms", probe->interval_ms);
        jsonw_bool(w, "in_flight", probe->in_flight);
}

void report_write_event(struct jsonw *w, const struct report_event *event)
{
        put_time(w, "time", event->at_ms);
        put(w, "event", event->event);
        put(w, "verdict", event->verdict);
        put(w, "code", event->code);
        put(w, "request_id", event->request_id);
        put(w, "message", event->message);
        put(w, "rung", event->rung);
        put(w, "outcome", event->outcome);
}

void report_write_volume(struct jsonw *w, const struct report_volume *volume)
{
        put(w, "name", volume->name);
        put(w, "mapping", volume->mapping);
        put(w, "uuid", volume->uuid);
        put(w, "role", volume->role);
        put(w, "device", volume->device);
        put(w, "state", volume->state);
        jsonw_bool(w, "suspended", volume->suspended);
        put(w, "rung", volume->rung);
        jsonw_bool(w, "by_outage", volume->by_outage);
        put_time(w, "since", volume->since_ms);
        put(w, "next_rung", volume->next_rung);
        if (has(volume->next_rung))
                put_time(w, "next_rung_at", volume->next_rung_ms);
        jsonw_array(w, "keys");
        for (size_t i = 0; i < volume->key_count; i++) {
                jsonw_object(w, NULL);
                report_write_probe(w, &volume->keys[i]);
                jsonw_object_end(w);
        }
        jsonw_array_end(w);
        jsonw_bool(w, "unproven", volume->unproven);
}

void report_write_step(struct jsonw *w, const struct report_step *step)
{
        put_time(w, "time", step->at_ms);
        put(w, "step", step->step);
        put(w, "message", step->message);
        jsonw_uint64(w, "elapsed_ms", step->elapsed_ms);
}

void report_write_receipt(struct jsonw *w, const struct report_receipt *receipt)
{
        put_time(w, "time", receipt->at_ms);
        put(w, "volume", receipt->volume);
        put(w, "uuid", receipt->uuid);
        put(w, "rung", receipt->rung);
        jsonw_bool(w, "proven", receipt->proven);
        put(w, "table", receipt->table);
        put(w, "mappings", receipt->mappings);
        jsonw_uint64(w, "keyring_keys", receipt->keyring_keys);
        put(w, "message", receipt->message);
}

static void put_list(struct jsonw *w, const char *name, const char *const *list)
{
        jsonw_array(w, name);
        for (; list && *list; list++)
                jsonw_string(w, NULL, *list);
        jsonw_array_end(w);
}

void report_write_drill(struct jsonw *w, const struct report_drill *drill)
{
        put(w, "volume", drill->volume);
        put(w, "uuid", drill->uuid);
        put(w, "key", drill->key);
        put(w, "policy", drill->policy);
        put(w, "rung", drill->rung);
        jsonw_bool(w, "passed", drill->passed);
        put(w, "message", drill->message);
        put_time(w, "begun", drill->begun_ms);
        jsonw_uint64(w, "interval_ms", drill->interval_ms);
        jsonw_uint64(w, "noticed_ms", drill->noticed_ms);
        jsonw_uint64(w, "enforced_ms", drill->enforced_ms);
        jsonw_uint64(w, "restored_ms", drill->restored_ms);
        if (drill->receipt) {
                jsonw_object(w, "receipt");
                report_write_receipt(w, drill->receipt);
                jsonw_object_end(w);
        }
        put_list(w, "request_ids", drill->request_ids);
        put_list(w, "changed", drill->changed);
        put_list(w, "unchanged", drill->unchanged);
}

void report_write_why(struct jsonw *w, const struct report_volume *volume, uint64_t now_ms)
{
        char sentences[REPORT_SENTENCES_MAX][REPORT_SENTENCE_MAX];
        const size_t count = report_sentences(volume, now_ms, sentences);
        size_t first = volume->history_count > REPORT_HISTORY_MAX
                           ? volume->history_count - REPORT_HISTORY_MAX
                           : 0;

        jsonw_object(w, "volume");
        report_write_volume(w, volume);
        jsonw_object_end(w);
        jsonw_array(w, "history");
        for (; first < volume->history_count; first++) {
                jsonw_object(w, NULL);
                report_write_event(w, &volume->history[first]);
                jsonw_object_end(w);
        }
        jsonw_array_end(w);
        jsonw_array(w, "sentences");
        for (size_t i = 0; i < count; i++)
                jsonw_string(w, NULL, sentences[i]);
        jsonw_array_end(w);
}
