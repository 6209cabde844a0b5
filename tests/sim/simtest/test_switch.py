# SPDX-License-Identifier: LGPL-2.1-or-later
"""Switching faults: counting, healing, bad lines; and that none opens a key to a bad signature."""
import os
import socket
import ssl
import subprocess
import time

from botocore.credentials import Credentials

from simkms import faults

from .client import KEY, PROGRAM, FaultCase, Simulated, altered


class SwitchTest(FaultCase):
    """Switching, counting, healing."""

    def test_counting(self):
        self.sim.fault("throttle x2")
        kinds = [self.ask("Decrypt", self.members).error for _ in range(4)]
        self.assertEqual(kinds, ["ThrottlingException", "ThrottlingException", "", ""])
        self.assertFalse(os.path.exists(f"{self.sim.dir}/fault"))
        self.sim.fault("wrong-cert x1")
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.sim.connect()
        self.sim.connect().close()

    def test_kept_connection_meets_a_handshake_fault(self):
        with self.sim.connect() as connection:
            self.assertEqual(self.send(*self.prepare("Decrypt", self.members), connection).status, 200)
            self.assertEqual(self.send(*self.prepare("Decrypt", self.members), connection).status, 200)
            self.sim.fault("stall-tls")
            with self.assertRaises(OSError):
                self.send(*self.prepare("Decrypt", self.members), connection)

    def test_bad_signature_beats_every_fault(self):
        own = self.sim.credentials()
        wrong = Credentials(own.access_key, altered(own.secret_key))
        for row in faults.TABLE:
            if row[2] == "connection" or row[0] in ("stall-headers", "drop", "stall", "cut", "huge-body"):
                continue
            with self.subTest(row[0]):
                answer = self.under(f"{row[0]} {faults.EXAMPLES.get(row[0], '')}", credentials=wrong)
                self.assertNotIn(b"Plaintext", answer.body)
                self.assertEqual(self.sim.log()[-1]["signature"], "expired" if row[0] == "skew" else "mismatch")
                if row[2] in ("state", "error"):
                    self.refused(answer, "InvalidSignatureException", "mismatch")

    def test_nothing_is_executed_behind_an_error(self):
        for line in ("503", "throttle", "wrong-type", "skew-denied 600"):
            self.sim.fault(line)
            self.ask("DisableKey", {"KeyId": KEY})
        self.sim.fault("none")
        self.assertEqual(self.ask("Decrypt", self.members).status, 200)

    def test_bad_lines(self):
        for line in ("thortle", "latency", "latency x", "latency -1", "unavailable-key gone", "disabled now"):
            done = subprocess.run([PROGRAM, "--dir", self.sim.dir, "--fault", line], capture_output=True, check=False)
            self.assertEqual(done.returncode, 2, line)
        other = Simulated()
        self.addCleanup(other.close)
        self.sim, headers_of = other, self.prepare
        with open(f"{other.dir}/fault", "w", encoding="utf-8") as stream:
            stream.write("thortle\n")
        self.assertEqual(self.send(*headers_of("DescribeKey", {"KeyId": KEY})).status, 500)
        status, words = other.stop()
        self.assertEqual(status, 3)
        self.assertIn("no fault is called 'thortle'", words)

    def test_stops_while_clients_are_stalled(self):
        other = Simulated()
        self.addCleanup(other.close)
        other.fault("stall-tls")
        with socket.create_connection(("127.0.0.1", other.port), 5):
            time.sleep(0.2)
            begin = time.monotonic()
            self.assertEqual(other.stop(), (0, ""))
        self.assertLess(time.monotonic() - begin, 2)

    def test_table_is_the_readme_s(self):
        done = subprocess.run([PROGRAM, "--faults"], capture_output=True, text=True, check=True)
        with open(os.path.join(os.path.dirname(PROGRAM), "README.md"), encoding="utf-8") as stream:
            readme = stream.read()
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        self.assertEqual(len(rows), len(faults.TABLE))
        for example, verdict, stage, form, wire in rows:
            self.assertIsNotNone(faults.parse(example))
            self.assertIn(f"| `{form}` | {stage} | {wire} | {verdict} |\n", readme)
