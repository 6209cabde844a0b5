# SPDX-License-Identifier: LGPL-2.1-or-later
"""What each operation takes: the JSON of a request, checked for form.

Stricter than AWS in two points, to catch a client's slips: unknown members and duplicate keys are refused.
"""
import base64
import binascii
import json

from .errors import ApiError

ALGORITHM = "SYMMETRIC_DEFAULT"
MEMBERS = {
    "Encrypt": ("KeyId!", "Plaintext!", "EncryptionContext", "EncryptionAlgorithm", "GrantTokens"),
    "Decrypt": ("CiphertextBlob!", "KeyId", "EncryptionContext", "EncryptionAlgorithm", "GrantTokens"),
    "ReEncrypt": (
        "CiphertextBlob!", "SourceKeyId", "SourceEncryptionContext", "SourceEncryptionAlgorithm",
        "DestinationKeyId!", "DestinationEncryptionContext", "DestinationEncryptionAlgorithm", "GrantTokens",
    ),
    "DescribeKey": ("KeyId!", "GrantTokens"),
    "DisableKey": ("KeyId!",),
    "EnableKey": ("KeyId!",),
    "ScheduleKeyDeletion": ("KeyId!", "PendingWindowInDays"),
    "CancelKeyDeletion": ("KeyId!",),
}
BYTES_MAX = {"Plaintext": 4096, "CiphertextBlob": 6144}


def _invalid(member, words):
    place = member[0].lower() + member[1:]
    return ApiError(
        "ValidationException",
        f"1 validation error detected: Value at '{place}' failed to satisfy constraint: Member must {words}",
    )


def _unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate keys")
    return members


def parse(operation, body):
    """The members of a request, checked for form; byte members are decoded."""
    try:
        members = json.loads(body.decode("utf-8"), object_pairs_hook=_unique)
    except ValueError as error:
        raise ApiError("SerializationException", str(error)) from None
    known = {name.rstrip("!") for name in MEMBERS[operation]}
    if not isinstance(members, dict) or set(members) - known:
        raise ApiError("SerializationException", "unknown members, or not an object")
    for name in MEMBERS[operation]:
        if name.endswith("!") and members.get(name[:-1]) is None:
            raise _invalid(name[:-1], "not be null")
    return {name: _checked(name, value) for name, value in members.items() if value is not None}


def _checked(name, value):
    if name in BYTES_MAX:
        return _bytes(name, value)
    if name.endswith("Context"):
        if not isinstance(value, dict) or not all(isinstance(word, str) and word for word in value.values()):
            raise ApiError("SerializationException", f"{name} maps words to words")
        return value
    if name.endswith("Algorithm") and value != ALGORITHM:
        raise ApiError("InvalidKeyUsageException", f"{value} is not an algorithm of this key")
    if name == "GrantTokens" and value != []:
        raise ApiError("InvalidGrantTokenException", "There are no grants here")
    if name == "PendingWindowInDays" and (not isinstance(value, int) or not 7 <= value <= 30):
        raise _invalid(name, "be between 7 and 30")
    if name.endswith("KeyId"):
        if not isinstance(value, str):
            raise ApiError("SerializationException", f"{name} is a string")
        if not 1 <= len(value) <= 2048:
            raise _invalid(name, "have length less than or equal to 2048")
    return value


def _bytes(name, value):
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ApiError("SerializationException", f"{name} is not base64") from None
    if not data:
        raise _invalid(name, "have length greater than or equal to 1")
    if len(data) > BYTES_MAX[name]:
        raise _invalid(name, f"have length less than or equal to {BYTES_MAX[name]}")
    return data
