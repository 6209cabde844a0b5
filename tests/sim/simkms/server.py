# SPDX-License-Identifier: LGPL-2.1-or-later
"""The listener: one thread for each connection, TLS, the walk of a request, the two logs.

requests.log has a line for each request, on the disk before the answer leaves; connections.log one for each TCP
connection. Neither ever holds plaintext, ciphertext, secrets or tokens.
"""
import json
import re
import select
import socket
import socketserver
import ssl
import sys
import threading
import time
import uuid

from . import faults, ops, shape, sigv4, wire
from .errors import ApiError

HANDSHAKE_SECONDS = 10
IDLE_SECONDS = 60
CERTIFICATE = {
    "wrong-cert": "wrong-name",
    "expired-cert": "expired",
    "untrusted-cert": "untrusted",
    "old-tls": "old-tls",
}
STATE_OPS = {"Encrypt", "Decrypt", "ReEncrypt", "DescribeKey"}


class Log:
    """A file of JSON lines."""

    def __init__(self, path):
        self.stream = open(path, "a", encoding="utf-8")
        self.lock = threading.Lock()

    def line(self, **members):
        """Writes one line, now."""
        with self.lock:
            self.stream.write(json.dumps(members) + "\n")
            self.stream.flush()


class Simulator(socketserver.ThreadingTCPServer):
    """What all connections share."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, directory, port, region, contexts, store, identities):
        super().__init__(("127.0.0.1", port), Connection)
        self.region, self.contexts, self.store, self.identities = region, contexts, store, identities
        self.faults = faults.FaultFile(directory)
        self.requests = Log(f"{directory}/requests.log")
        self.connections = Log(f"{directory}/connections.log")
        self.bad_faults = 0
        self.watched = None

    def service_actions(self):
        """Ends with the process that it was started for."""
        if self.watched and select.select([self.watched], [], [], 0)[0]:
            self.watched = None
            threading.Thread(target=self.shutdown).start()

    def handle_error(self, request, client_address):
        """A peer that goes away is no news; anything else is a bug here and is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _asked_key(request):
    """(key id, encryption context) as the request names them, for the log and for error messages."""
    try:
        members = json.loads(request.body)
        key = members.get("KeyId", members.get("SourceKeyId"))
        context = members.get("EncryptionContext", members.get("SourceEncryptionContext"))
        return key if isinstance(key, str) else None, context if isinstance(context, dict) else None
    except (ValueError, AttributeError):
        return None, None


def _region(host, default):
    """The region of the endpoint that the client believes it speaks to."""
    match = re.match(r"kms(?:-fips)?\.([a-z]{2}-[a-z-]+-\d)\.", host)
    return match[1] if match else default


