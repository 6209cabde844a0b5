/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rungs and restores: what the keeper orders, done in children with a time limit each. A wiping
 * rung has been climbed only when the child has proven that the key is gone. */

#include "agentd/dependants.h"
#include "agentd/drill.h"
#include "agentd/task.h"
#include "agentd/tell.h"
#include "base/clock.h"
#include "unlock/unlock.h"
#include "volume/lock.h"
#include "volume/rung.h"
#include "volume/table.h"
#include "volume/teardown.h"

enum {
        KEYRING_PATIENCE_MS = 1000,
        RESTORE_MS = 90000, /* all keys' timeouts, and the kernel's work */
        KERNEL_MS = 60000,
        RESTORES_MAX = 4,
        E_UNPROVEN = 100, /* beside the outcomes of volume/ */
        E_NOT_RESTORED,
        LOCK_WAIT_MS = 5000,
};

struct rung_work {
        enum rung_kind kind;
        char mapping[128], uuid[37], device[CONFIG_PATH_MAX];
        int sync_ms, patience_ms;
        struct erasure erasure; /* out */
        uint64_t begun_ms;
};

/* What is mounted from a suspended mapping cannot be unmounted: it would wait for I/O. */
static int stop_and_close(const struct rung_work *w, struct diag *diag)
{
        struct table t;

        if (table_read(w->mapping, &t) == 0 && t.exists && !t.suspended)
                (void)dependants_stop(w->mapping, w->patience_ms);
        return rung_close(w->mapping, w->uuid, diag);
}

static int climb(struct rung_work *w, struct diag *diag)
{
        switch (w->kind) {
        case RUNG_SUSPEND: return rung_suspend(w->mapping, w->uuid, w->sync_ms, diag);
        case RUNG_CLOSE: return stop_and_close(w, diag);
        case RUNG_KILL: return rung_kill(w->mapping, w->uuid, diag);
        case RUNG_ERASE: return rung_erase(w->device, w->uuid, diag);
        case RUNG_POWEROFF: return machine_poweroff(diag);
        default: return 0;
        }
}

static bool wipes(enum rung_kind kind)
{
        return kind == RUNG_SUSPEND || kind == RUNG_CLOSE || kind == RUNG_KILL;
}

static int rung_work(void *shared, struct diag *diag)
{
        struct rung_work *w = shared;
        int r = climb(w, diag), proof;

        /* a mapping that is not there any more has no key */
        if (r != 0 && !(wipes(w->kind) && r == VOLUME_E_INACTIVE))
                return r;
        if (!wipes(w->kind))
                return 0;
        proof = erasure_check(w->mapping, w->uuid, KEYRING_PATIENCE_MS, &w->erasure, diag);
        if (proof < 0)
                return proof;
        return w->erasure.proven
                   ? 0
                   : diag_refuse(diag, E_UNPROVEN, "erasure",
                                 "the key may still be in the kernel: table %s, "
                                 "%d keys in keyrings, other mappings: %s",
                                 w->erasure.table, w->erasure.keyring_keys,
                                 w->erasure.mappings[0] ? w->erasure.mappings : "none");
}

static enum lease_result result_of(int r)
{
        return r == 0 ? LEASE_DONE : r == VOLUME_E_TIMEOUT ? LEASE_HUNG : LEASE_FAILED;
}

static void rung_done(struct ward *w, int r, const struct diag *diag, void *shared)
{
        const struct rung_work *work = shared;
        const struct lease_event e = {.kind = LEASE_EV_RUNG, .result = result_of(r)};

        w->rungs[work->kind][e.result]++;
        if (wipes(work->kind)) {
                w->receipt = work->erasure;
                w->receipt_us = clock_wall_us();
                w->receipt_rung = work->kind;
        }
        tell_rung_ended(w, work->kind, e.result, diag, wipes(work->kind) ? &work->erasure : NULL,
                        (int64_t)(clock_boot_ms() - work->begun_ms));
        if (e.result == LEASE_DONE && (work->kind == RUNG_CLOSE || work->kind == RUNG_KILL))
                w->by_hand = false;
        agent_event(w, &e);
        drill_rung_ended(w, work->kind, e.result);
        scan_soon(w->agent);
}

static void begin_rung(struct ward *w, enum rung_kind kind)
{
        const struct agent_config *settings = &w->agent->config->agent;
        struct rung_work work = {.kind = kind,
                                 .sync_ms = (int)settings->sync_time_ms,
                                 .patience_ms = (int)settings->rung_timeout_ms / 2,
                                 .begun_ms = clock_boot_ms()};
        struct diag diag = DIAG_INIT;
        int r;

        tell_rung_begun(w, kind);
        (void)snprintf(work.mapping, sizeof(work.mapping), "%s", w->mapping);
        (void)snprintf(work.uuid, sizeof(work.uuid), "%s", w->uuid);
        (void)snprintf(work.device, sizeof(work.device), "%s", w->device);
        if (kind == RUNG_ALERT) {
                rung_done(w, 0, &diag, &work);
                return;
        }
        task_forget(w); /* a look at the disk has no precedence */
        r = task_start(w, rung_work, &work, sizeof(work), settings->rung_timeout_ms, rung_done);
        if (r < 0) {
                (void)diag_fail(&diag, r, "cannot begin");
                rung_done(w, r, &diag, &work);
        }
}

