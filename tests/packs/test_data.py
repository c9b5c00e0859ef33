"""The rules on real data, against what separate programs have computed. Skipped (exit code 77) where the data is not there.

ssh_auth.ndjson           858 logins of a machine open to the world (from elastic/examples, Apache-2.0)
machine_temperature.csv   22,695 readings (Numenta Anomaly Benchmark, MIT); one step back in time, 12 equal timestamps
"""
import csv
import os
import sys
import unittest

from pack_runs import HERE, MONITORING, SOURCE, egret, replay

DATA = os.environ.get("EGRET_DATA", os.path.join(SOURCE, "..", "shared", "data"))
LOGINS = os.path.join(DATA, "ssh_auth.ndjson")
READINGS = os.path.join(DATA, "machine_temperature.csv")


class Logins(unittest.TestCase):
    def test_one_break_in(self):
        rules = [os.path.join(HERE, "ssh_auth.egret"), os.path.join(MONITORING, "brute_force.egret")]
        alerts = [alert for alert in replay(rules, "logins=" + LOGINS) if alert["rule"] == "brute_force"]
        self.assertEqual(len(alerts), 1)
        self.assertEqual(alerts[0]["time"], "2017-03-30T16:01:36Z")
        self.assertEqual(alerts[0]["key"], {"ip": "24.151.103.17", "user": "elastic_user_0"})
        self.assertEqual(alerts[0]["fields"]["failures"], 147)


class Readings(unittest.TestCase):
    def test_three_rises_end_at_1371_places(self):
        rules = [os.path.join(HERE, "machine_temperature.egret")]
        alerts = replay(rules, "reading=" + READINGS)
        with open(READINGS, encoding="utf-8", newline="") as file:
            values = [float(row["value"]) for row in csv.DictReader(file)]
        tops = [values[i] for i in range(3, len(values)) if values[i - 3] < values[i - 2] < values[i - 1] < values[i]]
        self.assertEqual(len(tops), 1371)
        self.assertEqual([alert["fields"]["top"] for alert in alerts], tops)
        self.assertEqual({len(alert["events"]) for alert in alerts}, {4})

    def test_twice_the_same_bytes(self):
        line = ["replay", "--rules", os.path.join(HERE, "machine_temperature.egret"), "--events", "reading=" + READINGS]
        self.assertEqual(egret(*line).stdout, egret(*line).stdout)


if __name__ == "__main__":
    if not os.path.exists(LOGINS) or not os.path.exists(READINGS):
        print("no real data at " + DATA)
        sys.exit(77)
    unittest.main()
