# SPDX-License-Identifier: LGPL-2.1-or-later
"""The operations, as KMS answers them to a known identity: JSON members in, JSON members out, or ApiError."""
import base64
import re
import time
from hashlib import sha256

from . import blob
from .errors import ApiError, bad_state, not_authorized
from .params import ALGORITHM, parse

INCORRECT_KEY = "The key ID in the request does not identify a CMK that can perform this operation."
NO_SUCH_BLOB_KEY = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
    "or you are not allowed to access."
)
DAY = 86400


class Caller:
    """One request's identity, region and the key state that a fault pretends (None: the true one)."""

    def __init__(self, store, identity, region, pretended):
        self.store, self.identity, self.region, self.pretended = store, identity, region, pretended

    def find(self, name):
        """The key that a key id, key ARN, alias or alias ARN names for this caller in this region."""
        account, rest = self.identity.account, name
        if name.startswith("arn:"):
            match = re.fullmatch(r"arn:aws:kms:([a-z0-9-]+):(\d{12}):(key/[^/]+|alias/.+)", name)
            if not match:
                raise ApiError("InvalidArnException", f"Invalid arn {name}")
            if match[1] != self.region:
                raise ApiError("NotFoundException", f"Invalid arn {match[1]}")
            account, rest = match[2], match[3]
        if rest.startswith("alias/"):
            rest = self.store.aliases.get((rest, self.region, account))
            if rest is None:
                arn = name if name.startswith("arn:") else f"arn:aws:kms:{self.region}:{account}:{name}"
                raise ApiError("NotFoundException", f"Alias {arn} is not found.")
        key = self.store.keys.get(rest.removeprefix("key/"))
        if key is None or (key.region, key.account) != (self.region, account):
            arn = name if name.startswith("arn:") else f"arn:aws:kms:{self.region}:{account}:key/{name}"
            raise ApiError("NotFoundException", f"Key '{arn}' does not exist")
        return key

    def allowed(self, key, action):
        """Refuses what the key's or the caller's policy withholds."""
        if key.account != self.identity.account or action in self.identity.withheld:
            raise not_authorized(self.identity, action, key.arn)

    def state(self, key):
        """The key's state as this request sees it."""
        return self.pretended or key.state

    def usable(self, key, action):
        """Refuses a key that may not be used, or cannot."""
        self.allowed(key, action)
        if self.state(key) != "Enabled":
            raise bad_state(key.arn, self.state(key))
        return key

    def unseal(self, members, prefix, action):
        """The key and plaintext of a blob."""
        data = members["CiphertextBlob"]
        asked = members.get(prefix + "KeyId")
        wanted = self.find(asked) if asked else None
        try:
            key = self.store.keys.get(blob.key_id_of(data))
            if key is None or key.region != self.region or (not wanted and key.account != self.identity.account):
                raise ApiError("AccessDeniedException", NO_SUCH_BLOB_KEY)
            if wanted and wanted is not key:
                raise ApiError("IncorrectKeyException", INCORRECT_KEY)
            self.usable(key, action)
            return key, blob.open_blob(key.backing, data, members.get(prefix + "EncryptionContext") or {})
        except blob.BadBlob:
            raise ApiError("InvalidCiphertextException") from None


def _text(data):
    return base64.b64encode(data).decode()


def _material(key):
    """An id of the key's material, which newer answers carry."""
    return sha256(b"material id " + key.key_id.encode()).hexdigest()


def encrypt(caller, members):
    """Encrypt"""
    key = caller.usable(caller.find(members["KeyId"]), "Encrypt")
    sealed = blob.seal(key.key_id, key.backing, members["Plaintext"], members.get("EncryptionContext") or {})
    return {"CiphertextBlob": _text(sealed), "EncryptionAlgorithm": ALGORITHM, "KeyId": key.arn}


def decrypt(caller, members):
    """Decrypt"""
    key, plaintext = caller.unseal(members, "", "Decrypt")
    answer = {"EncryptionAlgorithm": ALGORITHM, "KeyId": key.arn, "KeyMaterialId": _material(key)}
    return {**answer, "Plaintext": _text(plaintext)}


