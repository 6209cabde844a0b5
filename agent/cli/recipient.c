/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* recipient: who can open a volume, and changing that. Each change goes add -> prove by unlocking
 * -> drop, each step stored whole, so that at any moment somebody can open the volume. */

#include "cli/session.h"
#include "volume/activate.h"
#include "volume/enrol.h"
#include "volume/store.h"

/* A [Key] by name; for a new recipient it must be among the volume's, or open could not use it. */
static int find_key(struct session *s, const char *name, bool of_volume,
                    const struct key_config **ret)
{
        const struct key_config *key = config_key(s->config, name), *ignored;

        if (!key) {
                (void)diag_refuse(&s->u.diag, 0, "no-such-key",
                                  "the config has no section [Key %s]", name);
                return EXIT_CONFIG;
        }
        if (of_volume && config_allow_key(s->u.volume, &key->uri, &ignored, NULL) != 0) {
                (void)diag_refuse(&s->u.diag, 0, "key-not-allowed",
                                  "%s is not in Key= of [Volume %s]", name, s->u.volume->name);
                diag_advise(&s->u.diag, "add %s to Key= of [Volume %s] first", name,
                            s->u.volume->name);
                return EXIT_CONFIG;
        }
        *ret = key;
        return EXIT_OK;
}

static int read_header(struct session *s, struct header **ret)
{
        return exit_of_volume(header_read(s->u.volume->device, ret, &s->u.diag));
}

/* The recipient opens the volume as the header that was read says. */
static int prove(struct session *s, const struct header *h, const struct token *token)
{
        struct secret *passphrase CLEANUP_SECRET = NULL;
        int code = unlock_token(&s->u, h, token, &passphrase);

        if (code == EXIT_OK)
                code = exit_of_volume(
                    volume_check_passphrase(h, token->keyslot, passphrase, &s->u.diag));
        return code;
}

/* Stores a new recipient next to the ones there are. The new MAC vouches for the header that was
 * authenticated: a copy of it is changed, not what the disk says by then. */
static int enrol(struct session *s, int fd, const struct header *before,
                 const struct key_config *key)
{
        struct header *after CLEANUP_HEADER = NULL;
        struct secret *passphrase CLEANUP_SECRET = NULL, *secret CLEANUP_SECRET = NULL;
        const struct token *opener;
        struct token token;
        struct enrolment e = {.token = &token};
        int code = unlock_header(&s->u, before, &opener, &passphrase);

        if (code == EXIT_OK)
                code = unlock_make_recipient(&s->u, key, before->binding.uuid, 1, &token, &secret);
        if (code == EXIT_OK)
                code = exit_of_volume(header_clone(before, &after, &s->u.diag));
        if (code != EXIT_OK)
                return code;
        e.secret = secret;
        code = exit_of_volume(enrol_add(after, opener->keyslot, passphrase, &e, &s->u.diag));
        return code == EXIT_OK ? exit_of_volume(store_update(fd, before, after, &s->u.diag)) : code;
}

/* Adds a recipient unless it is there already, proves it from what the disk says then, and sees to
 * it that the disk says so twice, whoever began the change: *ret is that header. */
static int add(struct session *s, int fd, const struct key_config *key, struct header **ret)
{
        struct header *before CLEANUP_HEADER = NULL, *stored CLEANUP_HEADER = NULL;
        int code = read_header(s, &before), id;

        if (code == EXIT_OK && unlock_find_token(before, key) < 0)
                code = enrol(s, fd, before, key);
        if (code == EXIT_OK)
                code = read_header(s, &stored);
        if (code != EXIT_OK)
                return code;
        id = unlock_find_token(stored, key);
        code = id < 0 ? EXIT_REFUSED : prove(s, stored, stored->tokens[id]);
        if (code == EXIT_OK)
                code = exit_of_volume(store_complete(fd, stored, &s->u.diag));
        if (code == EXIT_OK)
                *ret = TAKE_PTR(stored);
        return code;
}

/* Proves that somebody else than key opens the volume. */
static int prove_another(struct session *s, const struct header *h, const struct key_config *key)
{
        int worst = -1;

        for (size_t i = 0; i < HEADER_TOKENS_MAX; i++)
                if (h->tokens[i] && strcmp(h->tokens[i]->key.text, key->uri.text) != 0) {
                        int code = prove(s, h, h->tokens[i]);

                        if (code == EXIT_OK)
                                return EXIT_OK;
                        worst = worst < 0 ? code : unlock_worse(worst, code);
                }
        if (worst >= 0)
                return worst;
        (void)diag_refuse(&s->u.diag, 0, "last-recipient",
                          "%s is the only recipient: without it nobody could open the volume",
                          key->name);
        diag_advise(&s->u.diag, "add another one first: luks-kms recipient add %s KEY",
                    s->u.volume->name);
        return EXIT_STATE;
}

/* Drops a recipient, if it is still there, from the header in which another one was proven. */
static int drop(struct session *s, int fd, struct header *before, const struct key_config *key)
{
        struct header *after CLEANUP_HEADER = NULL;
        const int id = unlock_find_token(before, key);
        int code;

        if (id < 0)
                return exit_of_volume(store_complete(fd, before, &s->u.diag));
        code = exit_of_volume(header_clone(before, &after, &s->u.diag));
        if (code == EXIT_OK)
                code = exit_of_volume(enrol_remove(after, id, &s->u.diag));
        return code == EXIT_OK ? exit_of_volume(store_update(fd, before, after, &s->u.diag)) : code;
}

