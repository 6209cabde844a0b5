# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls each method of org.lukskms.Agent by a client that knows the interface only from the server
itself, and reads the metrics by Prometheus' own parser. Run by tests/interop/varlink."""

import sys
import unittest

import varlink
from prometheus_client.openmetrics.parser import text_string_to_metric_families

ADDRESS = sys.argv.pop(1)
AGENT = "org.lukskms.Agent"


class Interop(unittest.TestCase):
    """One connection for each test."""

    def setUp(self):
        self.client = varlink.Client.new_with_address(ADDRESS)
        self.agent = self.client.open(AGENT)

    def tearDown(self):
        self.agent.close()

    def test_introspection(self):
        """The interface's text is parsed by the client, all of it."""
        interface = self.client.get_interface(AGENT)
        names = {name for name, member in interface.members.items() if type(member).__name__ == "_Method"}
        self.assertEqual(
            names, {"Status", "Why", "Metrics", "Probe", "Drill", "Reload", "Receipts"}
        )
        with self.client.open("org.varlink.service") as service:
            info = service.GetInfo()
            self.assertEqual(info["product"], "luks-kmsd")
            self.assertEqual(info["interfaces"], ["org.varlink.service", AGENT])
            text = service.GetInterfaceDescription("org.varlink.service")["description"]
            self.assertIn("org.varlink.service", varlink.Interface(text).name)

    def test_answers_have_the_form_of_the_interface(self):
        """The client drops what the interface does not name and misses what it does."""
        volume = self.agent.Status()["volumes"][0]
        self.assertEqual(volume["name"], "data")
        self.assertEqual(volume["state"], "revoked")
        self.assertEqual(volume["keys"][0]["verdict"], "key-state")
        self.assertEqual(volume["keys"][0]["interval_ms"], 60000)
        why = self.agent.Why("data")
        self.assertEqual(why["volume"]["next_rung_at"], "2026-01-03T03:04:05.678Z")
        self.assertEqual(why["history"][1]["outcome"], "proven")
        self.assertEqual(len(why["sentences"]), 5)
        self.assertTrue(self.agent.Receipts()["receipts"][0]["proven"])
        self.assertEqual(self.agent.Probe("data"), {})
        self.assertEqual(self.agent.Reload(), {})

    def test_members(self):
        """Each member that is written is one that the interface names, by its types' fields."""
        interface = self.client.get_interface(AGENT)

        def known(type_name):
            return set(interface.members[type_name].type.fields)

        why = self.agent.Why("data")
        self.assertLessEqual(set(why["volume"]), known("Volume"))
        self.assertLessEqual(set(why["volume"]["keys"][0]), known("KeyProbe"))
        self.assertLessEqual(set(why["history"][0]), known("Event"))
        self.assertLessEqual(set(self.agent.Receipts()["receipts"][0]), known("Receipt"))

    def test_drill(self):
        """Several replies to one call."""
        plan = self.agent.Drill("data", None, False)
        self.assertEqual(plan["step"]["step"], "plan")
        answers = list(self.agent.Drill("data", "close", True, _more=True))
        self.assertEqual([a["step"]["step"] for a in answers[:-1]], ["notice", "enforce"])
        self.assertTrue(answers[-1]["report"]["passed"])
        self.assertEqual(answers[-1]["report"]["receipt"]["table"], "wiped")

    def test_errors(self):
        """Ours and the standard ones, as the client tells them."""
        with self.assertRaises(varlink.VarlinkError) as caught:
            self.agent.Why("nope")
        self.assertEqual(caught.exception.error(), AGENT + ".NoSuchVolume")
        self.assertIn("nope", caught.exception.parameters()["message"])
        with self.assertRaises(varlink.VarlinkError) as caught:
            self.agent.Drill("data", "erase", True, _more=True).__next__()
        self.assertEqual(caught.exception.error(), "org.varlink.service.InvalidParameter")
        with self.assertRaises(varlink.InterfaceNotFound):
            self.client.open("org.example.None")

    def test_metrics(self):
        """What Prometheus makes of the figures."""
        families = list(text_string_to_metric_families(self.agent.Metrics()["text"]))
        types = {family.name: family.type for family in families}
        self.assertEqual(
            types,
            {
                "luks_kms_lease_state": "stateset",
                "luks_kms_rung": "gauge",
                "luks_kms_rungs": "counter",
                "luks_kms_erasure_proven": "gauge",
                "luks_kms_probe_since_success_seconds": "gauge",
                "luks_kms_probes": "counter",
                "luks_kms_audit_errors": "counter",
                "luks_kms_build": "info",
            },
        )
        samples = {
            (s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples
        }
        keys = {dict(labels).get("key") for _, labels in samples}
        self.assertIn('a"b\\c\nd', keys)
        state = {"volume": "data", "luks_kms_lease_state": "revoked"}
        self.assertEqual(samples["luks_kms_lease_state", frozenset(state.items())], 1)


if __name__ == "__main__":
    unittest.main()
