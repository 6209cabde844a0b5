/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One line of the log, read by whoever goes on with the chain or checks it. The text is not
 * trusted: it is what somebody may have changed. */

#include "audit/line.h"

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/json.h"

int audit_hash(const void *data, size_t len, char ret[AUDIT_HASH_TEXT])
{
        uint8_t digest[AUDIT_HASH_TEXT / 2];
        unsigned int size = 0;

        if (!EVP_Digest(data, len, digest, &size, EVP_sha256(), NULL) || size != sizeof(digest))
                return -EIO;
        hex_encode(digest, sizeof(digest), ret);
        return 0;
}

bool audit_hash_valid(const char *text)
{
        return strlen(text) == AUDIT_HASH_TEXT - 1 &&
               strspn(text, "0123456789abcdef") == AUDIT_HASH_TEXT - 1;
}

static bool read_hash(const struct json_node *node, char ret[AUDIT_HASH_TEXT])
{
        return json_string(node, ret, AUDIT_HASH_TEXT) == 0 && audit_hash_valid(ret);
}

bool audit_line_read(const char *text, size_t len, struct audit_line *ret)
{
        struct json_doc *doc CLEANUP_JSON = NULL;
        struct audit_line line = {.seq = 0};
        const struct json_node *root;

        if (json_parse(text, len, &doc, NULL) != 0)
                return false;
        root = json_root(doc);
        if (json_uint64(json_get(root, "seq"), &line.seq) != 0 || line.seq == 0 ||
            !read_hash(json_get(root, "prev"), line.prev) || !json_get(root, "event"))
                return false;
        line.torn = json_string_is(json_get(root, "event"), "torn-line");
        if (line.torn && !read_hash(json_get(root, "after"), line.after))
                return false;
        *ret = line;
        return true;
}
