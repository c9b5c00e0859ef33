"""What each subcommand prints and with which code it ends."""
import json
import os
import unittest

from harness import Folder, egret

GOOD = """\
stream login { user: string  ok: bool  at: time } with time at
rule guessed "Three failures, then success" {
  severity high
  match (fail: login [not ok] {3,} within 1m) then within 1m done: login [ok]
  by user
  alert { message: "{count(fail)} failures, then {user} came in" }
}
test guessed "fires" {
  at 0s every 10s 3 times login { user: "ada" ok: false }
  at 40s login { user: "ada" ok: true }
  expect alert at 40s { user: "ada" message: "3 failures, then ada came in" }
  expect no more alerts
}
test guessed "is silent after two" {
  at 0s every 10s 2 times login { user: "ada" ok: false }
  at 40s login { user: "ada" ok: true }
  expect no more alerts
}
"""
BAD = "stream login { user: string  at: time } with time at\nrule r { watch login [usr == \"ada\"]  by user }\n"
FAILING = GOOD + """\
test guessed "expects too much" {
  at 0s every 10s 3 times login { user: "ada" ok: false }
  at 40s login { user: "ada" ok: true }
  expect alert at 41s { user: "ada" }
  expect no more alerts
}
"""
LOGINS = "".join(
    json.dumps({"user": user, "ok": ok, "at": "2026-01-05T09:00:%02dZ" % second}) + "\n"
    for second, user, ok in [(0, "ada", False), (1, "bob", True), (5, "ada", False), (9, "ada", False), (12, "ada", True)])


class Program(Folder):
    def test_help_and_version(self):
        done = egret("--help")
        self.assertEqual(done.returncode, 0)
        for command in ("run", "replay", "check", "test", "fmt", "explain", "generate"):
            self.assertIn("\n  %s " % command, done.stdout)
            self.assertEqual(egret(command, "--help").returncode, 0)
        self.assertIn("Exit codes:", done.stdout)
        self.assertRegex(egret("--version").stdout, r"^egret \d+\.\d+\.\d+\n$")

    def test_senseless_command_lines(self):
        for line in ([], ["fly"], ["check"], ["check", "--jason", "x"], ["replay"], ["replay", "--rules"], ["run", "x"],
                     ["explain"], ["fmt", "--check", "--write", "x"], ["generate", "weather"], ["test"]):
            done = egret(*line)
            self.assertEqual(done.returncode, 2, line)
            self.assertEqual(done.stdout, "", line)
            self.assertNotEqual(done.stderr, "", line)

    def test_output_that_cannot_be_written(self):
        rules = self.write("good.egret", GOOD)
        with open("/dev/full", "w", encoding="utf-8") as full:
            import subprocess
            from harness import EGRET
            done = subprocess.run([EGRET, "fmt", rules], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 3)


class Check(Folder):
    def test_good_rules(self):
        done = egret("check", self.write("good.egret", GOOD))
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("1 file, 1 streams, 1 rules, 2 tests: no problems", done.stderr)

    def test_errors_have_places(self):
        done = egret("check", self.write("bad.egret", BAD))
        self.assertEqual(done.returncode, 1)
        self.assertIn("bad.egret:2:", done.stdout)
        self.assertIn("'user'", done.stdout)
        self.assertIn("^", done.stdout)

    def test_json(self):
        done = egret("check", "--json", self.write("bad.egret", BAD))
        self.assertEqual(done.returncode, 1)
        report = json.loads(done.stdout)
        self.assertGreaterEqual(report["errors"], 1)
        self.assertEqual(len(report["diagnostics"]), report["errors"] + report["warnings"])
        self.assertEqual(egret("check", "--json", self.write("good.egret", GOOD)).returncode, 0)

    def test_folders_are_read_in_order_and_files_once(self):
        stream, rule = GOOD.split("\n", 1)
        self.write("rules/b.egret", rule)
        self.write("rules/a/stream.egret", stream)
        self.write("rules/notes.txt", "not a rule")
        done = egret("check", self.path("rules"), self.path("rules/b.egret"))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("2 files", done.stderr)

    def test_a_missing_file(self):
        self.assertEqual(egret("check", self.path("none.egret")).returncode, 3)
        os.mkdir(self.path("empty"))
        done = egret("check", self.path("empty"))
        self.assertEqual(done.returncode, 3)
        self.assertIn("no rule files", done.stderr)


