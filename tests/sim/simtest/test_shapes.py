# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each fault, as it looks on the wire, and that it heals."""
import base64
import email.utils
import json
import socket
import ssl
import time

from .client import KEY, SECOND, SECRET, FaultCase, text

ERRORS = {
    "disabled": (400, "DisabledException", "is disabled."),
    "pending-deletion": (400, "KMSInvalidStateException", "is pending deletion."),
    "pending-import": (400, "KMSInvalidStateException", "is pending import."),
    "unavailable-key": (400, "KMSInvalidStateException", "is unavailable."),
    "unavailable-key creating": (400, "KMSInvalidStateException", "is creating."),
    "key-unavailable": (500, "KeyUnavailableException", "is not available"),
    "dependency-timeout": (503, "DependencyTimeoutException", ""),
    "custom-key-store": (400, "KMSInvalidStateException", "external key store proxy"),
    "custom-key-store CloudHsmClusterNotActiveException": (400, "CloudHsmClusterNotActiveException", ""),
    "throttle": (400, "ThrottlingException", "Rate exceeded"),
    "internal": (500, "KMSInternalException", ""),
    "denied": (400, "AccessDeniedException", "not authorized to perform: kms:Decrypt"),
    "not-found": (400, "NotFoundException", f"Key '{KEY}' does not exist"),
    "expired-token": (400, "ExpiredTokenException", "expired"),
    "unrecognized-client": (400, "UnrecognizedClientException", "invalid"),
    "invalid-signature": (400, "InvalidSignatureException", "does not match"),
    "incorrect-key": (400, "IncorrectKeyException", ""),
    "invalid-ciphertext": (400, "InvalidCiphertextException", None),
    "error com.amazonaws.kms#DisabledException 409": (409, "DisabledException", ""),
}
HANDSHAKE = {
    "wrong-cert": "hostname mismatch",
    "expired-cert": "certificate has expired",
    "untrusted-cert": "unable to get local issuer certificate",
    "old-tls": "protocol",
}


