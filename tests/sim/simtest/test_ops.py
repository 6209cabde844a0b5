# SPDX-License-Identifier: LGPL-2.1-or-later
"""The operations without faults: what KMS grants, what it refuses, what is kept, what the logs say."""
import base64
import os
import subprocess

from .client import FAR, FOREIGN, KEY, PROGRAM, SECOND, SECRET, Case, Simulated, text


class CryptoTest(Case):
    """Encrypt, Decrypt, ReEncrypt."""

    def opened(self, blob, **members):
        """Decrypts."""
        return self.ask("Decrypt", {"CiphertextBlob": blob, **members})

    def test_round_trip(self):
        context = {"volume": "ü", "use": "keyslot"}
        for size in (1, 32, 4096):
            plaintext = os.urandom(size)
            blob = self.sealed(plaintext, context=context)
            self.assertEqual(len(base64.b64decode(blob)), size + 152)
            answer = self.opened(blob, KeyId=KEY, EncryptionContext=context).json
            self.assertEqual((answer["Plaintext"], answer["KeyId"]), (text(plaintext), KEY))
        self.assertNotEqual(self.sealed(SECRET), self.sealed(SECRET))

    def test_names_of_a_key(self):
        blob = self.sealed()
        arn = KEY.rpartition("key/")[0] + "alias/luks-kms-main"
        for name in (KEY, KEY.rpartition("/")[2], "alias/luks-kms-main", arn):
            self.assertEqual(self.opened(blob, KeyId=name).json["KeyId"], KEY)
        self.assertEqual(self.opened(blob).json["KeyId"], KEY)

    def test_context(self):
        blob = self.sealed(context={"volume": "a", "use": "keyslot"})
        wrong = ({}, {"volume": "a"}, {"volume": "A", "use": "keyslot"}, {"Volume": "a", "use": "keyslot"},
                 {"volume": "a", "use": "keyslot", "more": "x"}, {"volume": "keyslot", "use": "a"})
        for context in wrong:
            with self.subTest(context):
                answer = self.opened(blob, KeyId=KEY, EncryptionContext=context)
                self.refused(answer, "InvalidCiphertextException", "valid")
                self.assertNotIn("message", answer.json)
        swapped = {"use": "keyslot", "volume": "a"}
        self.assertEqual(self.opened(blob, KeyId=KEY, EncryptionContext=swapped).status, 200)

    def test_bent_blob(self):
        blob = bytearray(base64.b64decode(self.sealed()))
        for place in (0, 20, 40, 100, len(blob) - 1):
            bent = bytearray(blob)
            bent[place] ^= 1
            self.refused(self.opened(text(bent), KeyId=KEY), "InvalidCiphertextException")
        self.refused(self.opened(text(blob[:50]), KeyId=KEY), "InvalidCiphertextException")
        blob[4] ^= 1
        self.refused(self.opened(text(blob), KeyId=KEY), "AccessDeniedException")

    def test_wrong_key(self):
        self.refused(self.opened(self.sealed(), KeyId=SECOND), "IncorrectKeyException")
        self.refused(self.opened(self.sealed(), KeyId=KEY[:-1] + "9"), "NotFoundException")
        self.refused(self.opened(self.sealed(), KeyId=FAR), "NotFoundException")
        self.refused(self.opened(self.sealed(), KeyId="arn:aws:s3:::x"), "InvalidArnException")

    def test_accounts(self):
        blob = self.sealed()
        members = {"CiphertextBlob": blob, "KeyId": KEY}
        answer = self.ask("Decrypt", members, section="other-account")
        self.refused(answer, "AccessDeniedException", "valid")
        self.assertIn("kms:Decrypt", answer.json["Message"])
        self.refused(self.ask("Decrypt", {"CiphertextBlob": blob}, section="other-account"), "AccessDeniedException")
        self.refused(self.ask("Encrypt", {"KeyId": FOREIGN, "Plaintext": text(b"x")}), "AccessDeniedException")
        self.refused(self.ask("Decrypt", members, section="encrypt-only"), "AccessDeniedException")
        members = {"KeyId": KEY, "Plaintext": text(b"x")}
        self.assertEqual(self.ask("Encrypt", members, section="encrypt-only").status, 200)

    def test_re_encrypt(self):
        blob = self.sealed(SECRET, context={"a": "1"})
        members = {"CiphertextBlob": blob, "SourceKeyId": KEY, "SourceEncryptionContext": {"a": "1"}}
        members.update(DestinationKeyId=SECOND, DestinationEncryptionContext={"b": "2"})
        answer = self.ask("ReEncrypt", members).json
        self.assertEqual((answer["SourceKeyId"], answer["KeyId"]), (KEY, SECOND))
        opened = self.opened(answer["CiphertextBlob"], KeyId=SECOND, EncryptionContext={"b": "2"})
        self.assertEqual(opened.json["Plaintext"], text(SECRET))
        members["SourceEncryptionContext"] = {"a": "2"}
        self.refused(self.ask("ReEncrypt", members), "InvalidCiphertextException")

    def test_form(self):
        good = {"KeyId": KEY, "Plaintext": text(b"x")}
        cases = (
            ({"Plaintext": text(bytes(4097))}, "ValidationException"),
            ({"Plaintext": ""}, "ValidationException"),
            ({"Plaintext": None}, "ValidationException"),
            ({"KeyId": ""}, "ValidationException"),
            ({"Plaintext": "eA=*"}, "SerializationException"),
            ({"Plaintext": "eA"}, "SerializationException"),
            ({"EncryptionContext": {"a": 1}}, "SerializationException"),
            ({"EncryptionContex": {}}, "SerializationException"),
            ({"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, "InvalidKeyUsageException"),
        )
        for change, kind in cases:
            with self.subTest(change=list(change)):
                self.refused(self.ask("Encrypt", {**good, **change}), kind, "valid")
        self.refused(self.opened(text(bytes(6145)), KeyId=KEY), "ValidationException")
        self.refused(self.ask("GenerateDataKey", good), "UnknownOperationException", status=404)

    def test_nothing_secret_in_the_logs(self):
        blob = self.sealed(SECRET)
        self.opened(blob, KeyId=KEY)
        kept = b""
        for name in ("requests.log", "connections.log"):
            with open(f"{self.sim.dir}/{name}", "rb") as stream:
                kept += stream.read()
        for word in (text(SECRET), blob, self.sim.credentials().secret_key, self.sim.credentials("session").token):
            self.assertNotIn(word.encode(), kept)
        for name in ("credentials", "keys.json", "tls/server.pem"):
            self.assertEqual(os.stat(f"{self.sim.dir}/{name}").st_mode & 0o777, 0o600, name)


class StateTest(Case):
    """Key states, changed as an operator would, kept over a restart."""

    def state(self):
        """What DescribeKey says."""
        return self.ask("DescribeKey", {"KeyId": KEY}).json["KeyMetadata"]

    def test_states(self):
        blob = self.sealed(SECRET)
        members = {"CiphertextBlob": blob, "KeyId": KEY}
        self.assertEqual(self.ask("DisableKey", {"KeyId": KEY}).body, b"")
        answer = self.ask("Decrypt", members)
        self.refused(answer, "DisabledException", "valid")
        self.assertEqual(answer.json["message"], KEY + " is disabled.")
        self.refused(self.ask("Encrypt", {"KeyId": KEY, "Plaintext": text(b"x")}), "DisabledException")
        self.assertEqual((self.state()["KeyState"], self.state()["Enabled"]), ("Disabled", False))
        self.assertEqual(self.ask("Encrypt", {"KeyId": SECOND, "Plaintext": text(b"x")}).status, 200)

        self.assertEqual(self.sim.stop(), (0, ""))
        self.assertFalse(os.path.exists(f"{self.sim.dir}/ready"))
        self.sim.start()
        self.refused(self.ask("Decrypt", members), "DisabledException")
        self.ask("EnableKey", {"KeyId": KEY})
        self.assertEqual(self.ask("Decrypt", members).json["Plaintext"], text(SECRET))

        self.refused(self.ask("CancelKeyDeletion", {"KeyId": KEY}), "KMSInvalidStateException")
        self.refused(self.ask("ScheduleKeyDeletion", {"KeyId": KEY, "PendingWindowInDays": 6}), "ValidationException")
        answer = self.ask("ScheduleKeyDeletion", {"KeyId": KEY, "PendingWindowInDays": 7}).json
        self.assertEqual((answer["KeyId"], answer["KeyState"]), (KEY, "PendingDeletion"))
        self.assertEqual(self.state()["DeletionDate"], answer["DeletionDate"])
        answer = self.ask("Decrypt", members)
        self.refused(answer, "KMSInvalidStateException")
        self.assertEqual(answer.json["message"], KEY + " is pending deletion.")
        self.refused(self.ask("EnableKey", {"KeyId": KEY}), "KMSInvalidStateException")
        self.assertEqual(self.ask("CancelKeyDeletion", {"KeyId": KEY}).json, {"KeyId": KEY})
        self.assertEqual(self.state()["KeyState"], "Disabled")
        self.ask("EnableKey", {"KeyId": KEY})
        self.refused(self.ask("DisableKey", {"KeyId": KEY}, section="other-account"), "AccessDeniedException")
        self.refused(self.ask("DisableKey", {"KeyId": "alias/luks-kms-main"}), "InvalidArnException")
        self.assertEqual(self.state()["KeyState"], "Enabled")


class LifeTest(Case):
    """Starting and stopping."""

    def test_one_per_directory_several_at_once(self):
        second = subprocess.run([PROGRAM, "--dir", self.sim.dir], capture_output=True, text=True, timeout=10)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another simulator", second.stderr)
        other = Simulated("--region", "us-east-1")
        self.addCleanup(other.close)
        self.assertNotEqual(other.credentials().secret_key, self.sim.credentials().secret_key)
        here, self.sim = self.sim, other
        self.addCleanup(setattr, self, "sim", here)
        blob = self.ask("Encrypt", {"KeyId": FAR, "Plaintext": text(SECRET)}, region="us-east-1").json
        self.assertEqual(blob["KeyId"], FAR)

    def test_ends_with_its_process(self):
        child = subprocess.Popen(["sleep", "60"])
        simulator = Simulated("--with-pid", str(child.pid))
        self.addCleanup(simulator.close)
        child.kill()
        child.wait()
        self.assertEqual(simulator.process.wait(timeout=5), 0)
