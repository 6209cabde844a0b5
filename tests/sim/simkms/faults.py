# SPDX-License-Identifier: LGPL-2.1-or-later
"""The faults: their table, and DIR/fault, the file that switches them.

The table is the one list of them all: README.md's is printed from it, and tests walk it. `stage` says where a fault
acts: connection (before or in the TLS handshake) · clock · state (a key state that only looks true) · error (KMS's
answer to a properly signed request) · instead (of any answer, signed or not; nothing is executed) · answer (a true
answer, spoilt; of a Decrypt only where the name speaks of its members).
"""
import os
import re
import threading
from dataclasses import dataclass

UNAVAILABLE, KEY_STATE, DENIED, CREDENTIAL = "UNAVAILABLE", "KEY_STATE", "ACCESS_DENIED", "CREDENTIAL"
MISCONFIGURED, TAMPERED, GRANTED = "MISCONFIGURED", "TAMPERED", "GRANTED"
# name, arguments ("[…]" may be left out; capitals are values), stage, on the wire, verdict
TABLE = (
    ("disabled", "", "state", "400 DisabledException; DescribeKey says Disabled", KEY_STATE),
    ("pending-deletion", "", "state", "400 KMSInvalidStateException “… is pending deletion.”", KEY_STATE),
    ("pending-import", "", "state", "400 KMSInvalidStateException “… is pending import.”", KEY_STATE),
    ("unavailable-key", "[WORD]", "state",
     "400 KMSInvalidStateException “… is WORD.”: unavailable (default), creating or updating", UNAVAILABLE),
    ("key-unavailable", "", "error", "500 KeyUnavailableException", UNAVAILABLE),
    ("dependency-timeout", "", "error", "503 DependencyTimeoutException", UNAVAILABLE),
    ("custom-key-store", "[TYPE]", "error",
     "400 KMSInvalidStateException in the words of an external key store, or TYPE", UNAVAILABLE),
    ("throttle", "", "error", "400 ThrottlingException", UNAVAILABLE),
    ("internal", "", "error", "500 KMSInternalException", UNAVAILABLE),
    ("denied", "", "error", "400 AccessDeniedException, “Message” with a capital", DENIED),
    ("not-found", "", "error", "400 NotFoundException", DENIED),
    ("expired-token", "", "error", "400 ExpiredTokenException, type with a name space", CREDENTIAL),
    ("unrecognized-client", "", "error", "400 UnrecognizedClientException, type with a name space", CREDENTIAL),
    ("invalid-signature", "", "error", "400 InvalidSignatureException, type with a name space", CREDENTIAL),
    ("incorrect-key", "", "error", "400 IncorrectKeyException", MISCONFIGURED),
    ("invalid-ciphertext", "", "error", "400 InvalidCiphertextException without a message", TAMPERED),
    ("error", "TYPE [STATUS]", "error", "STATUS (400) with TYPE as it is given, name space and all; the verdict is "
     "TYPE's, here of the example com.amazonaws.kms#DisabledException", KEY_STATE),
    ("error-header", "TYPE [STATUS]", "error", "STATUS (400), body {}, TYPE in x-amzn-ErrorType only; the verdict is "
     "TYPE's, here of the example DisabledException", KEY_STATE),
    ("503", "", "instead", "503 and a load balancer's HTML", UNAVAILABLE),
    ("retry-after", "SECONDS [STATUS]", "instead", "STATUS (503) with Retry-After, body of plain text", UNAVAILABLE),
    ("redirect", "", "instead", "302 to this simulator under another name; a follower shows in requests.log",
     UNAVAILABLE),
    ("wrong-type", "", "instead", "200 and a proxy's HTML page", UNAVAILABLE),
    ("stall-headers", "", "instead", "the request is read; nothing comes back", UNAVAILABLE),
    ("drop", "", "instead", "the request is read; the connection ends", UNAVAILABLE),
    ("broken-json", "", "answer", "half the true body, with a fitting Content-Length", UNAVAILABLE),
    ("duplicate-json", "", "answer", "the true body with one member twice (Decrypt: Plaintext, first zeros, then the "
     "true bytes)", UNAVAILABLE),
    ("huge-body", "[MEGABYTES]", "answer", "a JSON string that never ends, chunked; or MEGABYTES with Content-Length",
     UNAVAILABLE),
    ("stall", "", "answer", "headers and half the body, then silence", UNAVAILABLE),
    ("cut", "", "answer", "headers and half the body, then the connection ends", UNAVAILABLE),
    ("latency", "MILLISECONDS", "answer", "the true answer, late", GRANTED),
    ("no-date", "", "answer", "the true answer without a Date header", GRANTED),
    ("wrong-key-id", "", "answer", "Decrypt: the KeyId of another key", TAMPERED),
    ("wrong-plaintext", "", "answer", "Decrypt: one bit of the plaintext flipped", TAMPERED),
    ("short-plaintext", "[BYTES]", "answer", "Decrypt: the last byte missing, or only BYTES left", TAMPERED),
    ("skew", "SECONDS", "clock", "the Date header and the signature check are SECONDS off (-N: behind): 400 "
     "InvalidSignatureException “Signature expired: …” or “not yet current: …” until the client corrects", GRANTED),
    ("skew-denied", "SECONDS", "clock", "the Date header is SECONDS off, the signature is accepted, 400 "
     "DisabledException", UNAVAILABLE),
    ("stall-tls", "", "connection", "TCP is accepted, the TLS handshake never answered", UNAVAILABLE),
    ("wrong-cert", "", "connection", "the certificate is for another name", UNAVAILABLE),
    ("expired-cert", "", "connection", "the certificate has expired", UNAVAILABLE),
    ("untrusted-cert", "", "connection", "the certificate is another CA's", UNAVAILABLE),
    ("old-tls", "", "connection", "nothing newer than TLS 1.1 is offered", UNAVAILABLE),
)
# arguments for who walks the table
EXAMPLES = {
    "error": "com.amazonaws.kms#DisabledException",
    "error-header": "DisabledException",
    "retry-after": "1",
    "latency": "200",
    "skew": "600",
    "skew-denied": "600",
}
DECRYPT_ONLY = {"wrong-key-id", "wrong-plaintext", "short-plaintext"}
NUMBERS = {"SECONDS", "STATUS", "MEGABYTES", "MILLISECONDS", "BYTES"}
WORDS = {"unavailable", "creating", "updating"}