class Fmt(Folder):
    def test_formatting_twice_changes_nothing(self):
        path = self.write("messy.egret", GOOD.replace("\n  ", "\n         ").replace(" { user: string  ", "{user:string "))
        self.assertEqual(egret("fmt", "--check", path).returncode, 1)
        first = egret("fmt", path)
        self.assertEqual(first.returncode, 0)
        self.assertEqual(egret("fmt", "--write", path).returncode, 0)
        self.assertEqual(self.read("messy.egret"), first.stdout)
        again = egret("fmt", "--check", path)
        self.assertEqual((again.returncode, again.stdout), (0, ""))
        self.assertEqual(egret("fmt", path).stdout, first.stdout)
        self.assertEqual(egret("check", path).returncode, 0)

    def test_writing_keeps_the_mode_and_leaves_nothing_behind(self):
        path = self.write("x.egret", GOOD.replace("  severity", "severity"))
        os.chmod(path, 0o640)
        self.assertEqual(egret("fmt", "--write", path).returncode, 0)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        self.assertEqual(os.listdir(self.dir), ["x.egret"])

    def test_what_does_not_parse_is_left_alone(self):
        path = self.write("broken.egret", "rule {")
        done = egret("fmt", "--write", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("broken.egret:1:", done.stderr)
        self.assertEqual(self.read("broken.egret"), "rule {")


class Explain(Folder):
    def test_every_stage_prints(self):
        rules = self.write("good.egret", GOOD)
        for stage in ("tokens", "tree", "plan", "automaton", "dot", "cost"):
            done = egret("explain", "--rules", rules, "--stage", stage)
            self.assertEqual(done.returncode, 0, stage)
            self.assertIn("guessed" if stage != "dot" else "digraph", done.stdout, stage)
        self.assertEqual(egret("explain", "--rules", rules, "--stage", "soul").returncode, 2)
        self.assertEqual(egret("explain", "--rules", rules, "--rule", "none").returncode, 2)

    def test_codes_have_stories(self):
        codes = [line.split()[0] for line in egret("explain", "--code", "all").stdout.splitlines()]
        self.assertGreater(len(codes), 5)
        for code in codes:
            done = egret("explain", "--code", "E" + code)
            self.assertEqual(done.returncode, 0)
            self.assertGreater(len(done.stdout), 40)
            self.assertTrue(done.stdout.startswith(f"{'W' if code.startswith('08') else 'E'}{code}: "), done.stdout[:40])
        self.assertEqual(egret("explain", "--code", "E9999").returncode, 2)


class Test(Folder):
    def test_tests_pass(self):
        done = egret("test", self.write("good.egret", GOOD))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn('ok    guessed "fires"\n', done.stdout)
        self.assertTrue(done.stdout.endswith("2 passed, 0 failed\n"))

    def test_a_failure_shows_what_came(self):
        done = egret("test", self.write("failing.egret", FAILING))
        self.assertEqual(done.returncode, 1)
        self.assertIn('FAIL  guessed "expects too much"\n', done.stdout)
        self.assertIn("failing.egret:22:3: this did not come\n", done.stdout)
        self.assertIn("expect alert at 41s", done.stdout)
        self.assertIn("came: alert of guessed at 40s { user: \"ada\"", done.stdout)
        self.assertIn("failing.egret:23:3: expected no more alerts\n", done.stdout)
        self.assertTrue(done.stdout.endswith("2 passed, 1 failed\n"))

    def test_one_rule_only(self):
        rules = self.write("good.egret", GOOD)
        self.assertIn("2 passed", egret("test", rules, "--rule", "guessed").stdout)
        self.assertEqual(egret("test", rules, "--rule", "none").returncode, 2)

    def test_rules_with_errors_are_not_run(self):
        self.assertEqual(egret("test", self.write("bad.egret", BAD)).returncode, 1)


class Replay(Folder):
    def setUp(self):
        super().setUp()
        self.rules = self.write("good.egret", GOOD)

    def test_alerts_with_evidence(self):
        done = egret("replay", "--rules", self.rules, "--events", "login=" + self.write("logins.ndjson", LOGINS))
        self.assertEqual(done.returncode, 0, done.stderr)
        alert = json.loads(done.stdout)
        self.assertEqual(list(alert), ["id", "rule", "severity", "tags", "kind", "key", "time", "started", "fields", "events"])
        self.assertEqual(alert["rule"], "guessed")
        self.assertEqual(alert["key"], {"user": "ada"})
        self.assertEqual(alert["time"], "2026-01-05T09:00:12Z")
        self.assertEqual(alert["started"], "2026-01-05T09:00:00Z")
        self.assertEqual(alert["fields"]["message"], "3 failures, then ada came in")
        self.assertEqual([event.get("step") for event in alert["events"]], ["fail", "fail", "fail", "done"])
        self.assertEqual([event["event"] for event in alert["events"]],
                         [record for record in map(json.loads, LOGINS.splitlines()) if record["user"] == "ada"])
        self.assertRegex(done.stderr, r"5 events, 0 late, 0 rejected, 0 duplicates, 1 matches, 1 alerts, [0-9.]+ s, \d+ events/s")

    def test_without_evidence(self):
        done = egret("replay", "--rules", self.rules, "--no-evidence", "--events", "login=" + self.write("l.ndjson", LOGINS))
        self.assertNotIn("events", json.loads(done.stdout))

    def alerts_without_ids(self, *args, stdin=None):
        """Without a declared identity an event is known by its place in the file, which the form of the file changes."""
        done = egret("replay", "--rules", self.rules, "--no-evidence", *args, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        alerts = [json.loads(line) for line in done.stdout.splitlines()]
        for alert in alerts:
            del alert["id"]
        return alerts

    def test_forms_of_input_give_the_same(self):
        records = [json.loads(line) for line in LOGINS.splitlines()]
        rows = "user,ok,at\n" + "".join("%s,%s,%s\n" % (r["user"], str(r["ok"]).lower(), r["at"]) for r in records)
        wanted = self.alerts_without_ids("--events", "login=-", stdin=LOGINS)
        self.assertEqual(len(wanted), 1)
        for name, text in (("array.json", json.dumps(records)), ("pretty.json", json.dumps(records, indent=2)), ("rows.csv", rows),
                           ("rows.txt", rows), ("crlf.csv", rows.replace("\n", "\r\n"))):
            self.assertEqual(self.alerts_without_ids("--events", "login=" + self.write(name, text)), wanted, name)
        self.assertEqual(self.alerts_without_ids("--events", "login=-", "--format", "csv", stdin=rows), wanted)

    def test_csv_evidence_is_an_object(self):
        rows = "user,ok,at\n" + "".join("ada,%s,2026-01-05T09:00:0%dZ\n" % (ok, i) for i, ok in enumerate(["false"] * 3 + ["true"]))
        done = egret("replay", "--rules", self.rules, "--events", "login=" + self.write("rows.csv", rows))
        first = json.loads(done.stdout)["events"][0]["event"]
        self.assertEqual(set(first), {"user", "ok", "at"})
        self.assertEqual(first["user"], "ada")

    def test_twice_and_shuffled_within_lateness(self):
        rules = self.write("late.egret", GOOD.replace("{ user: string", "{ n: int  user: string")
                           .replace("with time at", "with time at, lateness 5s, identity n").split("test ", 1)[0])
        lines = ['{"n": %d, %s' % (i, line[1:]) for i, line in enumerate(LOGINS.splitlines(keepends=True))]
        events = "login=" + self.write("a.ndjson", "".join(lines))
        shuffled = "login=" + self.write("b.ndjson", "".join([lines[1], lines[0], lines[3], lines[2], lines[4]]))
        first = egret("replay", "--rules", rules, "--events", events)
        self.assertEqual(first.stdout.count("\n"), 1, first.stderr)
        self.assertEqual(egret("replay", "--rules", rules, "--events", events).stdout, first.stdout)
        self.assertEqual(egret("replay", "--rules", rules, "--events", shuffled).stdout, first.stdout)

    def test_bad_records_go_to_the_dead_letters(self):
        lines = LOGINS + '{"user": "eve", "ok": "perhaps", "at": 1}\n{"user": \n{"ok": true, "at": 1}\n'
        dead = self.path("dead.ndjson")
        done = egret("replay", "--rules", self.rules, "--events", "login=" + self.write("l.ndjson", lines), "--dead-letters", dead)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("\n"), 1)
        self.assertIn(" 3 rejected", done.stderr)
        self.assertEqual(len(self.lines("dead.ndjson")), 3)

    def test_late_events_are_counted(self):
        lines = LOGINS.splitlines(keepends=True)
        done = egret("replay", "--rules", self.rules, "--events", "login=-", stdin="".join(lines[1:] + lines[:1]))
        self.assertIn(" 1 late", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_troubles(self):
        events = self.write("l.ndjson", LOGINS)
        for line, code in ((["--rules", self.rules, "--events", "login=" + self.path("none")], 3),
                           (["--rules", self.path("none"), "--events", "login=" + events], 3),
                           (["--rules", self.rules, "--events", "logout=" + events], 2),
                           (["--rules", self.rules, "--events", events], 2),
                           (["--rules", self.write("bad.egret", BAD), "--events", "login=" + events], 1),
                           (["--rules", self.rules, "--events", "login=" + events, "--until", "noon"], 2)):
            self.assertEqual(egret("replay", *line).returncode, code, line)

    def test_until_stops_the_clock(self):
        rules = self.write("silent.egret", "stream beat { device: string  at: time } with time at\n"
                                           "rule lost { match not beat for 1m  by device  alert { } }\n")
        beats = self.write("beats.ndjson", '{"device": "d", "at": "2026-01-05T09:00:00Z"}\n')
        for until, alerts in (([], 1), (["--until", "2026-01-05T09:00:30Z"], 0), (["--until", "2026-01-05T09:01:00Z"], 1)):
            done = egret("replay", "--rules", rules, "--events", "beat=" + beats, *until)
            self.assertEqual((done.returncode, done.stdout.count("\n")), (0, alerts), done.stderr)


class Generate(Folder):
    def test_the_same_seed_gives_the_same_stream(self):
        for kind in ("payments", "logins", "sensors"):
            first = egret("generate", kind, "--events", "500", "--seed", "7")
            self.assertEqual(first.returncode, 0, first.stderr)
            self.assertGreaterEqual(len(first.stdout.splitlines()), 500)
            for line in first.stdout.splitlines():
                json.loads(line)
            self.assertEqual(egret("generate", kind, "--events", "500", "--seed", "7").stdout, first.stdout)
            self.assertNotEqual(egret("generate", kind, "--events", "500", "--seed", "8").stdout, first.stdout)

    def test_to_a_file(self):
        wanted = egret("generate", "payments", "--events", "100", "--seed", "1").stdout
        done = egret("generate", "payments", "--events", "100", "--seed", "1", "--out", self.path("p.ndjson"))
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertEqual(self.read("p.ndjson"), wanted)


if __name__ == "__main__":
    unittest.main()
