"""The rule packs: they compile, alone and together; their tests pass; they find what the generator has hidden in its sample streams.

What no `test` block can say is here, too: that an alert does not escalate when what would escalate it comes too late.
"""
import json
import os
import shutil
import tempfile
import unittest

from pack_runs import FRAUD, MONITORING, RULES, egret, replay


class Compiling(unittest.TestCase):
    def test_each_pack_alone_and_both_together(self):
        for folders in ([FRAUD], [MONITORING], [FRAUD, MONITORING], [MONITORING, FRAUD], [RULES]):
            done = egret("check", *folders)
            self.assertEqual((done.returncode, done.stdout), (0, ""), folders)
            self.assertIn("no problems", done.stderr)

    def test_layout_is_canonical(self):
        done = egret("fmt", "--check", RULES)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class Tests(unittest.TestCase):
    def test_all_pass(self):
        done = egret("test", RULES)
        self.assertEqual(done.returncode, 0, "\n".join(line for line in done.stdout.splitlines() if not line.startswith("ok ")))
        rules = {line.split('"')[0].split()[1] for line in done.stdout.splitlines() if line.startswith("ok ")}
        self.assertGreaterEqual(len(rules), 26, rules)


class Escalating(unittest.TestCase):
    """Just in time and a millisecond late, for each rule that escalates."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="egret-packs-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def kinds(self, streams):
        events = []
        for name, records in streams.items():
            path = os.path.join(self.dir, name)
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(record) + "\n" for record in records)
            events.append("%s=%s" % (name, path))
        return [alert["kind"] for alert in replay([FRAUD], *events)]

    def test_card_testing(self):
        start = 1767225600000
        declines = [{"card": "t", "card_fp": "c%d" % i, "ip": "203.0.113.7", "amount": 1, "status": "declined", "at": start + i}
                    for i in range(5)]
        for late, kinds in ((0, ["alert", "escalated"]), (1, ["alert"])):
            approved = {"card": "t", "card_fp": "c1", "ip": "203.0.113.7", "amount": 100, "status": "approved",
                        "at": start + 4 + 3600000 + late}
            self.assertEqual(self.kinds({"payment": declines + [approved]}), kinds)

    def test_bust_out(self):
        start, day = 1767225600000, 86400000
        closings = [{"credit_account": "k", "balance": 100, "credit_limit": 1000, "at": start + i * day} for i in range(61)]
        purchases = [{"credit_account": "k", "amount": 300, "mcc": 6051, "balance_after": 950, "credit_limit": 1000,
                      "at": start + 61 * day + i} for i in range(3)]
        for late, kinds in ((0, ["alert", "escalated"]), (1, ["alert"])):
            returned = [{"credit_account": "k", "at": start + 61 * day + 2 + 10 * day + late}]
            self.assertEqual(self.kinds({"closing": closings, "purchase": purchases, "payment_returned": returned}), kinds)


class Generated(unittest.TestCase):
    """Every episode the generator has hidden is found by the rule it is meant for."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="egret-packs-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def generate(self, kind, events):
        path, labels = os.path.join(self.dir, kind), os.path.join(self.dir, kind + ".labels")
        done = egret("generate", kind, "--events", str(events), "--seed", "7", "--out", path, "--labels", labels)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        episodes = {}
        with open(labels, encoding="utf-8") as file:
            for label in map(json.loads, file):
                episodes.setdefault((label["label"], label["episode"]), []).append(lines[label["line"] - 1])
        self.assertGreater(len(episodes), 5)
        # What begins at the very end may have no end.
        last = lines[-len(lines) // 50]["at"]
        return path, {key: records for key, records in episodes.items() if records[-1]["at"] < last}

    def missing(self, episodes, alerts, rule_of):
        """Episodes of which no event is evidence of an alert of their rule."""
        seen = {(alert["rule"], json.dumps(event["event"], sort_keys=True)) for alert in alerts for event in alert.get("events", [])}
        return [(label, number) for (label, number), records in episodes.items() if label in rule_of
                and not any((rule_of[label], json.dumps(record, sort_keys=True)) in seen for record in records)]

    def test_payments(self):
        path, episodes = self.generate("payments", 20000)
        alerts = replay([FRAUD], "payment=" + path)
        rule_of = {"card_testing": "card_testing", "card_velocity": "card_velocity", "card_countries": "card_velocity",
                   "ten_times_average": "ten_times_average"}
        self.assertEqual({label for label, _ in episodes}, set(rule_of))
        self.assertEqual(self.missing(episodes, alerts, rule_of), [])
        self.assertIn("escalated", {alert["kind"] for alert in alerts})
        self.assertLess(len(alerts), 200)

    def test_logins(self):
        path, episodes = self.generate("logins", 20000)
        alerts = replay([FRAUD], "account_events=" + path) + replay([MONITORING], "logins=" + path)
        self.assertEqual({label for label, _ in episodes}, {"account_takeover", "brute_force"})
        self.assertEqual(self.missing(episodes, alerts, {label: label for label, _ in episodes}), [])
        self.assertLess(len(alerts), 50)

    def test_faults_do_not_show(self):
        """Out of order, twice and broken: the same alerts, by their ids, as in order, once and whole."""
        for kind, pack, name, told in (("payments", FRAUD, "payment", "device_id"), ("logins", FRAUD, "account_events", "account")):
            path, clean = os.path.join(self.dir, kind), os.path.join(self.dir, kind + ".clean")
            done = egret("generate", kind, "--events", "20000", "--seed", "3", "--faults", "--out", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            records = {}
            with open(path, encoding="utf-8", errors="replace") as file:
                for line in file:
                    try:
                        record = json.loads(line)
                    except ValueError:
                        continue
                    if isinstance(record, dict) and record.get(told):
                        records.setdefault(record["id"], (record["at"], line))
            with open(clean, "w", encoding="utf-8") as file:
                file.writelines(line for _, line in sorted(records.values()))
            alerts = replay([pack], name + "=" + path)
            self.assertGreater(len(alerts), 5)
            self.assertEqual([(alert["id"], alert["kind"]) for alert in alerts],
                             [(alert["id"], alert["kind"]) for alert in replay([pack], name + "=" + clean)])

    def test_sensors(self):
        path, episodes = self.generate("sensors", 50000)
        pack = os.path.join(self.dir, "monitoring")
        shutil.copytree(MONITORING, pack)
        with open(os.path.join(pack, "tables", "registry.csv"), "a", encoding="utf-8") as file:
            file.writelines("dev%02d,60s\n" % i for i in range(40))
        alerts = replay([pack], "sensors=" + path)
        self.assertEqual(self.missing(episodes, alerts, {"rising": "sensor_rising", "error_rate": "error_rate", "restart_loop": "restart_loop"}), [])
        # The label of a silence stands at the heartbeat that ends it, which resolves the alert.
        silences = [records[0] for (label, _), records in episodes.items() if label == "silence"]
        resolved = {(alert["key"]["device_id"], alert["time"]) for alert in alerts
                    if alert["rule"] == "heartbeat_lost" and alert["kind"] == "resolved"}
        self.assertGreater(len(silences), 0)
        self.assertEqual([record for record in silences if (record["device_id"], record["at"]) not in resolved], [])


if __name__ == "__main__":
    unittest.main()