struct restore_work {
        const struct agent *agent; /* the child has its parent's memory */
        const struct volume_config *config;
        struct volume_config stand_in; /* for a mapping that is not configured */
        char device[CONFIG_PATH_MAX], mapping[128], uuid[37];
        bool resume;
        int verdict; /* out; -1: it was not the key service */
        char key[KEYURI_MAX];
        char request_id[96]; /* of the unwrap, also when all went well */
        uint64_t begun_ms;
        struct kms_context context;
};

/* What there is may have changed since the order was given: what is suspended is resumed, what is
 * dead goes first, if nobody holds it any more. */
static int look_before(struct restore_work *w, struct diag *diag)
{
        struct table t;
        int r = table_ask(w->mapping, &t, diag);

        if (r < 0 || !t.exists || !table_is_ours(&t, w->uuid, w->mapping))
                return exit_of_volume(r);
        w->resume = t.suspended && t.live && strcmp(t.target, "crypt") == 0;
        if (w->resume || (t.live && strcmp(t.target, "error") != 0))
                return EXIT_OK;
        return exit_of_volume(volume_close(w->mapping, diag));
}

static int unlock_and_act(struct restore_work *w, struct unlock *u, const struct header *h,
                          const struct device_kind *kind)
{
        struct secret *passphrase CLEANUP_SECRET = NULL;
        const struct token *token;
        struct activation a;
        int lock CLEANUP_FD = -1, code = unlock_header(u, h, &token, &passphrase);

        w->verdict = verdict_of_exit(code);
        (void)snprintf(w->request_id, sizeof(w->request_id), "%s", u->diag.request_id);
        if (code != EXIT_OK)
                return code;
        (void)snprintf(w->key, sizeof(w->key), "%s", token->key.text);
        token_context(&h->binding, token->role, "keyslot", &w->context);
        a = unlock_activation(u->volume, kind, w->mapping, h);
        a.keyslot = token->keyslot;
        a.passphrase = passphrase;
        a.timeout_ms = KERNEL_MS;
        code = exit_of_volume(volume_lock(w->mapping, LOCK_WAIT_MS, &lock, &u->diag));
        if (code != EXIT_OK)
                return code;
        return exit_of_volume(w->resume ? resumption_run(&a, &u->diag)
                                        : activation_run(&a, &u->diag));
}

/* Somebody else was faster: the command, or a child of an agent that was killed meanwhile. */
static bool is_back(const struct restore_work *w)
{
        struct table t;

        return table_read(w->mapping, &t) == 0 && t.exists && t.live && !t.suspended &&
               strcmp(t.target, "crypt") == 0 && table_is_ours(&t, w->uuid, w->mapping);
}

static int restore_work(void *shared, struct diag *diag)
{
        struct restore_work *w = shared;
        struct header *h CLEANUP_HEADER = NULL;
        struct unlock u = {.volume = w->config ? w->config : &w->stand_in, .diag = DIAG_INIT};
        struct device_kind kind;
        int code = device_describe(w->device, &kind, &u.diag) == 0 ? EXIT_OK : EXIT_ENVIRONMENT;

        w->verdict = -1;
        if (code == EXIT_OK)
                code = exit_of_volume(header_read(w->device, &h, &u.diag));
        if (code == EXIT_OK && strcmp(h->binding.uuid, w->uuid) != 0) {
                (void)diag_refuse(&u.diag, 0, "uuid-changed", "%s holds another volume now: %s",
                                  w->device, h->binding.uuid);
                code = EXIT_REFUSED;
        }
        if (code == EXIT_OK &&
            agent_worker(w->agent, agent_needs_own_worker(u.volume), &u.worker, &u.diag) < 0)
                code = EXIT_ENVIRONMENT;
        if (code == EXIT_OK)
                code = look_before(w, &u.diag);
        if (code == EXIT_OK)
                code = unlock_and_act(w, &u, h, &kind);
        if (code == EXIT_STATE && is_back(w))
                code = EXIT_OK;
        wire_client_free(u.worker);
        *diag = u.diag;
        return code == EXIT_OK ? 0 : E_NOT_RESTORED;
}

static void told_and_over(struct ward *w, const struct restore_work *work, enum lease_result result)
{
        const struct lease_event e = {
            .kind = LEASE_EV_RESTORED,
            .result = result,
            .restore_verdict = work->verdict < 0 ? VERDICT_GRANTED : work->verdict,
        };

        w->restoring = false;
        w->agent->restoring--;
        agent_event(w, &e);
        drill_restored(w, result);
        scan_soon(w->agent); /* whoever waits for his turn has it with the next turn of the pump */
}

