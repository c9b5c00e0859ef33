"""The rule packs run as a service as they are: they start, take what the generators make, alert, and end."""
import os
import unittest

from harness import Daemon, Folder, egret

RULES = os.path.join(os.environ["EGRET_SOURCE"], "rules")


class Packs(Folder):
    def serve(self, pack, kind, name):
        sample = egret("generate", kind, "--events", "20000", "--seed", "3")
        self.assertEqual(sample.returncode, 0)
        lines = sample.stdout.splitlines(keepends=True)
        daemon = Daemon(os.path.join(RULES, pack), self.path("data"))
        self.addCleanup(daemon.kill)
        daemon.wait_until_ready()
        for part in range(0, len(lines), 2000):
            status, answer = daemon.post(name, "".join(lines[part:part + 2000]), "application/x-ndjson")
            self.assertEqual((status, answer["rejected"]), (202, 0))
            self.assertEqual(answer["accepted"] + answer.get("unrouted", 0), 2000)
        self.assertEqual(daemon.stop(), 0)
        self.assertGreater(len(daemon.alerts()), 0)

    def test_fraud_takes_payments(self):
        self.serve("fraud", "payments", "payment")

    def test_fraud_takes_what_happens_to_accounts(self):
        self.serve("fraud", "logins", "account_events")

    def test_monitoring_takes_sensors(self):
        self.serve("monitoring", "sensors", "sensors")


if __name__ == "__main__":
    unittest.main()