def re_encrypt(caller, members):
    """ReEncrypt"""
    target = caller.usable(caller.find(members["DestinationKeyId"]), "ReEncrypt")
    source, plaintext = caller.unseal(members, "Source", "ReEncrypt")
    context = members.get("DestinationEncryptionContext") or {}
    return {
        "CiphertextBlob": _text(blob.seal(target.key_id, target.backing, plaintext, context)),
        "DestinationEncryptionAlgorithm": ALGORITHM,
        "KeyId": target.arn,
        "SourceEncryptionAlgorithm": ALGORITHM,
        "SourceKeyId": source.arn,
    }


def describe_key(caller, members):
    """DescribeKey"""
    key = caller.find(members["KeyId"])
    caller.allowed(key, "DescribeKey")
    state = caller.state(key)
    metadata = {
        "AWSAccountId": key.account,
        "Arn": key.arn,
        "CreationDate": key.created,
        "CurrentKeyMaterialId": _material(key),
        "CustomerMasterKeySpec": ALGORITHM,
        "Description": "",
        "Enabled": state == "Enabled",
        "EncryptionAlgorithms": [ALGORITHM],
        "KeyId": key.key_id,
        "KeyManager": "CUSTOMER",
        "KeySpec": ALGORITHM,
        "KeyState": state,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "MultiRegion": False,
        "Origin": "EXTERNAL" if state == "PendingImport" else "AWS_KMS",
    }
    if state == "PendingDeletion":
        metadata["DeletionDate"] = key.deletion or int(time.time()) + 30 * DAY
    return {"KeyMetadata": metadata}


def _managed(caller, members, action, states):
    """The key to be changed by an operation that is open to `states` only."""
    if "alias/" in members["KeyId"]:
        raise ApiError("InvalidArnException", f"{action} takes a key id or key ARN, no alias")
    key = caller.find(members["KeyId"])
    caller.allowed(key, action)
    if key.state not in states:
        words = "is pending deletion." if key.state == "PendingDeletion" else "is not pending deletion."
        raise ApiError("KMSInvalidStateException", f"{key.arn} {words}")
    return key


def disable_key(caller, members):
    """DisableKey"""
    caller.store.change(_managed(caller, members, "DisableKey", ("Enabled", "Disabled")), "Disabled")


def enable_key(caller, members):
    """EnableKey"""
    caller.store.change(_managed(caller, members, "EnableKey", ("Enabled", "Disabled")), "Enabled")


def schedule_key_deletion(caller, members):
    """ScheduleKeyDeletion"""
    key = _managed(caller, members, "ScheduleKeyDeletion", ("Enabled", "Disabled"))
    days = members.get("PendingWindowInDays", 30)
    caller.store.change(key, "PendingDeletion", int(time.time()) + days * DAY)
    answer = {"DeletionDate": key.deletion, "KeyId": key.arn}
    return {**answer, "KeyState": "PendingDeletion", "PendingWindowInDays": days}


def cancel_key_deletion(caller, members):
    """CancelKeyDeletion: the key comes back disabled."""
    key = _managed(caller, members, "CancelKeyDeletion", ("PendingDeletion",))
    caller.store.change(key, "Disabled")
    return {"KeyId": key.arn}


HANDLERS = {
    "Encrypt": encrypt,
    "Decrypt": decrypt,
    "ReEncrypt": re_encrypt,
    "DescribeKey": describe_key,
    "DisableKey": disable_key,
    "EnableKey": enable_key,
    "ScheduleKeyDeletion": schedule_key_deletion,
    "CancelKeyDeletion": cancel_key_deletion,
}


def call(caller, operation, body):
    """Answers an operation: its JSON members, or None for an empty body."""
    if operation not in HANDLERS:
        raise ApiError("UnknownOperationException")
    return HANDLERS[operation](caller, parse(operation, body))
