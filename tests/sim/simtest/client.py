# SPDX-License-Identifier: LGPL-2.1-or-later
"""A simulator in a directory of its own, and a client whose every request can be bent before it is sent."""
import base64
import configparser
import http.client
import json
import os
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from simkms import faults

SECRET = bytes(range(32))
PROGRAM = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "aws-kms")
ACCOUNT = "arn:aws:kms:eu-west-1:111122223333:key/"
KEY = ACCOUNT + "11111111-aaaa-4aaa-8aaa-000000000001"
SECOND = ACCOUNT + "11111111-aaaa-4aaa-8aaa-000000000002"
FOREIGN = "arn:aws:kms:eu-west-1:444455556666:key/44444444-bbbb-4bbb-8bbb-000000000003"
FAR = "arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-000000000005"
STAMP = "%Y%m%dT%H%M%SZ"


def text(data):
    """Base64, as KMS wants bytes."""
    return base64.b64encode(data).decode()


def altered(word):
    """The word with another last character: never the word itself, whatever it ends in."""
    return word[:-1] + ("x" if word[-1] != "x" else "y")


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        """The body's members."""
        return json.loads(self.body)

    @property
    def error(self):
        """The error type without its name space, "" for none."""
        return self.json.get("__type", "").rpartition("#")[2] if self.status >= 400 else ""


class Simulated:
    """A running simulator."""

    def __init__(self, *options):
        self.home = tempfile.TemporaryDirectory()
        self.dir = os.path.join(self.home.name, "kms")
        self.options = options
        self.start()

    def start(self):
        """Starts it and waits until it is ready."""
        begin = time.monotonic()
        words = [PROGRAM, "--dir", self.dir, "--with-pid", str(os.getpid()), *self.options]
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        while not os.path.exists(f"{self.dir}/ready"):
            if self.process.poll() is not None or time.monotonic() > begin + 20:
                raise RuntimeError("the simulator did not start: " + self.process.stderr.read())
            time.sleep(0.01)
        with open(f"{self.dir}/port", encoding="utf-8") as stream:
            self.port = int(stream.read())

    def stop(self):
        """SIGTERM; gives its exit status and what it had complained of."""
        self.process.terminate()
        words = self.process.communicate(timeout=10)[1]
        return self.process.returncode, words

    def close(self):
        """Stops it and removes its directory."""
        if self.process.poll() is None:
            self.stop()
        self.home.cleanup()

    def fault(self, line):
        """Switches a fault."""
        faults.FaultFile(self.dir).write(None if line == "none" else faults.parse(line))

    def log(self, name="requests"):
        """The lines of a log."""
        with open(f"{self.dir}/{name}.log", encoding="utf-8") as stream:
            return [json.loads(line) for line in stream]

    def credentials(self, section="default"):
        """An identity of the credentials file."""
        parser = configparser.RawConfigParser()
        parser.read(f"{self.dir}/credentials")
        values = parser[section]
        token = values.get("aws_session_token")
        return Credentials(values["aws_access_key_id"], values["aws_secret_access_key"], token)

    def connect(self, name="localhost", timeout=5):
        """A verified TLS connection to the simulator under a name."""
        context = ssl.create_default_context(cafile=f"{self.dir}/ca.pem")
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        plain = socket.create_connection(("127.0.0.1", self.port), timeout)
        return context.wrap_socket(plain, server_hostname=name)


class Signer(SigV4Auth):
    """botocore's signer, over the headers that it is given: no more, and none left out."""

    def headers_to_sign(self, request):
        return request.headers


def sign(headers, body, credentials, region="eu-west-1", service="kms", url="https://localhost/", only=None):
    """Signs headers in place, with the date they carry; `only` restricts which are signed."""
    headers.pop("authorization", None)
    shown = {name: value for name, value in headers.items() if only is None or name in only}
    request = AWSRequest("POST", url, headers=shown, data=body)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = Signer(credentials, service, region)
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    signed = auth.signed_headers(auth.headers_to_sign(request))
    words = f"Credential={auth.scope(request)}, SignedHeaders={signed}, Signature={signature}"
    headers["authorization"] = "AWS4-HMAC-SHA256 " + words


