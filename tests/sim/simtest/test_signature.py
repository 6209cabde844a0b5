# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every way in which a signature can be wrong is refused, under its own name."""
import time
import unittest

from botocore.credentials import Credentials

from simkms import sigv4
from simkms.errors import ApiError
from simkms.store import Identity
from simkms.wire import Request

from .client import KEY, STAMP, Case, altered, sign

DESCRIBE = {"KeyId": KEY}
INVALID = "InvalidSignatureException"


class SignatureTest(Case):
    """A good request, then the same with one thing wrong."""

    def bent(self, change, kind, verdict):
        """Sends a DescribeKey that was signed and then changed."""
        headers, body = self.prepare("DescribeKey", DESCRIBE)
        changed = change(headers)
        self.refused(self.send(headers, body if changed is None else changed), kind, verdict)

    def test_good(self):
        answer = self.ask("DescribeKey", DESCRIBE)
        self.assertEqual(answer.json["KeyMetadata"]["Arn"], KEY)
        self.assertEqual(self.sim.log()[-1]["signature"], "valid")

    def test_flipped_signature(self):
        for place in (-1, -32, -64):
            def flip(headers, place=place):
                words = list(headers["authorization"])
                words[place] = "0" if words[place] != "0" else "1"
                headers["authorization"] = "".join(words)

            self.bent(flip, INVALID, "mismatch")

    def test_wrong_secret(self):
        own = self.sim.credentials()
        wrong = Credentials(own.access_key, altered(own.secret_key))
        self.refused(self.ask("DescribeKey", DESCRIBE, credentials=wrong), INVALID, "mismatch")
        borrowed = Credentials(own.access_key, self.sim.credentials("other-account").secret_key)
        self.refused(self.ask("DescribeKey", DESCRIBE, credentials=borrowed), INVALID, "mismatch")

    def test_changed_body(self):
        headers, body = self.prepare("DescribeKey", DESCRIBE)
        self.refused(self.send(headers, body + b" "), INVALID, "mismatch")
        self.refused(self.send(headers, b""), INVALID, "mismatch")

    def test_claimed_body_hash(self):
        def claim(headers):
            headers["x-amz-content-sha256"] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            sign(headers, b"", self.sim.credentials())
            return b'{"KeyId":"' + KEY.encode() + b'"}'

        self.bent(claim, INVALID, "mismatch")

    def test_changed_header(self):
        changes = {
            "x-amz-target": "TrentService.DisableKey",
            "content-type": "application/json",
            "host": "127.0.0.1:1",
            "x-amz-date": time.strftime(STAMP, time.gmtime(time.time() - 1)),
        }
        for name, value in changes.items():
            with self.subTest(name):
                self.bent(lambda headers, n=name, v=value: headers.update({n: v}), INVALID, "mismatch")
        self.assertEqual(self.ask("DescribeKey", DESCRIBE).json["KeyMetadata"]["KeyState"], "Enabled")

    def test_unsigned_headers(self):
        all_names = {"host", "x-amz-date", "x-amz-target", "content-type"}
        for name in all_names:
            with self.subTest(name):
                def leave_out(headers, name=name):
                    body = b'{"KeyId":"x"}'
                    sign(headers, body, self.sim.credentials(), only=all_names - {name})
                    return body

                self.bent(leave_out, INVALID, "unsigned-header")
        self.bent(lambda headers: headers.update({"x-amz-extra": "1"}), INVALID, "unsigned-header")

    def test_signed_user_agent(self):
        """Nobody has to sign it, but who does is taken at his word."""
        headers, body = self.prepare("DescribeKey", DESCRIBE)
        headers["user-agent"] = "one"
        self.assertEqual(self.send(headers, body).status, 200)
        sign(headers, body, self.sim.credentials())
        self.assertEqual(self.send(headers, body).status, 200)
        headers["user-agent"] = "two"
        self.refused(self.send(headers, body), INVALID, "mismatch")

    def test_signed_header_list(self):
        def reorder(headers):
            words = headers["authorization"]
            headers["authorization"] = words.replace("content-type;host", "host;content-type")

        self.bent(reorder, INVALID, "mismatch")
        self.bent(lambda headers: headers.update(authorization=headers["authorization"].replace(
            ";x-amz-date", ";range;x-amz-date")), INVALID, "mismatch")

    def test_clock(self):
        for offset, verdict, words in ((-302, "expired", "Signature expired: "),
                                       (305, "not-yet-current", "Signature not yet current: ")):
            answer = self.ask("DescribeKey", DESCRIBE, offset=offset)
            self.refused(answer, INVALID, verdict)
            self.assertTrue(answer.json["message"].startswith(words))
            self.assertIn(" 5 min.)", answer.json["message"])
        for offset in (-290, 290):
            self.assertEqual(self.ask("DescribeKey", DESCRIBE, offset=offset).status, 200)

    def test_scope(self):
        self.refused(self.ask("DescribeKey", DESCRIBE, region="us-east-1"), INVALID, "scope")
        self.refused(self.ask("DescribeKey", DESCRIBE, service="sts"), INVALID, "scope")
        yesterday = time.strftime("%Y%m%d", time.gmtime(time.time() - 86400))
        today = time.strftime("%Y%m%d", time.gmtime())
        self.bent(lambda headers: headers.update(authorization=headers["authorization"].replace(
            f"/{today}/", f"/{yesterday}/")), INVALID, "scope")

    def test_region_of_host(self):
        headers, body = self.prepare("DescribeKey", DESCRIBE)
        headers["host"] = "kms.us-east-1.amazonaws.com"
        sign(headers, body, self.sim.credentials())
        self.refused(self.send(headers, body), INVALID, "scope")
        sign(headers, body, self.sim.credentials(), region="us-east-1")
        self.refused(self.send(headers, body), "NotFoundException", "valid")

    def test_incomplete(self):
        self.bent(lambda headers: headers.pop("authorization") and None,
                  "MissingAuthenticationTokenException", "missing")
        for words in ("AWS4-HMAC-SHA1 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0", "Bearer x",
                      "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host",
                      "AWS4-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=host, Signature=0"):
            self.bent(lambda headers, w=words: headers.update(authorization=w),
                      "IncompleteSignatureException", "incomplete")
        self.bent(lambda headers: headers.update({"x-amz-date": "yesterday"}),
                  "IncompleteSignatureException", "incomplete")

    def test_identities(self):
        stranger = Credentials("AKIASIMKMSNOBODY0001", "x" * 40)
        unrecognized = "UnrecognizedClientException"
        self.refused(self.ask("DescribeKey", DESCRIBE, credentials=stranger), unrecognized, "unknown-access-key")
        self.assertEqual(self.ask("DescribeKey", DESCRIBE, section="session").status, 200)
        self.refused(self.ask("DescribeKey", DESCRIBE, section="expired"), "ExpiredTokenException", "expired-token")
        session = self.sim.credentials("session")
        for token in (None, altered(session.token), self.sim.credentials("expired").token):
            wrong = Credentials(session.access_key, session.secret_key, token)
            self.refused(self.ask("DescribeKey", DESCRIBE, credentials=wrong), unrecognized, "bad-token")


class KnownAnswerTest(unittest.TestCase):
    """A signature that another signer made, of a date long gone."""

    SIGNATURE = "e734ba900119f0f709edb9bf29d913c5051d2449009c88268d2698b4393bd458"
    IDENTITY = Identity("kat", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", "1", frozenset())

    def verify(self, signature):
        """Verifies the known request with a signature."""
        signed = "content-type;host;x-amz-date;x-amz-target"
        words = f"Credential=AKIDEXAMPLE/20260102/us-east-1/kms/aws4_request, SignedHeaders={signed}"
        headers = [
            ("Host", "kms.us-east-1.amazonaws.com"),
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Date", "20260102T030405Z"),
            ("X-Amz-Target", "TrentService.DescribeKey"),
            ("Authorization", f"AWS4-HMAC-SHA256 {words}, Signature={signature}"),
        ]
        request = Request("POST", "/", headers, b'{"KeyId":"alias/x"}')
        return sigv4.verify(request, {"AKIDEXAMPLE": self.IDENTITY}, "us-east-1", 1767323045)

    def test_known_answer(self):
        self.assertIs(self.verify(self.SIGNATURE), self.IDENTITY)
        with self.assertRaises(ApiError):
            self.verify(self.SIGNATURE[:-1] + "9")
