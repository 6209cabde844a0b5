/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Strict JSON (RFC 8259) for untrusted text. Refuses what lenient parsers let through: duplicate
 * keys, anything but white space after the value, comments, control characters, lone surrogates,
 * invalid UTF-8, leading zeros, depth beyond JSON_DEPTH_MAX, more than JSON_NODES_MAX values.
 * The parser keeps no copy of the text: nodes point into it, and strings are decoded only when
 * asked for, into the caller's buffer, so that secret text stays where the caller put it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

enum { JSON_DEPTH_MAX = 16, JSON_NODES_MAX = 4096 };

enum json_type {
        JSON_NULL,
        JSON_FALSE,
        JSON_TRUE,
        JSON_NUMBER,
        JSON_STRING,
        JSON_ARRAY,
        JSON_OBJECT
};

struct json_node;
struct json_doc;

/* Parses exactly len bytes at text, which must outlive the document.
 * Returns 0, -ENOMEM, or JSON_E_SYNTAX with the byte offset and the reason in diag->message. */
enum { JSON_E_SYNTAX = 1 };
int json_parse(const char *text, size_t len, struct json_doc **ret, struct diag *diag);
void json_free(struct json_doc *doc);

const struct json_node *json_root(const struct json_doc *doc);
enum json_type json_type(const struct json_node *node);

/* Member of an object by its key (compared after decoding escapes); NULL if absent, if node is
 * NULL, or if it is no object: look-ups chain. */
const struct json_node *json_get(const struct json_node *object, const char *key);

/* Members of an object or elements of an array, in order. NULL after the last one. */
const struct json_node *json_first(const struct json_node *container);
const struct json_node *json_next(const struct json_node *node);
size_t json_count(const struct json_node *container);

/* The key of a member as decoded text; returns 0, -ENAMETOOLONG, or -EINVAL (no member). */
int json_key(const struct json_node *member, char *buf, size_t size);

/* Decoded, NUL-terminated string into buf[size]. Returns 0; -EINVAL if node is NULL or no string
 * or contains U+0000, -ENAMETOOLONG if it does not fit. */
int json_string(const struct json_node *node, char *buf, size_t size);

/* A string without escapes, as it stands in the text: its start and length, no copy (for base64
 * of secrets). Returns 0, or -EINVAL if it is no string or holds an escape. */
int json_raw_string(const struct json_node *node, const char **ret, size_t *ret_len);

/* true if node is a string equal to text. */
bool json_string_is(const struct json_node *node, const char *text);

/* A number that is a plain non-negative integer (no sign, fraction or exponent).
 * Returns 0, -EINVAL or -ERANGE. */
int json_uint64(const struct json_node *node, uint64_t *ret);

/* A string that is a decimal uint64 without leading zeros, as LUKS2 writes offsets. */
int json_string_uint64(const struct json_node *node, uint64_t *ret);

DEFINE_CLEANUP(struct json_doc *, json_free)
#define CLEANUP_JSON CLEANUP(json_freep)

/* Writer into a buffer of the caller's (which may be a secret's): commas, quoting and escapes are
 * its business. After an overflow or a misuse all calls do nothing and json_end() says so. */
struct jsonw {
        char *buf;
        size_t size, len;
        int error;
        bool comma;
        unsigned int depth; /* open containers, at most JSON_DEPTH_MAX */
        uint32_t objects;   /* bit N: container N is an object */
};

void jsonw_init(struct jsonw *w, char *buf, size_t size);
void jsonw_object(struct jsonw *w, const char *key); /* key NULL outside an object */
void jsonw_object_end(struct jsonw *w);
void jsonw_array(struct jsonw *w, const char *key);
void jsonw_array_end(struct jsonw *w);
void jsonw_string(struct jsonw *w, const char *key, const char *value); /* invalid UTF-8: '?' */
void jsonw_uint64(struct jsonw *w, const char *key, uint64_t value);
void jsonw_bool(struct jsonw *w, const char *key, bool value);
/* Standard base64 of data as a string, encoded straight into the buffer. */
void jsonw_base64(struct jsonw *w, const char *key, const void *data, size_t len);
/* Terminates the text. Returns 0 and its length (without NUL); -ENOBUFS; -EINVAL on a misuse (key
 * where none belongs or the other way round, containers not closed, not exactly one value). */
int jsonw_end(struct jsonw *w, size_t *ret_len);