class BadFault(Exception):
    """A line that names no fault of the table, or gives it the wrong arguments."""


@dataclass(frozen=True)
class Fault:
    """A fault as DIR/fault asks for it; `count` None means until the file changes."""

    name: str
    args: tuple
    stage: str
    count: int = None

    def number(self, place, default):
        """A numeric argument."""
        return int(self.args[place]) if len(self.args) > place else default

    def __str__(self):
        return " ".join((self.name,) + self.args)


def parse(text):
    """The fault of one line, None for an empty one. Raises BadFault."""
    words = text.split()
    count = None
    if len(words) > 1 and re.fullmatch(r"x[1-9]\d*", words[-1]):
        count = int(words.pop()[1:])
    if not words:
        return None
    row = next((row for row in TABLE if row[0] == words[0]), None)
    if row is None:
        raise BadFault(f"no fault is called {words[0]!r}")
    formal, args = row[1].split(), words[1:]
    if not len([name for name in formal if "[" not in name]) <= len(args) <= len(formal):
        raise BadFault(f"usage: {row[0]} {row[1]} [xN]")
    for name, value in zip(formal, args):
        name = name.strip("[]")
        number = r"-?\d{1,6}" if row[2] == "clock" else r"\d{1,6}"
        if name in NUMBERS and not re.fullmatch(number, value) or name == "WORD" and value not in WORDS:
            raise BadFault(f"{row[0]}: {value!r} is no {name}")
    return Fault(row[0], tuple(args), row[2], count)


class FaultFile:
    """DIR/fault. Counted faults are counted down in the file itself, which goes away when they are used up."""

    def __init__(self, directory):
        self.path = f"{directory}/fault"
        self.lock = threading.Lock()

    def write(self, fault):
        """Replaces the file at one stroke; None removes it."""
        if fault is None:
            try:
                os.unlink(self.path)
            except FileNotFoundError:
                pass
            return
        with open(self.path + ".new", "w", encoding="utf-8") as stream:
            stream.write(f"{fault}{f' x{fault.count}' if fault.count else ''}\n")
        os.replace(self.path + ".new", self.path)

    def read(self):
        """The fault that is switched on, or None."""
        try:
            with open(self.path, encoding="utf-8") as stream:
                return parse(stream.read())
        except FileNotFoundError:
            return None

    def take(self, wanted):
        """The fault that is switched on if wanted(fault), counted once."""
        with self.lock:
            fault = self.read()
            if fault is None or not wanted(fault):
                return None
            if fault.count:
                left = fault.count - 1
                self.write(Fault(fault.name, fault.args, fault.stage, left) if left else None)
            return fault
