/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Probes: does the key service still unwrap for us? One for each [Key] section, by the wrapped
 * nonce of one of the volumes that it guards, each volume in turn while all is well, and the same
 * one while it is not. What comes back is thrown away unread: that it came back is the answer. */

#include "agentd/drill.h"
#include "agentd/tell.h"
#include "base/clock.h"
#include "unlock/unlock.h"

/* One question to a worker. A worker that is idle is used again; another one is started beside a
 * busy one, so that a service that stalls holds up no other key's probe. */
struct call {
        struct agent *agent;
        struct keystate *key;
        struct wire_client *client;
        sd_event_source *io, *timer;
        uint64_t begun_us;
        char volume[CONFIG_NAME_MAX]; /* whose nonce it is */
        struct kms_context context;
};

static bool uses_env(const struct key_config *key)
{
        return strcmp(key->credentials, "env") == 0;
}

/* A worker's environment is its starter's: only one of our own has ours. */
static int get_client(struct agent *a, const struct key_config *key, struct wire_client **ret,
                      struct diag *diag)
{
        if (a->idle && !uses_env(key)) {
                *ret = TAKE_PTR(a->idle);
                return 0;
        }
        return agent_worker(a, uses_env(key), ret, diag);
}

static void call_free(struct call *c)
{
        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->timer);
        c->key->call = NULL;
        if (!c->agent->idle && c->client && !uses_env(c->key->config))
                c->agent->idle = TAKE_PTR(c->client);
        wire_client_free(c->client);
        free(c);
}

static void answer(struct agent *a, struct keystate *k, int verdict, const struct diag *said,
                   const struct call *c)
{
        k->said = *said;
        k->verdict_us = clock_wall_us();
        if (verdict == VERDICT_GRANTED) {
                k->granted_us = k->verdict_us;
                k->turn++;
        }
        k->counts[verdict]++;
        tell_probe(a, k, verdict, c ? c->volume : NULL, c ? &c->context : NULL,
                   c ? (int64_t)(k->verdict_us - c->begun_us) / 1000 : -1);
        k->verdict = verdict;
        (void)keeper_verdict(a->keeper, k->name, verdict, said->retry_after, clock_boot_ms());
}

static void finish(struct call *c, int r, struct wire_reply *reply)
{
        struct agent *a = c->agent;
        struct keystate *k = c->key;
        struct diag diag = DIAG_INIT;

        if (r < 0)
                (void)diag_fail(&diag, r, "cannot hear the KMS worker");
        else
                diag = reply->diag;
        wire_reply_done(reply);
        answer(a, k, r < 0 ? VERDICT_UNAVAILABLE : r, &diag, c);
        drill_probed(a, k);
        call_free(c);
}

static int on_reply(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct call *c = userdata;
        struct wire_reply reply = {.plain = NULL};
        int r;

        (void)fd;
        (void)revents;
        /* Finishing may close the descriptor, which must have left the epoll set by then: a child
         * that has a copy would keep it there. */
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        r = wire_client_finish(c->client, &reply);
        if (r == -EAGAIN)
                return sd_event_source_set_enabled(source, SD_EVENT_ON);
        finish(c, r, &reply);
        return 0;
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct call *c = userdata;
        struct wire_reply reply = {.plain = NULL};

        (void)source;
        (void)usec;
        c->io = sd_event_source_disable_unref(c->io);
        finish(c, wire_client_expire(c->client, &reply), &reply);
        return 0;
}

/* The volume whose nonce is to be unwrapped next, by turns among those that this key guards. */
static const struct ward *choose(const struct agent *a, const struct keystate *k,
                                 const struct token_blob **ret)
{
        const struct ward *chosen = NULL;
        unsigned int count = 0;

        for (int pass = 0; pass < 2; pass++) {
                unsigned int n = 0;

                for (const struct ward *w = a->wards; w; w = w->next)
                        for (size_t i = 0; i < w->key_count; i++) {
                                if (strcmp(w->keys[i].key, k->name) != 0 || w->foreign)
                                        continue;
                                if (pass == 1 && n == k->turn % count) {
                                        *ret = w->keys[i].probe;
                                        chosen = w;
                                }
                                n++;
                        }
                count = n;
                if (count == 0)
                        return NULL;
        }
        return chosen;
}

static int ask(struct call *c, const struct ward *w, const struct token_blob *probe,
               struct diag *diag)
{
        struct wire_request request CLEANUP_REQUEST = {.op = 0};
        struct unlock u = {.diag = DIAG_INIT};
        int r;

        c->context = (struct kms_context){.use = "probe"};
        (void)snprintf(c->context.uuid, sizeof(c->context.uuid), "%s", w->uuid);
        (void)snprintf(c->context.role, sizeof(c->context.role), "%s", w->role);
        r = unlock_request(&u, c->key->config, &c->context, &request);
        if (r != EXIT_OK) {
                *diag = u.diag;
                return -EINVAL;
        }
        request.op = WIRE_UNWRAP;
        request.wrapped.len = probe->len;
        memcpy(request.wrapped.data, probe->data, probe->len);
        r = get_client(c->agent, c->key->config, &c->client, diag);
        if (r == 0) {
                r = wire_client_begin(c->client, &request);
                if (r < 0)
                        (void)diag_fail(diag, r, "cannot ask the KMS worker");
        }
        return r;
}

static int listen_for(struct call *c)
{
        sd_event *event = c->agent->event;
        int r = sd_event_add_io(event, &c->io, wire_client_fd(c->client), EPOLLIN, on_reply, c);

        return r < 0 ? r
                     : sd_event_add_time(event, &c->timer, CLOCK_MONOTONIC,
                                         wire_client_deadline(c->client) * 1000, 1000, on_late, c);
}

void probe_begin(struct agent *a, const char *key)
{
        struct keystate *k = agent_key(a, key);
        const struct token_blob *probe = NULL;
        const struct ward *w = k ? choose(a, k, &probe) : NULL;
        struct diag diag = DIAG_INIT;
        struct call *c;
        int r;

        if (!w || k->call) {
                (void)keeper_verdict(a->keeper, key, VERDICT_UNAVAILABLE, 0, clock_boot_ms());
                return;
        }
        c = calloc(1, sizeof(*c));
        if (!c) {
                answer(a, k, VERDICT_UNAVAILABLE, &diag, NULL);
                return;
        }
        *c = (struct call){.agent = a, .key = k, .begun_us = clock_wall_us()};
        (void)snprintf(c->volume, sizeof(c->volume), "%s", w->name);
        k->call = c;
        r = ask(c, w, probe, &diag);
        if (r == 0)
                r = listen_for(c);
        if (r < 0) {
                /* what we cannot even ask says nothing of the key */
                answer(a, k, VERDICT_CREDENTIAL, &diag, c);
                call_free(c);
        }
}

/* The worker is busy with what nobody waits for: it is not to be asked again. The keeper must hear
 * some answer, or it would wait for this one for ever; none has come, and that is what it is told.
 */
void probe_cancel(struct keystate *k)
{
        struct call *c = k->call;

        if (!c)
                return;
        (void)keeper_verdict(c->agent->keeper, k->name, VERDICT_UNAVAILABLE, 0, clock_boot_ms());
        c->io = sd_event_source_disable_unref(c->io); /* before its descriptor is closed */
        wire_client_free(TAKE_PTR(c->client));
        call_free(c);
}
