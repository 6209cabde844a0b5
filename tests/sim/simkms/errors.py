# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors as AWS puts them on the wire: type, message, HTTP status.

Three details are kept because clients trip over them: the front end shared by AWS services prefixes its types with a
name space, KMS itself does not; a denial spells "Message" with a capital; InvalidCiphertextException has no message.
"""

FRONT_END = "com.amazon.coral.service#"
FRONT_END_TYPES = {
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "SerializationException",
    "UnknownOperationException",
    "UnrecognizedClientException",
}
STATUS = {
    "DependencyTimeoutException": 503,
    "KMSInternalException": 500,
    "KeyUnavailableException": 500,
    "UnknownOperationException": 404,
}


class ApiError(Exception):
    """An error answer. `verdict` is set by the signature check only: the word that goes to requests.log."""

    def __init__(self, kind, message=None, status=None, verdict=None):
        super().__init__(kind)
        self.kind = kind
        self.message = message
        self.status = status or STATUS.get(kind.rpartition("#")[2], 400)
        self.verdict = verdict

    def body(self):
        """The answer's JSON members."""
        prefix = FRONT_END if self.kind in FRONT_END_TYPES else ""
        members = {"__type": prefix + self.kind}
        if self.message is not None:
            members["Message" if self.kind == "AccessDeniedException" else "message"] = self.message
        return members


def not_authorized(identity, action, arn):
    """The denial of a principal that the key's policy does not name."""
    return ApiError(
        "AccessDeniedException",
        f"User: {identity.arn} is not authorized to perform: kms:{action} on resource: {arn} "
        f"because no resource-based policy allows the kms:{action} action",
    )


def bad_state(arn, state):
    """What KMS answers when a key in `state` is asked to encrypt or decrypt."""
    if state == "Disabled":
        return ApiError("DisabledException", f"{arn} is disabled.")
    words = {"PendingDeletion": "pending deletion", "PendingImport": "pending import"}
    return ApiError("KMSInvalidStateException", f"{arn} is {words.get(state, state.lower())}.")
