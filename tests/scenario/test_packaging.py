"""Dashboard and alert rules in packaging/: they are well-formed and ask only for metrics that there are; and the names of those."""
import json
import os
import re
import shutil
import subprocess
import unittest

from harness import Daemon, Folder

SOURCE = os.environ.get("EGRET_SOURCE", "../..")
RULES = """\
stream login { user: string  ok: bool  at: time } with time at
source logins: file { path: "in.ndjson"  stream: login  follow: true }
rule failed { watch login [not ok]  by user }
"""
NAME = re.compile(r"\b(?:egret|process)_[a-z0-9_]+")
# Metrics of sources that give messages: they are there when such a source is declared.
OF_FEEDS = {"egret_source_lag_records", "egret_source_stopped"}


def path(*parts):
    return os.path.join(SOURCE, "packaging", *parts)


class Packaging(Folder):
    def families(self):
        """name -> type, and all names of samples."""
        self.write("rules/r.egret", RULES)
        self.write("rules/in.ndjson", "")
        daemon = Daemon(self.path("rules"), self.path("data"))
        self.addCleanup(daemon.kill)
        daemon.wait_until_ready()
        page = daemon.request("GET", "/metrics")[2].decode()
        self.assertEqual(daemon.stop(), 0)
        return dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.M)), page

    def test_names_of_metrics(self):
        families, page = self.families()
        samples = set(re.findall(r"^([a-z_0-9]+)[{ ]", page, re.M))
        for name, kind in families.items():
            self.assertRegex(name, r"^(egret|process)_[a-z0-9_]+$")
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
            self.assertNotRegex(name, r"_(ms|us|milliseconds|kb|mb|percent)(_|$)")
            self.assertRegex(page, r"(?m)^# HELP %s [A-Z0-9].*\.$" % name)
            if kind == "histogram":
                self.assertTrue({name + "_bucket", name + "_sum", name + "_count"} <= samples, name)
                self.assertIn('%s_bucket{le="+Inf"}' % name, page)
        self.assertLessEqual({re.sub(r"_(bucket|sum|count)$", "", name) if families.get(name) is None else name for name in samples}, set(families))

    def test_what_is_asked_for_is_there(self):
        families, page = self.families()
        samples = set(re.findall(r"^([a-z_0-9]+)[{ ]", page, re.M)) | OF_FEEDS | set(families)
        with open(path("grafana", "egret.json"), encoding="utf-8") as file:
            dashboard = json.load(file)
        asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        with open(path("prometheus", "egret.rules.yml"), encoding="utf-8") as file:
            rules = file.read()
        asked += re.findall(r"^ +expr: (.*)$", rules, re.M)
        self.assertGreater(len(asked), 30)
        for expression in asked:
            self.assertEqual(expression.count("("), expression.count(")"), expression)
            self.assertLessEqual(set(NAME.findall(expression)), samples, expression)
        self.assertEqual(len({panel["id"] for panel in dashboard["panels"]}), len(dashboard["panels"]))

    def test_every_alert_is_explained(self):
        with open(path("prometheus", "egret.rules.yml"), encoding="utf-8") as file:
            alerts = re.findall(r"- alert: (\w+)", file.read())
        with open(os.path.join(SOURCE, "docs", "operations.md"), encoding="utf-8") as file:
            explained = re.findall(r"^\| (Egret\w+) \|", file.read(), re.M)
        self.assertEqual(sorted(alerts), sorted(explained))

    @unittest.skipUnless(shutil.which("promtool"), "there is no promtool here")
    def test_prometheus_takes_the_rules(self):
        done = subprocess.run(["promtool", "check", "rules", path("prometheus", "egret.rules.yml")], capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    os.environ.setdefault("EGRET", "egret")
    unittest.main()