class Case(unittest.TestCase):
    """Tests that share a healthy simulator."""

    @classmethod
    def setUpClass(cls):
        cls.sim = Simulated()

    @classmethod
    def tearDownClass(cls):
        cls.sim.close()

    def prepare(self, operation, members, offset=0, **signing):
        """(headers, body) of a properly signed request."""
        section = signing.pop("section", "default")
        credentials = signing.pop("credentials", None) or self.sim.credentials(section)
        body = json.dumps(members).encode()
        headers = {"host": f"localhost:{self.sim.port}", "content-type": "application/x-amz-json-1.1"}
        headers["x-amz-date"] = time.strftime(STAMP, time.gmtime(time.time() + offset))
        headers["x-amz-target"] = "TrentService." + operation
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        sign(headers, body, credentials, **signing)
        return headers, body

    def send(self, headers, body, connection=None, timeout=5):
        """Sends exactly these headers and this body."""
        http_connection = http.client.HTTPConnection("unused")
        http_connection.sock = connection or self.sim.connect(timeout=timeout)
        http_connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            http_connection.putheader(name, value)
        http_connection.putheader("content-length", str(len(body)))
        http_connection.endheaders(body)
        answer = Answer(http_connection.getresponse())
        if connection is None:
            http_connection.close()
        return answer

    def ask(self, operation, members, **signing):
        """A properly signed request, sent."""
        return self.send(*self.prepare(operation, members, **signing))

    def sealed(self, plaintext=b"0123456789abcdef0123456789abcdef", key=KEY, context=None):
        """A ciphertext blob in base64."""
        members = {"KeyId": key, "Plaintext": text(plaintext), "EncryptionContext": context or {}}
        return self.ask("Encrypt", members).json["CiphertextBlob"]

    def refused(self, answer, kind, verdict=None, status=400):
        """Asserts an error answer and, with a verdict, what the log says of the signature."""
        self.assertEqual((answer.status, answer.error), (status, kind), answer.body)
        last = self.sim.log()[-1]
        self.assertEqual((last["error"], last["request_id"]), (kind, answer.headers["x-amzn-RequestId"]))
        if verdict:
            self.assertEqual(last["signature"], verdict)


class FaultCase(Case):
    """Tests of faults: a blob to ask for, and raw sight of what comes back."""

    def setUp(self):
        self.addCleanup(self.sim.fault, "none")
        self.sim.fault("none")
        self.members = {"CiphertextBlob": self.sealed(SECRET), "KeyId": KEY}

    def under(self, line, **signing):
        """Decrypt with a fault switched on."""
        self.sim.fault(line)
        return self.ask("Decrypt", self.members, **signing)

    def raw(self, line, limit=1 << 24, timeout=0.7):
        """(bytes that came, "closed" | "silent" | "more", seconds) for a Decrypt under a fault."""
        self.sim.fault(line)
        headers, body = self.prepare("Decrypt", self.members)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = f"POST / HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body
        begin, came = time.monotonic(), bytearray()
        with self.sim.connect(timeout=timeout) as connection:
            connection.sendall(request)
            while len(came) < limit:
                try:
                    piece = connection.recv(65536)
                except TimeoutError:
                    return bytes(came), "silent", time.monotonic() - begin
                except ssl.SSLEOFError:
                    piece = b""
                if not piece:
                    return bytes(came), "closed", time.monotonic() - begin
                came += piece
        return bytes(came), "more", time.monotonic() - begin

    def half(self, line, **how):
        """Asserts headers and half a body; gives what happened then."""
        came, end, _seconds = self.raw(line, **how)
        head, _gap, body = came.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "))
        self.assertEqual(len(body), length // 2)
        return end
