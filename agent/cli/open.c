/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* open and resume: the whole walk, top to bottom. */

#include "base/fdio.h"
#include "cli/session.h"
#include "device/device.h"
#include "volume/activate.h"
#include "volume/lock.h"

enum { KERNEL_TIMEOUT_MS = 60000, LOCK_WAIT_MS = 5000 };

static int skip_queues(const struct volume_config *v, const struct device_kind *kind)
{
        if (v->performance == PERFORMANCE_AUTO)
                return !kind->rotational; /* on flash the queues only add latency */
        return v->performance == PERFORMANCE_NO_QUEUES;
}

/* What open and resume differ in. */
struct way {
        enum volume_state before;
        int (*act)(const struct activation *a, struct diag *diag);
        const char *done;
};

static int unlock(struct session *s, const struct way *way)
{
        struct header *header CLEANUP_HEADER = NULL;
        struct secret *passphrase CLEANUP_SECRET = NULL;
        const struct token *token;
        struct device_kind kind;
        struct activation a;
        int lock CLEANUP_FD = -1, code;

        code = exit_of_volume(volume_expect(s->volume->name, way->before, &s->diag));
        if (code == EXIT_OK && device_describe(s->volume->device, &kind, &s->diag) != 0)
                code = EXIT_ENVIRONMENT;
        if (code == EXIT_OK)
                code = exit_of_volume(header_read(s->volume->device, &header, &s->diag));
        if (code == EXIT_OK)
                code = session_unlock(s, header, &token, &passphrase);
        wire_client_hang_up(s->worker);
        if (code != EXIT_OK)
                return session_fail(s, code);
        a = (struct activation){
            .header = header,
            .name = s->volume->name,
            .keyslot = token->keyslot,
            .passphrase = passphrase,
            .no_read_workqueue = skip_queues(s->volume, &kind),
            .no_write_workqueue = skip_queues(s->volume, &kind),
            .discards = s->volume->discard,
            .timeout_ms = KERNEL_TIMEOUT_MS,
        };
        code = exit_of_volume(volume_lock(a.name, LOCK_WAIT_MS, &lock, &s->diag));
        if (code == EXIT_OK)
                code = exit_of_volume(way->act(&a, &s->diag));
        if (code != EXIT_OK)
                return session_fail(s, code);
        return report_success(s->options, s->volume->name, &s->diag, "%s: %s by %s",
                              s->volume->name, way->done, token->key.text);
}

static int run(const struct options *o, const struct way *way)
{
        struct session s CLEANUP_SESSION;
        int code = session_begin(&s, o);

        return code == EXIT_OK ? unlock(&s, way) : code;
}

int verb_open(const struct options *o)
{
        return run(o, &(const struct way){VOLUME_CLOSED, volume_activate, "open"});
}

int verb_resume(const struct options *o)
{
        return run(o, &(const struct way){VOLUME_SUSPENDED, volume_resume, "resumed"});
}