static int undo_work(void *shared, struct diag *diag)
{
        const struct restore_work *work = shared;
        int r = work->resume ? rung_suspend(work->mapping, work->uuid, 0, diag)
                             : rung_kill(work->mapping, work->uuid, diag);

        return r == VOLUME_E_INACTIVE ? 0 : r;
}

static void undo_done(struct ward *w, int r, const struct diag *diag, void *shared)
{
        if (r != 0)
                tell_agent(w->agent, TELL_TROUBLE, diag->message);
        told_and_over(w, shared, LEASE_HUNG);
}

static void restore_done(struct ward *w, int r, const struct diag *diag, void *shared)
{
        const struct restore_work *work = shared;
        const bool cut_short = r == VOLUME_E_TIMEOUT || r == VOLUME_E_DIED;
        const enum lease_result result = cut_short ? LEASE_HUNG : result_of(r);
        struct diag said = *diag;

        (void)snprintf(said.request_id, sizeof(said.request_id), "%s", work->request_id);
        tell_restore_ended(w, work->resume, result, &said, work->key, &work->context, work->verdict,
                           (int64_t)(clock_boot_ms() - work->begun_ms));
        if (r == 0 && !work->resume)
                (void)snprintf(w->mapping, sizeof(w->mapping), "%s", work->mapping);
        /* what was cut short has left a mapping that nobody has looked at */
        if (!cut_short || task_start(w, undo_work, work, sizeof(*work),
                                     w->agent->config->agent.rung_timeout_ms, undo_done) < 0)
                told_and_over(w, work, result);
}

/* A mapping that config does not name: its keys are those that its header and config have. */
static void stand_in(const struct ward *w, struct volume_config *ret)
{
        *ret = (struct volume_config){.performance = PERFORMANCE_AUTO};
        (void)snprintf(ret->name, sizeof(ret->name), "%s", w->name);
        (void)snprintf(ret->device, sizeof(ret->device), "%s", w->device);
        (void)snprintf(ret->role, sizeof(ret->role), "%s", w->role);
        for (size_t i = 0; i < w->key_count; i++) {
                const struct key_config *key = config_key(w->agent->config, w->keys[i].key);

                if (key) /* its section may be gone, and the header not looked at since */
                        ret->keys[ret->key_count++] = key;
        }
}

static void begin_restore(struct ward *w)
{
        struct restore_work work = {.agent = w->agent,
                                    .config = w->config,
                                    .resume = w->restore == RESTORE_RESUME,
                                    .verdict = -1,
                                    .begun_ms = clock_boot_ms()};
        struct diag diag = DIAG_INIT;
        int r;

        w->restore = RESTORE_NONE;
        w->restoring = true;
        w->agent->restoring++;
        tell_restore_begun(w, work.resume);
        (void)snprintf(work.device, sizeof(work.device), "%s", w->device);
        (void)snprintf(work.mapping, sizeof(work.mapping), "%s",
                       w->mapping[0] ? w->mapping : w->name);
        (void)snprintf(work.uuid, sizeof(work.uuid), "%s", w->uuid);
        if (!w->config)
                stand_in(w, &work.stand_in);
        task_forget(w);
        r = task_start(w, restore_work, &work, sizeof(work), RESTORE_MS, restore_done);
        if (r < 0) {
                (void)diag_fail(&diag, r, "cannot begin");
                restore_done(w, E_NOT_RESTORED, &diag, &work);
        }
}

/* Each has a worker and a key service to wait for: a machine with many volumes that come back at
 * once takes them a few at a time. */
void enforce_waiting(struct agent *a)
{
        for (struct ward *w = a->wards; w && a->restoring < RESTORES_MAX; w = w->next)
                if (w->restore != RESTORE_NONE)
                        begin_restore(w);
}

/* What somebody suspended is not ours to resume; what we do not do is done. */
static void resume(struct ward *w)
{
        if (!w->by_hand) {
                w->restore = RESTORE_RESUME;
                enforce_waiting(w->agent);
                return;
        }
        tell_hand(w);
        agent_event(w,
                    &(const struct lease_event){.kind = LEASE_EV_RESTORED, .result = LEASE_DONE});
}

static void reopen(struct ward *w)
{
        w->restore = RESTORE_OPEN;
        enforce_waiting(w->agent);
}

void enforce(struct ward *w, const struct lease_order *order)
{
        switch (order->kind) {
        case LEASE_DO_RUNG: begin_rung(w, order->rung); break;
        case LEASE_DO_RESUME: resume(w); break;
        case LEASE_DO_OPEN: reopen(w); break;
        case LEASE_GIVE_UP: tell_given_up(w); break;
        case LEASE_RESTORED: tell_restored(w); break;
        case LEASE_NOTHING: break;
        }
}
