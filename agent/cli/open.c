/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* open and resume: the whole walk, top to bottom. */

#include "base/fdio.h"
#include "cli/session.h"
#include "device/device.h"
#include "volume/activate.h"
#include "volume/lock.h"

enum { KERNEL_TIMEOUT_MS = 60000, LOCK_WAIT_MS = 5000 };

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

        code = exit_of_volume(volume_expect(s->u.volume->name, way->before, &s->u.diag));
        if (code == EXIT_OK && device_describe(s->u.volume->device, &kind, &s->u.diag) != 0)
                code = EXIT_ENVIRONMENT;
        if (code == EXIT_OK)
                code = exit_of_volume(header_read(s->u.volume->device, &header, &s->u.diag));
        if (code == EXIT_OK)
                code = unlock_header(&s->u, header, &token, &passphrase);
        wire_client_hang_up(s->u.worker);
        if (code != EXIT_OK)
                return session_fail(s, code);
        a = unlock_activation(s->u.volume, &kind, s->u.volume->name, header);
        a.keyslot = token->keyslot;
        a.passphrase = passphrase;
        a.timeout_ms = KERNEL_TIMEOUT_MS;
        code = exit_of_volume(volume_lock(a.name, LOCK_WAIT_MS, &lock, &s->u.diag));
        if (code == EXIT_OK)
                code = exit_of_volume(way->act(&a, &s->u.diag));
        if (code != EXIT_OK)
                return session_fail(s, code);
        return report_success(s->options, s->u.volume->name, &s->u.diag, "%s: %s by %s",
                              s->u.volume->name, way->done, token->key.text);
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