static int finish(struct session *s, int code, const char *what, const char *key)
{
        if (code != EXIT_OK)
                return session_fail(s, code);
        return report_success(s->options, s->u.volume->name, &s->u.diag, "%s: %s is %s",
                              s->u.volume->name, key, what);
}

static int open_for_change(struct session *s, int *ret_fd)
{
        return exit_of_volume(store_open(s->u.volume->device, STORE_UPDATE, ret_fd, &s->u.diag));
}

int verb_recipient_add(const struct options *o)
{
        struct session s CLEANUP_SESSION;
        struct header *stored CLEANUP_HEADER = NULL;
        const struct key_config *key;
        int fd CLEANUP_FD = -1;
        int code = session_begin(&s, o);

        if (code != EXIT_OK)
                return code;
        code = find_key(&s, o->args[1], true, &key);
        if (code == EXIT_OK)
                code = open_for_change(&s, &fd);
        if (code == EXIT_OK)
                code = add(&s, fd, key, &stored);
        return finish(&s, code, "a recipient, and opens it", o->args[1]);
}

int verb_recipient_remove(const struct options *o)
{
        struct session s CLEANUP_SESSION;
        struct header *before CLEANUP_HEADER = NULL;
        const struct key_config *key;
        int fd CLEANUP_FD = -1;
        int code = session_begin(&s, o);

        if (code != EXIT_OK)
                return code;
        code = find_key(&s, o->args[1], false, &key);
        if (code == EXIT_OK)
                code = open_for_change(&s, &fd);
        if (code == EXIT_OK)
                code = read_header(&s, &before);
        if (code == EXIT_OK)
                code = prove_another(&s, before, key);
        if (code == EXIT_OK)
                code = drop(&s, fd, before, key);
        return finish(&s, code,
                      before && unlock_find_token(before, key) < 0
                          ? "no recipient, and was none"
                          : "no recipient any more; another one opens it",
                      o->args[1]);
}

static int find_two_keys(struct session *s, const struct key_config **ret_from,
                         const struct key_config **ret_to)
{
        char **args = s->options->args;
        int code = find_key(s, args[1], false, ret_from);

        if (code == EXIT_OK)
                code = find_key(s, args[2], true, ret_to);
        if (code != EXIT_OK || strcmp((*ret_from)->uri.text, (*ret_to)->uri.text) != 0)
                return code;
        (void)diag_refuse(&s->u.diag, 0, "same-key", "%s and %s are one key: %s", args[1], args[2],
                          (*ret_to)->uri.text);
        diag_advise(&s->u.diag, "see who opens the volume now: luks-kms recipient verify %s",
                    s->u.volume->name);
        return EXIT_CONFIG;
}

int verb_recipient_replace(const struct options *o)
{
        struct session s CLEANUP_SESSION;
        struct header *stored CLEANUP_HEADER = NULL;
        const struct key_config *from, *to;
        int fd CLEANUP_FD = -1;
        int code = session_begin(&s, o);

        if (code != EXIT_OK)
                return code;
        code = find_two_keys(&s, &from, &to);
        if (code == EXIT_OK)
                code = open_for_change(&s, &fd);
        if (code == EXIT_OK)
                code = add(&s, fd, to, &stored);
        if (code == EXIT_OK)
                code = drop(&s, fd, stored, from);
        return finish(&s, code,
                      stored && unlock_find_token(stored, from) < 0
                          ? "a recipient, and opens it; the old one was none (any more)"
                          : "the recipient now, and opens it; the old one is removed",
                      o->args[2]);
}

int verb_recipient_verify(const struct options *o)
{
        struct session s CLEANUP_SESSION;
        struct header *h CLEANUP_HEADER = NULL;
        int code = session_begin(&s, o), worst = EXIT_OK, n = 0, good = 0;

        if (code != EXIT_OK)
                return code;
        code = read_header(&s, &h);
        if (code != EXIT_OK)
                return session_fail(&s, code);
        for (size_t i = 0; i < HEADER_TOKENS_MAX; i++) {
                if (!h->tokens[i])
                        continue;
                n++;
                code = prove(&s, h, h->tokens[i]);
                if (!o->json)
                        (void)printf("%s: keyslot %d, %s: %s\n", s.u.volume->name,
                                     h->tokens[i]->keyslot, h->tokens[i]->key.text,
                                     code == EXIT_OK ? "opens it" : "does not open it now");
                good += code == EXIT_OK;
                if (code != EXIT_OK)
                        worst = unlock_worse(worst, session_fail(&s, code));
        }
        if (n == 0) {
                (void)diag_refuse(&s.u.diag, 0, "no-recipient",
                                  "the header of %s has no luks-kms token", h->device);
                return session_fail(&s, EXIT_REFUSED);
        }
        if (worst != EXIT_OK) {
                if (!o->json)
                        (void)printf("%s: %d of %d recipients open it\n", s.u.volume->name, good,
                                     n);
                return worst;
        }
        return report_success(o, s.u.volume->name, &s.u.diag, "%s: %d of %d recipients open it",
                              s.u.volume->name, n, n);
}
