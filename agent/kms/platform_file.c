/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* platform:file: wraps under a key that lies in a file of the host's own, for volumes that no
 * customer's key guards (ephemeral flash, an embedded default). The privileged side opened the
 * file and vouches for its owner and mode; the wrapped form comes from the disk and is hostile.
 *
 * Wrapped form: version (1) | key id (8) | nonce (12) | ciphertext | tag (16). The key id lets a
 * wrong key file be told from a tampered header; it reveals nothing of the key. */

#include <openssl/evp.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/fdio.h"
#include "base/verdict.h"
#include "kms/aead.h"
#include "kms/kms.h"

enum {
        FORM_VERSION = 1,
        KEY_ID_SIZE = 8,
        ID_AT = 1,
        NONCE_AT = ID_AT + KEY_ID_SIZE,
        CIPHER_AT = NONCE_AT + AEAD_NONCE_SIZE,
        OVERHEAD = CIPHER_AT + AEAD_TAG_SIZE,
        AAD_MAX = 256,
};

#define KEY_ID_LABEL "luks-kms platform key"

struct platform_key {
        struct secret *key;
        uint8_t id[KEY_ID_SIZE];
        char id_text[2 * KEY_ID_SIZE + 1];
};

static void platform_key_done(struct platform_key *key)
{
        secret_free(key->key);
        key->key = NULL;
}

static int compute_id(struct platform_key *key)
{
        CLEANUP_SECRET struct secret *input = NULL;
        size_t label = strlen(KEY_ID_LABEL);
        uint8_t digest[EVP_MAX_MD_SIZE];
        int r;

        r = secret_new(label + AEAD_KEY_SIZE, &input);
        if (r < 0)
                return r;
        memcpy(secret_data(input), KEY_ID_LABEL, label);
        memcpy(secret_data(input) + label, secret_bytes(key->key), AEAD_KEY_SIZE);
        if (!EVP_Digest(secret_bytes(input), secret_size(input), digest, NULL, EVP_sha256(), NULL))
                return -EIO;
        memcpy(key->id, digest, sizeof(key->id));
        hex_encode(key->id, sizeof(key->id), key->id_text);
        return 0;
}

static int load_key(const struct kms_call *call, struct platform_key *key, struct diag *diag)
{
        int fd = call->request->fds[WIRE_FD_KEY];
        struct stat st;
        int r;

        if (fd < 0) {
                r = diag_refuse(diag, VERDICT_MISCONFIGURED, "key-file",
                                "platform:file has no key file");
                diag_advise(diag,
                            "name a key file of exactly %d random bytes in the key's "
                            "configuration; (umask 077; head -c %d /dev/urandom >FILE) makes one",
                            AEAD_KEY_SIZE, AEAD_KEY_SIZE);
                return r;
        }
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size != AEAD_KEY_SIZE) {
                r = diag_refuse(diag, VERDICT_MISCONFIGURED, "key-file",
                                "the platform key file is not a regular file of exactly %d bytes",
                                AEAD_KEY_SIZE);
                diag_advise(diag, "put the right key file back; a new one opens no volume that was "
                                  "wrapped under the old one");
                return r;
        }
        r = secret_new(AEAD_KEY_SIZE, &key->key);
        if (r < 0)
                return r;
        r = pread_full(fd, secret_data(key->key), AEAD_KEY_SIZE, 0);
        return r < 0 ? r : compute_id(key);
}

/* ---- what the ciphertext is bound to ---- */

static size_t put_text(uint8_t *aad, size_t at, const char *text)
{
        size_t len = strlen(text);

        put_le32(aad + at, (uint32_t)len);
        memcpy(aad + at + 4, text, len);
        return at + 4 + len;
}

/* Names and values, each with its length before it, in the order of the names: no two contexts
 * have the same bytes. */
static size_t encode_context(const struct kms_context *context, uint8_t aad[AAD_MAX])
{
        size_t at = 0;

        at = put_text(aad, at, CONTEXT_ROLE);
        at = put_text(aad, at, context->role);
        at = put_text(aad, at, CONTEXT_USE);
        at = put_text(aad, at, context->use);
        at = put_text(aad, at, CONTEXT_UUID);
        return put_text(aad, at, context->uuid);
}

_Static_assert(6 * 4 + sizeof(CONTEXT_ROLE CONTEXT_USE CONTEXT_UUID) + 2 * ROLE_TEXT_MAX +
                       UUID_TEXT_MAX <=
                   AAD_MAX,
               "a context must fit");

