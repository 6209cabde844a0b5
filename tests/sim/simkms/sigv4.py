# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who asks? Every request's signature is computed anew by botocore, from what came over the wire, and compared.

Canonical request, string to sign, key derivation and HMAC are botocore's own. Here is only what a verifier adds to a
signer: reading the Authorization header, and the refusals in AWS's words and about in AWS's order. There is no way
round this module.
"""
import calendar
import hmac
import re
import time
from hashlib import sha256

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .errors import ApiError

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "kms"
WINDOW = 300
STAMP = "%Y%m%dT%H%M%SZ"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


class WireAuth(SigV4Auth):
    """botocore's signer over exactly the headers it is given: it would leave User-Agent out even if it was signed."""

    def headers_to_sign(self, request):
        return request.headers


def _refuse(kind, message, verdict):
    return ApiError(kind, message, verdict=verdict)


def _split(request):
    """The Authorization header: (credential scope parts, signed header names, signature)."""
    values = request.all("authorization")
    if not values:
        raise _refuse("MissingAuthenticationTokenException", "Missing Authentication Token", "missing")
    algorithm, _space, rest = values[0].partition(" ")
    if len(values) > 1 or algorithm != ALGORITHM:
        raise _refuse(
            "IncompleteSignatureException", f"Unsupported AWS 'algorithm', only {ALGORITHM} for now.", "incomplete"
        )
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    for name in ("Credential", "Signature", "SignedHeaders"):
        if not fields.get(name):
            words = f"Authorization header requires '{name}' parameter."
            raise _refuse("IncompleteSignatureException", words, "incomplete")
    scope = fields["Credential"].split("/")
    if len(fields) != 3 or len(scope) != 5:
        words = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
        raise _refuse("IncompleteSignatureException", words, "incomplete")
    return scope, fields["SignedHeaders"].split(";"), fields["Signature"]


def _check_token(request, identity):
    tokens = request.all("x-amz-security-token")
    sent = ",".join(tokens)
    if not hmac.compare_digest(sent.encode(), identity.token.encode()):
        words = "The security token included in the request is invalid."
        raise _refuse("UnrecognizedClientException", words, "bad-token")
    if identity.expired:
        words = "The security token included in the request is expired"
        raise _refuse("ExpiredTokenException", words, "expired-token")


def _check_signed(request, signed):
    """host, x-amz-date, content-type and every x-amz-* header that was sent must be under the signature."""
    if signed != sorted(set(signed)):
        raise _refuse("InvalidSignatureException", MISMATCH, "mismatch")
    sent = {name.lower() for name, _value in request.headers}
    needed = {"host", "x-amz-date"} | {name for name in sent if name.startswith("x-amz-") or name == "content-type"}
    for name in sorted(needed - set(signed)):
        shown = "'Host' or ':authority'" if name == "host" else f"'{name}'"
        words = f"{shown} must be a 'SignedHeader' in the AWS Authorization."
        raise _refuse("InvalidSignatureException", words, "unsigned-header")
    if set(signed) - sent:
        raise _refuse("InvalidSignatureException", MISMATCH, "mismatch")


def _timestamp(request):
    """(the X-Amz-Date header, the same in seconds)"""
    values = request.all("x-amz-date")
    if len(values) == 1 and re.fullmatch(r"\d{8}T\d{6}Z", values[0]):
        try:
            return values[0], calendar.timegm(time.strptime(values[0], STAMP))
        except ValueError:
            pass
    words = "Date must be in ISO-8601 'basic format'. See http://en.wikipedia.org/wiki/ISO_8601"
    raise _refuse("IncompleteSignatureException", words, "incomplete")


def _check_clock(stamp, seconds, now):
    def text(moment):
        return time.strftime(STAMP, time.gmtime(moment))

    if seconds < now - WINDOW:
        words = f"Signature expired: {stamp} is now earlier than {text(now - WINDOW)} ({text(now)} - 5 min.)"
        raise _refuse("InvalidSignatureException", words, "expired")
    if seconds > now + WINDOW:
        words = f"Signature not yet current: {stamp} is still later than {text(now + WINDOW)} ({text(now)} + 5 min.)"
        raise _refuse("InvalidSignatureException", words, "not-yet-current")


def _check_scope(scope, stamp, region):
    _access_key, date, its_region, service, terminator = scope
    words = ""
    if its_region != region:
        words += "Credential should be scoped to a valid region. "
    if service != SERVICE:
        words += f"Credential should be scoped to correct service: '{SERVICE}'. "
    if terminator != "aws4_request":
        words += f"Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'. "
    if date != stamp[:8]:
        words += "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        words += f"'{date}' != '{stamp[:8]}', from '{stamp}'. "
    if words:
        raise _refuse("InvalidSignatureException", words, "scope")


def _signature(request, signed, stamp, identity, region):
    """What botocore makes of the request's method, target, signed headers and body."""
    rebuilt = AWSRequest(method=request.method, url=f"https://{request.host}{request.target}", data=request.body)
    for name, value in request.headers:
        if name.lower() in signed:
            rebuilt.headers[name.lower()] = value
    rebuilt.context["timestamp"] = stamp
    auth = WireAuth(Credentials(identity.access_key, identity.secret), SERVICE, region)
    return auth.signature(auth.string_to_sign(rebuilt, auth.canonical_request(rebuilt)), rebuilt)


def _check_body(request):
    """botocore believes x-amz-content-sha256 when it is there; a verifier must not."""
    for claimed in request.all("x-amz-content-sha256"):
        if claimed != sha256(request.body).hexdigest():
            raise _refuse("InvalidSignatureException", MISMATCH, "mismatch")


def access_key_of(request):
    """The access key id that a request claims, for the log; None when it claims none."""
    try:
        return _split(request)[0][0]
    except ApiError:
        return None


def verify(request, identities, region, now):
    """The identity that signed the request. `now` is None where the clock is not to be checked. Raises ApiError."""
    scope, signed, signature = _split(request)
    identity = identities.get(scope[0])
    if identity is None:
        words = "The security token included in the request is invalid."
        raise _refuse("UnrecognizedClientException", words, "unknown-access-key")
    _check_token(request, identity)
    stamp, seconds = _timestamp(request)
    _check_scope(scope, stamp, region)
    if now is not None:
        _check_clock(stamp, seconds, int(now))
    _check_signed(request, signed)
    _check_body(request)
    computed = _signature(request, set(signed), stamp, identity, region)
    if not hmac.compare_digest(computed.encode(), signature.encode()):
        raise _refuse("InvalidSignatureException", MISMATCH, "mismatch")
    return identity
