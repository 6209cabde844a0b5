# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ciphertext blobs: magic, key id, nonce, filler, AES-256-GCM text and tag. All before the text is authenticated.

The filler makes a blob as long as the real service's (plaintext + 152 bytes), so that no client lives on short ones.
"""
import json
import os
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"\x01SIM"
NONCE = 12
FILLER = 104
HEAD = len(MAGIC) + 16 + NONCE + FILLER
TAG = 16


class BadBlob(Exception):
    """Not a blob, or one that does not verify under this key and context."""


def _associated(head, context):
    return head + json.dumps(sorted(context.items()), separators=(",", ":")).encode()


def seal(key_id, backing_key, plaintext, context):
    """Encrypts under the key and binds key id and encryption context."""
    nonce = os.urandom(NONCE)
    head = MAGIC + uuid.UUID(key_id).bytes + nonce + os.urandom(FILLER)
    return head + AESGCM(backing_key).encrypt(nonce, plaintext, _associated(head, context))


def key_id_of(blob):
    """The key id that a blob names; nothing about it is verified yet."""
    if len(blob) <= HEAD + TAG or not blob.startswith(MAGIC):
        raise BadBlob
    return str(uuid.UUID(bytes=blob[len(MAGIC) : len(MAGIC) + 16]))


def open_blob(backing_key, blob, context):
    """The plaintext, or BadBlob when any bit of blob, context or key is another."""
    head = blob[:HEAD]
    nonce = head[len(MAGIC) + 16 :][:NONCE]
    try:
        return AESGCM(backing_key).decrypt(nonce, blob[HEAD:], _associated(head, context))
    except InvalidTag:
        raise BadBlob from None