class Connection(socketserver.BaseRequestHandler):
    """One connection: handshake, then requests until somebody has had enough."""

    def handle(self):
        """Called in the connection's own thread."""
        self.fault = self._take(lambda fault: fault.stage == "connection")
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shown = {"time": time.time(), "peer": self.client_address[1], "fault": str(self.fault or "") or None}
        if self.fault and self.fault.name == "stall-tls":
            self.server.connections.line(**shown, tls=None, error="never answered")
            return wire.hold(self.request)
        name = CERTIFICATE[self.fault.name] if self.fault else "server"
        self.request.settimeout(HANDSHAKE_SECONDS)
        try:
            self.request = self.server.contexts[name].wrap_socket(self.request, server_side=True)
        except OSError as error:
            return self.server.connections.line(**shown, tls=None, error=str(error))
        asked = getattr(self.request, "asked_name", None)
        self.server.connections.line(**shown, tls=self.request.version(), sni=asked, error=None)
        self.request.settimeout(IDLE_SECONDS)
        with self.request, self.request.makefile("rb") as stream:
            while self._serve_one(stream):
                pass

    def _take(self, wanted):
        try:
            return self.server.faults.take(wanted)
        except faults.BadFault as error:
            self.server.bad_faults += 1
            print(f"tests/sim/aws-kms: fault file: {error}", file=sys.stderr, flush=True)
            return faults.Fault("bad", (), "bad") if wanted(faults.Fault("bad", (), "bad")) else None

    def _serve_one(self, stream):
        """Reads a request and answers it; False when the connection is done."""
        try:
            request = wire.read_request(stream, self.request)
        except (wire.BadRequest, ssl.SSLError, TimeoutError) as error:
            words = str(error)
            self.server.requests.line(time=time.time(), op=None, status=400, error="BadRequest", words=words)
            reply = wire.Reply(400, words.encode() + b"\n", "text/plain", [("Connection", "close")])
            wire.deliver(self.request, reply, str(uuid.uuid4()), time.time())
            return False
        if request is None:
            return False
        return self._answer(request)

    def _wanted(self, operation):
        def wanted(fault):
            if fault.stage == "connection":
                return False
            if fault.name in faults.DECRYPT_ONLY:
                return operation == "Decrypt"
            return fault.stage != "state" or operation in STATE_OPS

        return wanted

    def _stale(self):
        """True when a fault of the handshake was switched on after this connection had been made."""
        try:
            fault = self.server.faults.read()
        except faults.BadFault:
            return False
        return not self.fault and fault is not None and fault.stage == "connection"

    def _answer(self, request):
        request_id = str(uuid.uuid4())
        key, context = _asked_key(request)
        entry = {"time": time.time(), "method": request.method, "path": request.target, "op": request.operation}
        entry.update(key=key, context=context, access_key=sigv4.access_key_of(request), status=0, error=None)
        entry.update(request_id=request_id, fault=None, signature=None)
        if self._stale():
            self.server.requests.line(**{**entry, "fault": "connection closed: the fault is in the handshake"})
            return False
        fault = self._take(self._wanted(request.operation))
        entry["fault"] = str(fault or self.fault or "") or None
        now = time.time() + (fault.number(0, 0) if fault and fault.stage == "clock" else 0)
        reply = self._reply(request, fault, now, entry)
        entry["status"] = 0 if reply.delivery in ("silence", "drop") else reply.status
        self.server.requests.line(**entry)
        return wire.deliver(self.request, reply, request_id, now)

    def _reply(self, request, fault, now, entry):
        """The answer, fault and all; notes signature verdict and error type in the log entry."""
        region = _region(request.host, self.server.region)
        stage = fault.stage if fault else None
        checked_at = None if fault and fault.name == "skew-denied" else now
        try:
            identity = sigv4.verify(request, self.server.identities, region, checked_at)
            entry["signature"] = "valid"
        except ApiError as error:
            identity, refusal = None, shape.error_reply(error)
            entry["signature"], entry["error"] = error.verdict, error.kind
        if stage == "bad":
            return wire.Reply(500, b"tests/sim: DIR/fault names no fault\n", "text/plain")
        if stage == "instead":
            entry["error"] = None
            return shape.instead(fault, self._elsewhere(request))
        reply = self._operate(request, fault, identity, region, entry) if identity else refusal
        return shape.spoil(fault, reply, request.operation) if stage == "answer" else reply

    def _operate(self, request, fault, identity, region, entry):
        """What KMS answers to a proven identity."""
        arn = entry["key"] or "the key"
        if fault and fault.stage == "error":
            reply, entry["error"] = shape.kms_error(fault, identity, request.operation, arn)
            return reply
        if fault and fault.name == "skew-denied":
            reply, entry["error"] = shape.skew_denied(arn)
            return reply
        pretended = shape.pretended_state(fault) if fault and fault.stage == "state" else None
        caller = ops.Caller(self.server.store, identity, region, pretended)
        try:
            if (request.method, request.target) != ("POST", "/"):
                raise ApiError("UnknownOperationException")
            return shape.json_reply(200, ops.call(caller, request.operation, request.body))
        except ApiError as error:
            entry["error"] = error.kind
            return shape.error_reply(error)

    def _elsewhere(self, request):
        """This server under a name that the request did not use: who follows is seen, and leaves loopback never."""
        name = "localhost" if request.host.startswith("127.") else "127.0.0.1"
        return f"https://{name}:{self.server.server_address[1]}/elsewhere"
