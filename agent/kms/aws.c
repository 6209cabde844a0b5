/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* aws-kms:// keys: Encrypt and Decrypt of AWS KMS, bound to the volume by the encryption context.
 * The key is always named by its ARN, and the service must name the same one back. Secrets pass
 * only through struct secret, base64 included. */

#include "base/bytes.h"
#include "base/verdict.h"
#include "kms/aws_answer.h"
#include "kms/aws_call.h"

enum { PLAIN_MAX = 4096, BLOB_MAX = 6144, BODY_MAX = 16384 };

static void put_context(struct jsonw *w, const struct kms_context *context)
{
        jsonw_object(w, "EncryptionContext");
        jsonw_string(w, CONTEXT_UUID, context->uuid);
        jsonw_string(w, CONTEXT_ROLE, context->role);
        jsonw_string(w, CONTEXT_USE, context->use);
        jsonw_object_end(w);
}

/* {"KeyId": ARN, FIELD: base64 of data, "EncryptionContext": ...} */
static int build_body(const struct kms_call *call, const char *field, const void *data, size_t len,
                      struct secret **ret)
{
        struct secret *body CLEANUP_SECRET = NULL;
        struct jsonw w;
        size_t used;
        int r;

        r = secret_new(BODY_MAX, &body);
        if (r < 0)
                return r;
        jsonw_init(&w, (char *)secret_data(body), BODY_MAX);
        jsonw_object(&w, NULL);
        jsonw_string(&w, "KeyId", call->key.arn);
        jsonw_base64(&w, field, data, len);
        put_context(&w, &call->request->context);
        jsonw_object_end(&w);
        r = jsonw_end(&w, &used);
        if (r < 0)
                return r;
        secret_truncate(body, used);
        *ret = TAKE_PTR(body);
        return 0;
}

/* The key that the service says it used must be the one asked for. At enrolment another one is a
 * matter of endpoint or URI; at unlock it means that whoever answers does not honour the KeyId
 * that KMS itself would have checked, so that nothing it says of this secret holds. */
static int check_key(const struct aws_reply *reply, const struct kms_call *call, int verdict,
                     struct diag *diag)
{
        const struct json_node *id = json_get(json_root(reply->json), "KeyId");
        char used[KEYURI_MAX], uri[KEYURI_MAX + 16];
        struct keyuri other;

        if (json_string(id, used, sizeof(used)) < 0)
                return aws_answer_garbage(call, "no KeyId", diag);
        if (strcmp(used, call->key.arn) == 0)
                return 0;
        /* shown only if it has the form of a name: whoever answers may write anything there */
        (void)snprintf(uri, sizeof(uri), "aws-kms://%s", used);
        (void)diag_refuse(diag, verdict, "key-id", "asked for the KMS key %s, the service used %s",
                          call->key.arn,
                          keyuri_parse(uri, &other, NULL) == 0 ? other.arn : "another one");
        diag_advise(diag,
                    "check URI= and Endpoint= of the key: aws kms describe-key --region %s "
                    "--key-id %s",
                    call->key.region, call->key.arn);
        return verdict;
}

static int aws_wrap(const struct kms_call *call, const struct secret *plain, struct wire_blob *ret,
                    char *ret_version, size_t version_size, struct diag *diag)
{
        struct secret *body CLEANUP_SECRET = NULL;
        struct aws_reply reply CLEANUP_AWS_REPLY = {.json = NULL};
        struct wire_blob blob;
        const char *text;
        size_t len;
        int r;

        if (secret_size(plain) > PLAIN_MAX || version_size == 0)
                return -EINVAL;
        r = build_body(call, "Plaintext", secret_bytes(plain), secret_size(plain), &body);
        if (r == 0)
                r = aws_call(call, "Encrypt", body, &reply, diag);
        if (r == 0)
                r = check_key(&reply, call, VERDICT_MISCONFIGURED, diag);
        if (r != 0)
                return r;
        if (json_raw_string(json_get(json_root(reply.json), "CiphertextBlob"), &text, &len) < 0 ||
            base64_decode(text, len, blob.data, BLOB_MAX, &blob.len) < 0 || blob.len == 0)
                return aws_answer_garbage(call, "no CiphertextBlob of at most 6144 bytes", diag);
        *ret = blob;
        ret_version[0] = '\0';
        return 0;
}

static int decode_plain(const struct kms_call *call, const struct aws_reply *reply,
                        struct secret **ret, struct diag *diag)
{
        struct secret *plain CLEANUP_SECRET = NULL;
        const char *text;
        size_t len;
        int r;

        r = secret_new(PLAIN_MAX, &plain);
        if (r < 0)
                return r;
        if (json_raw_string(json_get(json_root(reply->json), "Plaintext"), &text, &len) < 0 ||
            base64_decode(text, len, secret_data(plain), PLAIN_MAX, &len) < 0 || len == 0)
                return aws_answer_garbage(call, "no Plaintext of at most 4096 bytes", diag);
        secret_truncate(plain, len);
        *ret = TAKE_PTR(plain);
        return 0;
}

static int aws_unwrap(const struct kms_call *call, const struct wire_blob *wrapped,
                      struct secret **ret, struct diag *diag)
{
        struct secret *body CLEANUP_SECRET = NULL;
        struct aws_reply reply CLEANUP_AWS_REPLY = {.json = NULL};
        int r;

        if (wrapped->len == 0 || wrapped->len > BLOB_MAX)
                return diag_refuse(diag, VERDICT_TAMPERED, "wrapped",
                                   "the secret wrapped under %s has %zu bytes; AWS KMS makes 1 to "
                                   "%d",
                                   call->key.arn, wrapped->len, BLOB_MAX);
        r = build_body(call, "CiphertextBlob", wrapped->data, wrapped->len, &body);
        if (r == 0)
                r = aws_call(call, "Decrypt", body, &reply, diag);
        if (r == 0)
                r = check_key(&reply, call, VERDICT_TAMPERED, diag);
        return r != 0 ? r : decode_plain(call, &reply, ret, diag);
}

const struct kms_ops kms_aws = {
    .kind = KEYURI_AWS,
    .name = "aws-kms",
    .wrap = aws_wrap,
    .unwrap = aws_unwrap,
};
