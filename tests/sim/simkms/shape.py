# SPDX-License-Identifier: LGPL-2.1-or-later
"""Faults put on answers: what each name of faults.TABLE does to what would have gone out. No I/O, no state."""
import base64
import json
from dataclasses import replace

from .errors import ApiError, bad_state, not_authorized
from .ops import INCORRECT_KEY
from .sigv4 import MISMATCH
from .store import KEYS, Key
from .wire import Reply

MEGABYTE = 1 << 20
STATES = {
    "disabled": "Disabled",
    "pending-deletion": "PendingDeletion",
    "pending-import": "PendingImport",
    "unavailable-key": "Unavailable",
}
XKS_WORDS = (
    "The external key store proxy rejected the request because it could not reach the external key manager."
)
PLAIN_ERRORS = {
    "dependency-timeout": ("DependencyTimeoutException", "The request was timed out on a dependency."),
    "throttle": ("ThrottlingException", "Rate exceeded"),
    "internal": ("KMSInternalException", "An internal error occurred."),
    "expired-token": ("ExpiredTokenException", "The security token included in the request is expired"),
    "unrecognized-client": ("UnrecognizedClientException", "The security token included in the request is invalid."),
    "invalid-signature": ("InvalidSignatureException", MISMATCH),
    "incorrect-key": ("IncorrectKeyException", INCORRECT_KEY),
    "invalid-ciphertext": ("InvalidCiphertextException", None),
}
PROXY_PAGE = b"<!DOCTYPE html>\n<html><head><title>Web gateway</title></head><body>Please log in.</body></html>\n"
BALANCER_PAGE = b"<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head></html>\r\n"


def json_reply(status, members):
    """An answer of KMS; None makes an empty body, as operations without a result have."""
    return Reply(status, b"" if members is None else json.dumps(members, separators=(",", ":")).encode())


def error_reply(error):
    """An ApiError on the wire."""
    return json_reply(error.status, error.body())


def pretended_state(fault):
    """The key state that a fault pretends."""
    state = STATES[fault.name]
    return fault.args[0].capitalize() if fault.args else state


def kms_error(fault, identity, operation, arn):
    """The reply of a fault of stage "error", and its type."""
    name = fault.name
    if name in PLAIN_ERRORS:
        error = ApiError(*PLAIN_ERRORS[name])
    elif name == "denied":
        error = not_authorized(identity, operation, arn)
    elif name == "not-found":
        error = ApiError("NotFoundException", f"Key '{arn}' does not exist")
    elif name == "key-unavailable":
        error = ApiError("KeyUnavailableException", f"{arn} is not available. Try again.")
    elif name == "custom-key-store":
        error = ApiError((fault.args or ("KMSInvalidStateException",))[0], XKS_WORDS)
    elif name == "error":
        error = ApiError(fault.args[0], "Asked for by a test.", fault.number(1, 400))
        return json_reply(error.status, {"__type": error.kind, "message": error.message}), error.kind
    else:  # error-header
        reply = json_reply(fault.number(1, 400), {})
        return replace(reply, headers=[("x-amzn-ErrorType", fault.args[0])]), fault.args[0]
    return error_reply(error), error.kind


def skew_denied(arn):
    """The denial of a server whose clock is off."""
    error = bad_state(arn, "Disabled")
    return error_reply(error), error.kind


def instead(fault, elsewhere):
    """The reply of a fault of stage "instead"."""
    if fault.name == "503":
        return Reply(503, BALANCER_PAGE, "text/html")
    if fault.name == "retry-after":
        headers = [("Retry-After", fault.args[0])]
        return Reply(fault.number(1, 503), b"Slow down, please.\n", "text/plain", headers)
    if fault.name == "redirect":
        return Reply(302, b"", "text/html", [("Location", elsewhere)])
    if fault.name == "wrong-type":
        return Reply(200, PROXY_PAGE, "text/html; charset=utf-8")
    return Reply(200, b"", delivery="silence" if fault.name == "stall-headers" else "drop")


def _other_arn(arn):
    """The ARN of a key of the same account and region that is not this one."""
    for row in KEYS + ((KEYS[0][0], KEYS[3][1], KEYS[3][2]),):
        other = Key(*row, b"", 0).arn
        if other != arn and other.rpartition("/")[0] == arn.rpartition("/")[0]:
            return other
    return arn.replace("key/", "key/f")


def _spoil_members(fault, members):
    """Another Decrypt answer than the true one."""
    plaintext = bytearray(base64.b64decode(members["Plaintext"]))
    if fault.name == "wrong-key-id":
        return {**members, "KeyId": _other_arn(members["KeyId"])}
    if fault.name == "wrong-plaintext":
        plaintext[len(plaintext) // 2] ^= 0x10
    else:
        del plaintext[fault.number(0, len(plaintext) - 1) :]
    return {**members, "Plaintext": base64.b64encode(plaintext).decode()}


def _twice(members):
    """JSON text with one member twice; the first of the two is the false one."""
    if "Plaintext" in members:
        false = {"Plaintext": base64.b64encode(bytes(len(base64.b64decode(members["Plaintext"])))).decode()}
    else:
        false = {next(iter(members)): "false"}
    return (json.dumps(false)[:-1] + "," + json.dumps(members)[1:]).encode()


def spoil(fault, reply, operation):
    """The reply of a fault of stage "answer"."""
    name = fault.name
    if name == "stall":
        return replace(reply, delivery="half-stall")
    if name == "cut":
        return replace(reply, delivery="half-cut")
    if name == "huge-body":
        start = b'{"EncryptionAlgorithm":"SYMMETRIC_DEFAULT","Plaintext":"'
        return replace(reply, status=200, body=start, delivery="long", length=fault.number(0, 0) * MEGABYTE)
    if name == "broken-json":
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    if name == "no-date":
        return replace(reply, dated=False)
    if name == "latency":
        return replace(reply, delay=fault.number(0, 0) / 1000)
    if not reply.body:
        return reply
    members = json.loads(reply.body)
    if name == "duplicate-json":
        return replace(reply, body=_twice(members))
    if operation == "Decrypt" and reply.status == 200:
        return json_reply(200, _spoil_members(fault, members))
    return reply
