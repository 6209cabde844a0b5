# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP/1.1 on a TLS connection: requests read strictly and kept as they came, answers sent whole, in part or never.

The peer is a client under test: what it sends is measured and refused, never repaired.
"""
import re
import select
import time
from dataclasses import dataclass, field
from email.utils import formatdate

LINE_MAX = 65536
HEADERS_MAX = 100
BODY_MAX = 1 << 20
HOLD = 900  # seconds a stalled connection is kept
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 404: "Not Found", 413: "Content Too Large",
           429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


class BadRequest(Exception):
    """Not HTTP as a KMS client speaks it; the words say what is wrong."""


@dataclass
class Request:
    """A request as it came: header names and values are neither folded nor joined."""

    method: str
    target: str
    headers: list
    body: bytes = b""

    def all(self, name):
        """Every value of a header."""
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def host(self):
        """The one Host header."""
        return self.all("host")[0]

    @property
    def operation(self):
        """The KMS operation that X-Amz-Target names, or None."""
        service, _dot, operation = ",".join(self.all("x-amz-target")).partition(".")
        return operation if service == "TrentService" else None


@dataclass
class Reply:
    """An answer, and how much of it is to arrive: see deliver()."""

    status: int
    body: bytes
    content_type: str = "application/x-amz-json-1.1"
    headers: list = field(default_factory=list)
    dated: bool = True
    delivery: str = "whole"
    delay: float = 0.0  # seconds of silence before it
    length: int = 0  # for delivery "long": how many bytes, 0 for no end


def _line(stream):
    raw = stream.readline(LINE_MAX + 1)
    if not raw:
        return None
    if not raw.endswith(b"\r\n"):
        raise BadRequest("a line without CR LF, or too long, or cut off")
    return raw[:-2].decode("latin-1")


def _headers(stream):
    headers = []
    while True:
        line = _line(stream)
        if line is None:
            raise BadRequest("the connection ended inside the headers")
        if not line:
            return headers
        name, colon, value = line.partition(":")
        if not colon or not TOKEN.fullmatch(name) or len(headers) == HEADERS_MAX:
            raise BadRequest("a header that is none, or too many")
        headers.append((name, value.strip(" \t")))


def _body_length(request):
    lengths = request.all("content-length")
    if request.all("transfer-encoding") or len(lengths) > 1:
        raise BadRequest("one Content-Length and no Transfer-Encoding, please")
    if not lengths:
        return 0
    if not re.fullmatch(r"\d{1,7}", lengths[0]) or int(lengths[0]) > BODY_MAX:
        raise BadRequest("a Content-Length that is no number, or too big")
    return int(lengths[0])


def read_request(stream, connection):
    """The next request, or None when the peer has closed."""
    line = _line(stream)
    if line is None:
        return None
    method, target, version = (line.split(" ") + ["", "", ""])[:3]
    if line.count(" ") != 2 or version != "HTTP/1.1" or not target.startswith("/"):
        raise BadRequest("a request line that is not METHOD /PATH HTTP/1.1")
    request = Request(method, target, _headers(stream))
    if len(request.all("host")) != 1:
        raise BadRequest("one Host header, please")
    length = _body_length(request)
    if "100-continue" in [value.lower() for value in request.all("expect")]:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.body = stream.read(length)
    if len(request.body) != length:
        raise BadRequest("the connection ended inside the body")
    return request


def _head(reply, request_id, now):
    lines = [f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Status')}"]
    lines.append(f"x-amzn-RequestId: {request_id}")
    lines.append("Cache-Control: no-cache, no-store, must-revalidate, private")
    if reply.dated:
        lines.append("Date: " + formatdate(now, usegmt=True))
    lines.append("Content-Type: " + reply.content_type)
    lines += [f"{name}: {value}" for name, value in reply.headers]
    if reply.delivery == "long" and not reply.length:
        lines.append("Transfer-Encoding: chunked")
    else:
        lines.append(f"Content-Length: {reply.length or len(reply.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _flood(connection, reply):
    """Sends reply.length bytes, or chunks without end: until the peer has had enough."""
    block = b"A" * 65536
    if not reply.length:
        connection.sendall(b"%x\r\n%b\r\n" % (len(reply.body), reply.body))
        while True:
            connection.sendall(b"10000\r\n" + block + b"\r\n")
    connection.sendall(reply.body)
    left = reply.length - len(reply.body)
    while left > 0:
        connection.sendall(block[:left])
        left -= len(block)


def hold(connection):
    """Says nothing until the peer goes away."""
    end = time.monotonic() + HOLD
    while time.monotonic() < end:
        if select.select([connection], [], [], 1)[0] and not connection.recv(4096):
            return


def deliver(connection, reply, request_id, now):
    """Sends an answer; True when the connection can be used again.

    whole | half-stall (half a body, then silence) | half-cut (half a body, then the end) | silence | drop | long
    """
    if reply.delivery == "silence":
        hold(connection)
        return False
    if reply.delivery == "drop":
        return False
    time.sleep(reply.delay)
    head = _head(reply, request_id, now + reply.delay)
    if reply.delivery == "whole":
        connection.sendall(head + reply.body)
        return True
    if reply.delivery == "long":
        connection.sendall(head)
        _flood(connection, reply)
        return True
    connection.sendall(head + reply.body[: len(reply.body) // 2])
    if reply.delivery == "half-stall":
        hold(connection)
    return False