/* ---- the two operations ---- */

static int platform_wrap(const struct kms_call *call, const struct secret *plain,
                         struct wire_blob *ret, char *ret_version, size_t version_size,
                         struct diag *diag)
{
        CLEANUP(platform_key_done) struct platform_key key = {.key = NULL};
        uint8_t aad[AAD_MAX], *form = ret->data;
        size_t len = secret_size(plain);
        int r;

        if (len > WIRE_SECRET_MAX)
                return -EMSGSIZE;
        r = load_key(call, &key, diag);
        if (r != 0)
                return r;
        form[0] = FORM_VERSION;
        memcpy(form + ID_AT, key.id, KEY_ID_SIZE);
        if (getrandom(form + NONCE_AT, AEAD_NONCE_SIZE, 0) != AEAD_NONCE_SIZE)
                return -EIO;
        r = aead_seal(secret_bytes(key.key), form + NONCE_AT, aad,
                      encode_context(&call->request->context, aad), secret_bytes(plain), len,
                      form + CIPHER_AT, form + CIPHER_AT + len);
        if (r < 0)
                return r;
        ret->len = OVERHEAD + len;
        (void)snprintf(ret_version, version_size, "%s", key.id_text);
        return VERDICT_GRANTED;
}

/* What can be said of a wrapped form without decrypting it. */
static int check_form(const struct wire_blob *wrapped, const struct platform_key *key,
                      struct diag *diag)
{
        char id[2 * KEY_ID_SIZE + 1];
        int r;

        if (wrapped->len <= OVERHEAD || wrapped->len > OVERHEAD + WIRE_SECRET_MAX)
                return diag_refuse(diag, VERDICT_TAMPERED, "wrapped-form",
                                   "a wrapped secret of %zu bytes is none of platform:file",
                                   wrapped->len);
        if (wrapped->data[0] != FORM_VERSION) {
                r = diag_refuse(diag, VERDICT_MISCONFIGURED, "wrapped-form",
                                "the wrapped secret has the form %u of platform:file, this program "
                                "reads form %d",
                                wrapped->data[0], FORM_VERSION);
                diag_advise(diag,
                            "open the volume with the luks-kms that wrote it, or a newer one");
                return r;
        }
        if (memcmp(wrapped->data + ID_AT, key->id, KEY_ID_SIZE) == 0)
                return 0;
        hex_encode(wrapped->data + ID_AT, KEY_ID_SIZE, id);
        r = diag_refuse(diag, VERDICT_MISCONFIGURED, "platform-key",
                        "wrapped under another platform key, id %s; the key file has id %s", id,
                        key->id_text);
        diag_advise(diag,
                    "put the key file with id %s back, or open the volume on the host that "
                    "wrapped it",
                    id);
        return r;
}

static int platform_unwrap(const struct kms_call *call, const struct wire_blob *wrapped,
                           struct secret **ret, struct diag *diag)
{
        CLEANUP(platform_key_done) struct platform_key key = {.key = NULL};
        CLEANUP_SECRET struct secret *plain = NULL;
        uint8_t aad[AAD_MAX];
        size_t len;
        int r;

        r = load_key(call, &key, diag);
        if (r == 0)
                r = check_form(wrapped, &key, diag);
        if (r != 0)
                return r;
        len = wrapped->len - OVERHEAD;
        r = secret_new(len, &plain);
        if (r < 0)
                return r;
        r = aead_open(secret_bytes(key.key), wrapped->data + NONCE_AT, aad,
                      encode_context(&call->request->context, aad), wrapped->data + CIPHER_AT, len,
                      wrapped->data + CIPHER_AT + len, secret_data(plain));
        if (r < 0)
                return r;
        if (r == AEAD_E_TAG) {
                r = diag_refuse(diag, VERDICT_TAMPERED, "wrapped-secret",
                                "the wrapped secret does not verify for volume %s, role %s, use %s",
                                call->request->context.uuid, call->request->context.role,
                                call->request->context.use);
                diag_advise(diag, "it was changed, or moved here from another volume; restore the "
                                  "header from its backup");
                return r;
        }
        *ret = TAKE_PTR(plain);
        return VERDICT_GRANTED;
}

const struct kms_ops kms_platform_file = {
    .kind = KEYURI_PLATFORM_FILE,
    .name = "platform:file",
    .wrap = platform_wrap,
    .unwrap = platform_unwrap,
};
