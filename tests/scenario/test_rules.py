"""Rules changed over REST while events flow: what each call says, and what it does to alerts, restarts and replays."""
import json
import signal
import unittest

from harness import Daemon, Folder, egret, wait_for

RULES = """\
stream login { user: string  ip: string?  ok: bool  at: time } with time at
list watched: "watched.txt"
rule twice { match a: login [not ok] then b: login [ok] within 1h  by user  alert { who: user } }
rule listed { watch login [user in watched]  by user  alert { who: user } }
rule many { watch login  by user  over 10m  when count() > 3  alert { n: count() }  throttle 1h }
"""


class Live(Folder):
    def setUp(self):
        super().setUp()
        self.write("rules/r.egret", RULES)
        self.write("rules/watched.txt", "eve\n")
        self.daemon = self.start()
        self.second = 0

    def start(self):
        daemon = Daemon(self.path("rules"), self.path("data"), "--idle", "100ms")
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def call(self, method, path, body=None, kind="text/plain", **headers):
        if body is not None and not isinstance(body, str):
            body, kind = json.dumps(body), "application/json"
        headers = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        status, _, answer = self.daemon.request(method, path, body, headers if body is not None else {})
        text = answer.decode()
        return status, json.loads(text) if text[:1] in "[{" else text

    def login(self, user, ok=False, ip="10.0.0.1"):
        self.second += 1
        at = "2026-01-05T%02d:%02d:%02dZ" % (9 + self.second // 3600, self.second // 60 % 60, self.second % 60)
        self.assertEqual(self.daemon.post("login", {"user": user, "ok": ok, "ip": ip, "at": at})[0], 202)

    def put(self, name, text, **more):
        status, answer = self.call("PUT", "/v1/rules/" + name, text, If_Match="*", **more)
        self.assertEqual(status, 200, answer)
        return answer["rules"]

    def rules_told(self, n):
        return [alert["rule"] for alert in self.daemon.wait_for_alerts(n)]

    def test_state_stays_where_the_definition_is_the_same(self):
        self.login("ann")
        told = self.put("twice", 'rule twice "Said otherwise" { match a: login [not ok] then b: login [ok] within 1h  by user  severity high'
                                 '  alert { whom: user } }')
        self.assertEqual([(rule["rule"], rule["what"], rule["version"], rule["state"]) for rule in told], [("twice", "replaced", 2, "kept")])
        self.login("ann", ok=True)
        alert = self.daemon.wait_for_alerts(1)[0]
        self.assertEqual((alert["severity"], alert["fields"]), ("high", {"whom": "ann"}))
        self.assertEqual(len(alert["events"]), 2)
        self.login("bob")
        told = self.put("twice", "rule twice { match a: login [not ok] then b: login [ok] within 2h  by user }")
        self.assertEqual(told[0]["state"], "dropped")
        self.login("bob", ok=True)
        self.login("bob")
        self.login("bob", ok=True)
        found = [alert["events"][0]["time"][14:19] for alert in self.daemon.wait_for_alerts(3) if alert["rule"] == "twice"]
        self.assertEqual(found, ["00:01", "00:05"])

    def test_a_field_nobody_read_before_is_read(self):
        status, answer = self.call("PUT", "/v1/rules/near", 'rule near { watch login [ip == "10.0.0.9"]  by user  alert { ip: ip } }')
        self.assertEqual((status, answer["rules"][0]["what"]), (201, "new"))
        self.login("ann", ip="10.0.0.9")
        self.login("ann", ip="10.0.0.8")
        self.assertEqual([alert["fields"]["ip"] for alert in self.daemon.wait_for_alerts(1)], ["10.0.0.9"])

    def test_a_start_reads_it_of_events_that_wait_for_their_order(self):
        self.assertEqual(self.daemon.stop(), 0)
        self.write("rules/r.egret", RULES.replace("with time at", "with time at, lateness 1h"))
        self.daemon = self.start()
        self.login("ann", ip="10.0.0.9")
        self.assertEqual(self.daemon.stop(), 0)     # it waits in the checkpoint, and what nobody read is not there
        self.daemon = self.start()
        status, answer = self.call("PUT", "/v1/rules/from", "rule from { watch login [ip == \"10.0.0.9\"]  by user  alert { ip: ip } }")
        self.assertEqual(status, 201, answer)
        self.daemon.stop(signal.SIGKILL)
        self.daemon = self.start()
        self.second += 7200
        self.login("bob")
        self.assertEqual([alert["fields"] for alert in self.daemon.wait_for_alerts(1)], [{"ip": "10.0.0.9"}])

    def test_mistakes_change_nothing(self):
        status, answer = self.call("PUT", "/v1/rules/twice", "rule twice { match a: login [nott] then b: login by user }", If_Match="*")
        self.assertEqual(status, 422, answer)
        self.assertEqual(self.call("GET", "/v1/rules/twice/versions")[1]["versions"][0]["version"], 1)
        self.assertEqual(self.call("PUT", "/v1/rules/twice", "stream x { a: int }", If_Match="*")[0], 409)
        status, answer = self.call("PUT", "/v1/files/new.egret", "stream fresh { a: int }\nrule fresh_one { watch fresh [a == 1] }\n")
        self.assertEqual((status, "is new" in answer["detail"]), (409, True), answer)
        status, answer = self.call("PUT", "/v1/rules/twice?dry_run=true", "rule twice { watch login by user }", If_Match="*")
        self.assertEqual((status, answer["dry_run"], answer["rules"][0]["state"]), (200, True, "dropped"))
        self.assertIn("match a", self.call("GET", "/v1/rules/twice")[1])
        self.assertEqual(self.call("PUT", "/v1/rules/twice", "rule twice { watch login by user }", If_Match='"0"')[0], 412)

    def test_lists_modes_and_snoozes(self):
        self.login("ann")
        self.call("PUT", "/v1/lists/watched", "eve\nann\n", If_Match="*")
        self.login("ann")
        self.assertEqual(self.rules_told(1), ["listed"])
        self.call("PUT", "/v1/snoozes/listed/ann", {"until": "2099-01-01T00:00:00Z", "reason": "known"})
        self.login("ann")
        self.login("eve")
        self.assertEqual([alert["key"]["user"] for alert in self.daemon.wait_for_alerts(2)], ["ann", "eve"])
        self.assertEqual(self.call("PUT", "/v1/rules/listed/mode", {"mode": "off"})[0], 200)
        self.login("eve")
        self.login("ann")       # the fourth: `many` speaks
        self.assertEqual(self.rules_told(3)[2:], ["many"])
        wait_for(lambda: self.daemon.metric('egret_rule_held_back_total{rule="listed",instance="0"}') == 1, "the alert held back")

    def test_versions_and_the_way_back(self):
        first = self.call("GET", "/v1/rules/twice")[1]
        self.put("twice", "rule twice { watch login by user }")
        self.assertEqual(self.call("POST", "/v1/rules/twice/rollback", {"version": 1})[0], 200)
        self.assertEqual(self.call("GET", "/v1/rules/twice")[1], first)
        versions = self.call("GET", "/v1/rules/twice/versions")[1]["versions"]
        self.assertEqual([(v["version"], v["what"], v["current"]) for v in versions],
                         [(3, "rolled back", True), (2, "replaced", False), (1, "imported", False)])
        self.assertIn("+rule twice { watch login by user }", self.call("GET", "/v1/rules/twice/diff?from=1&to=2")[1])
        self.assertEqual(self.call("DELETE", "/v1/rules/many", "", If_Match="*")[0] // 100, 2)
        self.assertEqual(self.call("GET", "/v1/rules/many")[0], 404)

    def test_a_key_says_what_it_waits_for(self):
        self.login("ann")
        key = self.call("GET", "/v1/keys/twice/ann")[1]
        self.assertEqual([attempt["waits_for"] for attempt in key["attempts"]], [[{"step": "b", "condition": "login [ok]"}]])
        self.assertEqual(key["attempts"][0]["until"], "2026-01-05T10:00:01Z")
        self.assertFalse(self.call("GET", "/v1/keys/twice/nobody")[1]["known"])
        many = self.call("GET", "/v1/keys/many/ann")[1]
        self.assertEqual((many["when"], many["holds"], [value["value"] for value in many["values"]]), ("count() > 3", False, [1]))

    def test_a_loop_that_is_open_says_how_many_it_has(self):
        rule = "rule guess { match (a: login [not ok] {2,}) then b: login [ok] within 1h  by user }"
        self.assertEqual(self.call("PUT", "/v1/rules/guess", rule)[0], 201)
        for _ in range(3):
            self.login("ann")
        bound = [attempt["bound"][0]["events"] for attempt in self.call("GET", "/v1/keys/guess/ann")[1]["attempts"]]
        self.assertEqual(sorted(bound), [1, 2, 3])

    def test_changes_survive_and_stand_in_the_journal(self):
        self.login("ann")
        self.put("twice", 'rule twice "Other words" { match a: login [not ok] then b: login [ok] within 1h  by user  alert { } }')
        self.call("PUT", "/v1/lists/watched", "zoe\n", If_Match="*")
        self.daemon.stop(signal.SIGKILL)
        self.daemon = self.start()
        self.assertIn("Other words", self.call("GET", "/v1/rules/twice")[1])
        self.login("ann", ok=True)
        self.login("zoe")
        self.assertEqual(sorted(self.rules_told(2)), ["listed", "twice"])
        self.write("rules/r.egret", RULES + "rule more { watch login [user == \"max\"] by user }\n")     # an import: the folder wins where it changed
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon = self.start()
        self.assertNotIn("Other words", self.call("GET", "/v1/rules/twice")[1])
        self.assertEqual(self.call("GET", "/v1/lists/watched")[1], "zoe\n")
        self.login("max")
        self.assertEqual(self.rules_told(1), ["more"])
        self.assertEqual(self.daemon.stop(), 0)
        controls = [record for record in map(json.loads, egret("journal", "cat", "--data", self.path("data")).stdout.splitlines())
                    if record["kind"] == "control"]
        self.assertEqual([(record["who"], record["whole"]) for record in controls],
                         [("start", True), ("local", False), ("local", False), ("start", True), ("start", True)])
        again = egret("journal", "alerts", "--data", self.path("data"))
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(sorted(json.loads(line)["rule"] for line in again.stdout.splitlines()), ["listed", "more", "twice"])

    def test_back_tests(self):
        for n in range(4):
            self.login("ann", ip="10.0.0.%d" % n)
        self.assertEqual(self.daemon.stop(), 0)
        self.write("new.egret", "stream login { user: string  ip: string?  ok: bool  at: time } with time at\n"
                                "rule many { watch login  by user  over 10m  when count() > 2  alert { n: count() }  throttle 1h }\n")
        done = egret("backtest", "--data", self.path("data"), "--rules", self.path("new.egret"), "--against", self.path("rules"), "--label", "ok", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual((report["events"], report["new"]["alerts"], report["old"]["alerts"]), (4, 1, 1))
        self.assertEqual((report["difference"]["gained"], report["difference"]["lost"]), (1, 1))
        self.assertEqual(len(report["difference"]["gained_samples"][0]["events"]), 3)
        self.assertEqual(report["new"]["label"]["precision"], 0)
        text = egret("backtest", "--data", self.path("data"), "--rules", self.path("new.egret"))
        self.assertIn("4 events in", text.stdout)
        self.assertIn("2026-01-05T09:00:03Z", text.stdout)


if __name__ == "__main__":
    unittest.main()
