/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* format: nothing is written before the KMS has wrapped the secret, unwrapped it again to the same
 * bytes, and the header built from it has been proven in memory. */

#include <sys/random.h>

#include "cli/session.h"
#include "device/device.h"
#include "volume/activate.h"
#include "volume/enrol.h"
#include "volume/store.h"

/* RFC 4122, version 4. */
static int make_uuid(char ret[UUID_TEXT_MAX])
{
        uint8_t b[16];

        if (getrandom(b, sizeof(b), 0) != sizeof(b))
                return -EIO;
        b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
        b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
        (void)snprintf(ret, UUID_TEXT_MAX,
                       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                       b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                       b[13], b[14], b[15]);
        return 0;
}

/* An exit code. Asked of a device that is taken already: what another format made meanwhile is
 * seen. */
static int check_signature(struct session *s)
{
        const char *device = s->u.volume->device;
        char type[64];
        int r = signature_find(device, type, sizeof(type), &s->u.diag);

        if (s->options->force && r == -EUCLEAN)
                return EXIT_OK;
        if (r < 0)
                return EXIT_ENVIRONMENT;
        if (type[0] == '\0' || s->options->force)
                return EXIT_OK;
        (void)diag_refuse(&s->u.diag, 0, "signature", "%s bears a signature: %s", device, type);
        diag_advise(&s->u.diag,
                    "look: wipefs %s; if nothing on it is needed: luks-kms format --force %s",
                    device, s->u.volume->name);
        return EXIT_STATE;
}

static int check_sector_size(struct session *s, const struct device_kind *kind)
{
        if (s->u.volume->sector_size != 4096 || kind->size % 4096 == 0)
                return EXIT_OK;
        (void)diag_refuse(&s->u.diag, 0, "sector-size",
                          "the size of %s is no multiple of 4096 bytes, as SectorSize= asks",
                          s->u.volume->device);
        diag_advise(&s->u.diag, "leave SectorSize= out, or set it to 512");
        return EXIT_CONFIG;
}

/* 4096 where the data area is a multiple of it: larger sectors cost less CPU. */
static uint32_t sector_size(const struct volume_config *v, const struct device_kind *kind)
{
        return v->sector_size ? v->sector_size : kind->size % 4096 == 0 ? 4096 : 512;
}

/* What is on the disk now must open, judged as an unlock judges it. */
static int prove_stored(struct session *s, const struct secret *secret)
{
        struct header *h CLEANUP_HEADER = NULL;
        struct secret *passphrase CLEANUP_SECRET = NULL;
        int r = header_read(s->u.volume->device, &h, &s->u.diag);

        if (r == 0)
                r = h->tokens[0]
                        ? header_authenticate(h, h->tokens[0], secret, &passphrase, &s->u.diag)
                        : VOLUME_E_RULE;
        if (r == 0)
                r = volume_check_passphrase(h, h->tokens[0]->keyslot, passphrase, &s->u.diag);
        return exit_of_volume(r);
}

static int make_volume(struct session *s, int fd, const struct device_kind *kind,
                       char uuid[UUID_TEXT_MAX])
{
        struct header *header CLEANUP_HEADER = NULL;
        struct secret *secret CLEANUP_SECRET = NULL;
        struct token token;
        struct enrolment e = {.token = &token};
        int code;

        if (make_uuid(uuid) < 0)
                return EXIT_ENVIRONMENT;
        code = unlock_make_recipient(&s->u, s->u.volume->keys[0], uuid, 1, &token, &secret);
        if (code != EXIT_OK)
                return code;
        e.secret = secret;
        code = exit_of_volume(enrol_new(s->u.volume->device, uuid, sector_size(s->u.volume, kind),
                                        &e, &header, &s->u.diag));
        if (code == EXIT_OK && s->options->force && signature_wipe(fd) < 0)
                return EXIT_ENVIRONMENT;
        if (code == EXIT_OK)
                code = exit_of_volume(store_new(fd, header, &s->u.diag));
        return code == EXIT_OK ? prove_stored(s, secret) : code;
}

int verb_format(const struct options *o)
{
        struct session s CLEANUP_SESSION;
        struct device_kind kind;
        char uuid[UUID_TEXT_MAX];
        int fd CLEANUP_FD = -1;
        int code = session_begin(&s, o);

        if (code != EXIT_OK)
                return code;
        if (device_describe(s.u.volume->device, &kind, &s.u.diag) != 0)
                code = EXIT_ENVIRONMENT;
        if (code == EXIT_OK)
                code = check_sector_size(&s, &kind);
        if (code == EXIT_OK)
                code = exit_of_volume(store_open(s.u.volume->device, STORE_NEW, &fd, &s.u.diag));
        if (code == EXIT_OK)
                code = check_signature(&s);
        if (code == EXIT_OK)
                code = make_volume(&s, fd, &kind, uuid);
        if (code != EXIT_OK)
                return session_fail(&s, code);
        return report_success(o, s.u.volume->name, &s.u.diag, "%s: formatted %s, UUID %s, under %s",
                              s.u.volume->name, s.u.volume->device, uuid,
                              s.u.volume->keys[0]->uri.text);
}