class ShapeTest(FaultCase):
    """Names of the table against bytes on the wire."""

    def test_errors(self):
        for line, (status, kind, words) in ERRORS.items():
            with self.subTest(line):
                answer = self.under(line)
                self.assertEqual((answer.status, answer.error), (status, kind))
                message = answer.json.get("message", answer.json.get("Message"))
                self.assertEqual(message, None) if words is None else self.assertIn(words, message)
                self.assertEqual(answer.headers["content-type"], "application/x-amz-json-1.1")
                last = self.sim.log()[-1]
                self.assertEqual((last["fault"], last["signature"], last["status"]), (line, "valid", status))
                self.assertTrue(last["error"].endswith(kind))
                self.sim.fault("none")
                self.assertEqual(self.ask("Decrypt", self.members).json["Plaintext"], text(SECRET))

    def test_states_of_describe_key(self):
        for line, state in (("disabled", "Disabled"), ("pending-deletion", "PendingDeletion"),
                            ("pending-import", "PendingImport"), ("unavailable-key", "Unavailable")):
            self.sim.fault(line)
            self.assertEqual(self.ask("DescribeKey", {"KeyId": KEY}).json["KeyMetadata"]["KeyState"], state)

    def test_error_in_the_header(self):
        answer = self.under("error-header DisabledException 409")
        self.assertEqual((answer.status, answer.body), (409, b"{}"))
        self.assertEqual(answer.headers["x-amzn-errortype"], "DisabledException")

    def test_no_kms_at_all(self):
        answer = self.under("503")
        self.assertEqual((answer.status, answer.headers["content-type"]), (503, "text/html"))
        answer = self.under("wrong-type")
        self.assertEqual((answer.status, answer.body[:15]), (200, b"<!DOCTYPE html>"))
        answer = self.under("retry-after 7 429")
        self.assertEqual((answer.status, answer.headers["retry-after"]), (429, "7"))
        answer = self.under("redirect")
        elsewhere = f"https://127.0.0.1:{self.sim.port}/elsewhere"
        self.assertEqual((answer.status, answer.headers["location"]), (302, elsewhere))

    def test_spoilt_json(self):
        answer = self.under("broken-json")
        self.assertEqual(len(answer.body), int(answer.headers["content-length"]))
        with self.assertRaises(ValueError):
            answer.json
        answer = self.under("duplicate-json")
        pairs = json.loads(answer.body, object_pairs_hook=list)
        values = [base64.b64decode(value) for name, value in pairs if name == "Plaintext"]
        self.assertEqual(values, [bytes(32), SECRET])

    def test_spoilt_members(self):
        self.assertEqual(self.under("wrong-key-id").json["KeyId"], SECOND)
        wrong = base64.b64decode(self.under("wrong-plaintext").json["Plaintext"])
        flipped = int.from_bytes(wrong, "big") ^ int.from_bytes(SECRET, "big")
        self.assertEqual((len(wrong), flipped.bit_count()), (32, 1))
        self.assertEqual(base64.b64decode(self.under("short-plaintext").json["Plaintext"]), SECRET[:31])
        self.assertEqual(self.under("short-plaintext 0").json["Plaintext"], "")
        self.sim.fault("short-plaintext x1")
        self.assertEqual(self.ask("DescribeKey", {"KeyId": KEY}).status, 200)
        self.assertEqual(len(base64.b64decode(self.ask("Decrypt", self.members).json["Plaintext"])), 31)

    def test_endings(self):
        self.assertEqual(self.half("stall", timeout=2), "silent")
        self.assertEqual(self.half("cut", timeout=5), "closed")
        self.assertEqual(self.raw("stall-headers")[:2], (b"", "silent"))
        self.assertEqual(self.sim.log()[-1]["status"], 0)
        self.assertEqual(self.raw("drop", timeout=5)[:2], (b"", "closed"))

    def test_huge_body(self):
        came, end, _seconds = self.raw("huge-body", timeout=5)
        self.assertEqual((len(came) >= 1 << 24, end), (True, "more"))
        self.assertIn(b"chunked", came[:500])
        came = self.raw("huge-body 12", timeout=5)[0]
        self.assertIn(b"Content-Length: %d\r\n" % (12 << 20), came[:500])
        self.assertEqual(len(came.partition(b"\r\n\r\n")[2]), 12 << 20)

    def test_time(self):
        begin = time.monotonic()
        self.assertEqual(self.under("latency 400").json["Plaintext"], text(SECRET))
        self.assertGreater(time.monotonic() - begin, 0.4)
        self.assertNotIn("date", self.under("no-date").headers)
        for seconds, words in ((600, "Signature expired: "), (-600, "Signature not yet current: ")):
            answer = self.under(f"skew {seconds}")
            self.refused(answer, "InvalidSignatureException")
            self.assertTrue(answer.json["message"].startswith(words))
            self.dated(answer, seconds)
            answer = self.ask("Decrypt", self.members, offset=seconds)
            self.assertEqual(answer.json["Plaintext"], text(SECRET))
            answer = self.under(f"skew-denied {seconds}")
            self.refused(answer, "DisabledException", "valid")
            self.dated(answer, seconds)

    def dated(self, answer, seconds):
        """Asserts that the answer's Date is off."""
        off = email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()
        self.assertAlmostEqual(off, seconds, delta=5)

    def connection(self, before):
        """The log's first new entry: the client may know of its connection's end before the log does."""
        for _ in range(100):
            found = self.sim.log("connections")[before:]
            if found:
                return found[0]
            time.sleep(0.05)
        self.fail("the connection is not in the log")

    def test_handshakes(self):
        for line, words in HANDSHAKE.items():
            with self.subTest(line):
                before = len(self.sim.log("connections"))
                self.sim.fault(line)
                with self.assertRaises(ssl.SSLError) as caught:
                    self.sim.connect()
                self.assertIn(words, str(caught.exception).lower())
                last = self.connection(before)
                self.assertEqual((last["fault"], last["tls"]), (line, None))
                self.assertIsNotNone(last["error"])
        self.sim.fault("stall-tls")
        with self.assertRaises(TimeoutError):
            self.sim.connect(timeout=0.5)
        self.sim.fault("none")
        for name in ("localhost", "127.0.0.1", "::1", "10.0.2.100", "kms.eu-west-1.amazonaws.com"):
            self.sim.connect(name).close()

    def test_a_client_that_checks_no_certificate_is_served(self):
        """So that its test sees a success where there must be none."""
        headers, body = self.prepare("Decrypt", self.members)
        careless = ssl.create_default_context()
        careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
        careless.set_ciphers("ALL:@SECLEVEL=0")
        for line in HANDSHAKE:
            self.sim.fault(line)
            plain = socket.create_connection(("127.0.0.1", self.sim.port), 5)
            answer = self.send(headers, body, careless.wrap_socket(plain))
            self.assertEqual((answer.status, self.sim.log()[-1]["fault"]), (200, line))
        self.assertEqual(self.sim.log("connections")[-1]["tls"], "TLSv1.1")
