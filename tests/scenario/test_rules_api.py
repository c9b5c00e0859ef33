"""Rules over HTTP as clients see them: what is asked of them first, what is refused, and that every answer is what the document says."""
import json
import os
import unittest
import urllib.parse

from harness import Daemon, Folder, wait_for
from openapi import Document

RULES = """\
stream login { user: string  ip: string  ok: bool  at: time } with time at
list blocked: "blocked.txt"
table owners: "owners.csv" key user { user: string  team: string }
rule failed "A failed login" { severity high  watch login [not ok]  by user  alert { message: "{user}" } }
rule listed { watch login [ip in blocked]  by user, ip  alert { team: owners[user].team } }
"""
NEW = 'rule failed "A failed login, told as medium" { severity medium  watch login [not ok]  by user  alert { message: "{user}!" } }\n'
OTHER = "rule other { watch login [ok]  by user }\n"


def login(user, second, ok=False, ip="192.0.2.1"):
    return {"user": user, "ip": ip, "ok": ok, "at": "2026-01-05T09:00:%02dZ" % second}


class RulesApi(Folder):
    def start(self):
        self.write("rules/r.egret", RULES)
        self.write("rules/blocked.txt", "# known\n192.0.2.9\n")
        self.write("rules/owners.csv", "user,team\nann,red\n")
        daemon = Daemon(self.path("rules"), self.path("data"), "--rate", "0")
        self.addCleanup(daemon.kill)
        daemon.wait_until_ready()
        self.document = Document(daemon.request("GET", "/v1/openapi.json")[2])
        return daemon

    def call(self, daemon, method, path, body=None, expect=200, headers=None, **query):
        """(answer, headers), after it was compared with what the document says. A text is sent as a text, all else as JSON."""
        where = path + ("?" + urllib.parse.urlencode(query) if query else "")
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "text/plain" if isinstance(body, str) else "application/json"
        data = body if isinstance(body, str) or body is None else json.dumps(body)
        status, got, answer = daemon.request(method, where, data.encode() if data is not None else None, sent)
        self.assertEqual(status, expect, answer)
        for known, pattern, operation in self.document.operations():
            parts, wanted = path.split("/"), pattern.split("/")
            if known == method and len(parts) == len(wanted) and all(w == p or w[:1] == "{" for p, w in zip(parts, wanted)):
                self.assertEqual(self.document.answer_faults(operation, status, got, answer), [], where)
        return (json.loads(answer) if got["Content-Type"].endswith("json") else answer.decode()), got

    def test_nobody_overwrites_what_he_has_not_seen(self):
        daemon = self.start()
        text, headers = self.call(daemon, "GET", "/v1/rules/failed")
        self.assertIn("A failed login", text)
        etag = headers["ETag"]
        self.call(daemon, "PUT", "/v1/rules/failed", NEW, expect=428)
        self.call(daemon, "PUT", "/v1/rules/failed", NEW, expect=412, headers={"If-Match": '"' + "0" * 32 + '"'})
        self.call(daemon, "PUT", "/v1/rules/failed", NEW, expect=400, headers={"If-Match": "nonsense"})
        self.call(daemon, "PUT", "/v1/rules/failed", NEW, headers={"If-Match": etag}, dry_run="true")
        self.assertEqual(self.call(daemon, "GET", "/v1/rules/failed")[1]["ETag"], etag)
        self.call(daemon, "PUT", "/v1/rules/failed", NEW, headers={"If-Match": etag}, note="quieter")
        self.call(daemon, "PUT", "/v1/rules/failed", NEW, expect=412, headers={"If-Match": etag})
        self.call(daemon, "PUT", "/v1/rules/other", OTHER, expect=404, headers={"If-Match": "*"})
        self.call(daemon, "PUT", "/v1/rules/other", OTHER, expect=201)
        self.call(daemon, "DELETE", "/v1/rules/other", expect=428)
        self.call(daemon, "DELETE", "/v1/rules/other", headers={"If-Match": "*"})
        self.call(daemon, "GET", "/v1/rules/other", expect=404)
        versions = self.call(daemon, "GET", "/v1/rules/failed/versions")[0]["versions"]
        self.assertEqual([(v["version"], v["note"], v["current"]) for v in versions], [(2, "quieter", True), (1, "", False)])
        self.assertIn("+", self.call(daemon, "GET", "/v1/rules/failed/diff", **{"from": 1})[0])
        self.call(daemon, "GET", "/v1/rules/failed/diff", expect=400)
        self.call(daemon, "POST", "/v1/rules/failed/rollback", {"version": 9}, expect=404)
        self.call(daemon, "POST", "/v1/rules/failed/rollback", {"version": 1})
        self.assertEqual(self.call(daemon, "GET", "/v1/rules/failed")[0].strip(), text.strip())
        self.assertEqual(self.call(daemon, "GET", "/v1/rules/failed", version=2)[0].strip(), NEW.strip())
        self.assertEqual(daemon.stop(), 0)

    def test_errors_tell_where_and_how_to_mend(self):
        daemon = self.start()
        problem = self.call(daemon, "PUT", "/v1/rules/other", "rule other { watch login [nok]  by user }", expect=422)[0]
        self.assertEqual((problem["errors"], problem["diagnostics"][0]["line"]), (1, 1))
        self.assertTrue(problem["diagnostics"][0]["help"])
        self.call(daemon, "PUT", "/v1/rules/other", {"text": OTHER}, expect=415)
        self.call(daemon, "PUT", "/v1/rules/other", "rule other {\0}", expect=400)
        good = self.call(daemon, "POST", "/v1/validate", OTHER)[0]
        self.assertEqual(good["errors"], 0)
        bad = self.call(daemon, "POST", "/v1/validate", "rule x { watch logins  by user }")[0]
        self.assertIn("login", json.dumps(bad["diagnostics"]))
        self.call(daemon, "PUT", "/v1/rules/failed/mode", {"mode": "loud"}, expect=400)
        self.call(daemon, "PUT", "/v1/rules/none/mode", {"mode": "off"}, expect=404)
        self.call(daemon, "PUT", "/v1/rules/failed/mode", {"mode": "off", "why": 1}, expect=400)
        changes = self.call(daemon, "GET", "/v1/audit")[0]["changes"]
        self.assertIn(("PUT", "/v1/rules/other", 422), [(c["method"], c["path"], c["status"]) for c in changes])
        self.assertEqual(daemon.stop(), 0)

    def test_a_bundle_is_all_or_nothing(self):
        daemon = self.start()
        bad = {"rules": [{"name": "other", "text": OTHER}, {"name": "failed", "text": "rule failed {"}]}
        self.call(daemon, "POST", "/v1/bundles", bad, expect=422)
        self.call(daemon, "GET", "/v1/rules/other", expect=404)
        good = {"rules": [{"name": "other", "text": OTHER}, {"name": "failed", "text": NEW}], "lists": [{"name": "blocked", "text": "192.0.2.1\n"}], "note": "both"}
        told = self.call(daemon, "POST", "/v1/bundles", good, dry_run="true")[0]
        self.assertEqual(sorted((r["rule"], r["what"]) for r in told["rules"]), [("failed", "replaced"), ("other", "new")])
        self.assertEqual((told["dry_run"], told["lists"]), (True, ["blocked"]))
        self.call(daemon, "GET", "/v1/rules/other", expect=404)
        self.call(daemon, "POST", "/v1/bundles", good)
        self.assertEqual({r["name"] for r in self.call(daemon, "GET", "/v1/rules")[0]["rules"]}, {"failed", "listed", "other"})
        self.assertEqual(self.call(daemon, "GET", "/v1/lists/blocked")[0], "192.0.2.1\n")
        for body in ({}, {"rules": {}}, {"rules": [1]}, {"rules": [{"name": "x"}]}, {"rule": []}, {"lists": [{"name": "blocked", "remove": True}]}):
            self.call(daemon, "POST", "/v1/bundles", body, expect=400)
        self.call(daemon, "POST", "/v1/bundles", {"rules": [{"name": "other", "remove": True}]})
        self.assertEqual(daemon.stop(), 0)

    def test_lists_and_tables(self):
        daemon = self.start()
        text, headers = self.call(daemon, "GET", "/v1/lists/blocked")
        self.assertEqual(text, "# known\n192.0.2.9\n")
        self.call(daemon, "PUT", "/v1/lists/blocked", "x\n", expect=428)
        self.call(daemon, "PATCH", "/v1/lists/blocked", {"add": ["192.0.2.1"], "remove": ["192.0.2.9"]})
        self.assertEqual(self.call(daemon, "GET", "/v1/lists/blocked")[0], "# known\n192.0.2.1\n")
        self.call(daemon, "PUT", "/v1/lists/blocked", "x\n", expect=412, headers={"If-Match": headers["ETag"]})
        self.call(daemon, "PATCH", "/v1/lists/blocked", {"remove": ["192.0.2.9"]}, expect=409)
        self.call(daemon, "PATCH", "/v1/lists/none", {"add": ["a"]}, expect=404)
        self.call(daemon, "PATCH", "/v1/tables/owners", {"add": [{"user": "bob", "team": "blue"}], "remove": [{"user": "ann"}]})
        self.assertEqual(self.call(daemon, "GET", "/v1/tables/owners")[0], "user,team\nbob,blue\n")
        daemon.post("login", [login("bob", 0, ok=True), login("ann", 1, ok=True, ip="192.0.2.9")])
        alert = daemon.wait_for_alerts(1)[0]
        self.assertEqual((alert["rule"], alert["fields"]["team"]), ("listed", "blue"))
        contents = self.call(daemon, "GET", "/v1/lists")[0]
        self.assertEqual([(c["name"], c["items"]) for c in contents["lists"]], [("blocked", 1)])
        self.assertEqual(daemon.stop(), 0)

    def test_snoozes_and_keys(self):
        daemon = self.start()
        for body in ({}, {"reason": "x"}, {"for": "1h"}, {"for": "never", "reason": "x"}, {"until": "2001-01-01T00:00:00Z", "reason": "x"},
                     {"for": "1h", "until": "2099-01-01T00:00:00Z", "reason": "x"}):
            self.call(daemon, "PUT", "/v1/snoozes/failed/ann", body, expect=400)
        self.call(daemon, "PUT", "/v1/snoozes/none/ann", {"for": "1h", "reason": "x"}, expect=404)
        self.call(daemon, "PUT", "/v1/snoozes/failed/ann", {"for": "1h", "reason": "known"})
        daemon.post("login", [login("ann", 0), login("bob", 1)])
        self.assertEqual(daemon.wait_for_alerts(1)[0]["key"], {"user": "bob"})
        self.assertIsNotNone(self.call(daemon, "GET", "/v1/keys/failed/ann")[0]["snoozed_until"])
        self.assertEqual(self.call(daemon, "GET", "/v1/snoozes", rule="failed")[0]["snoozes"][0]["reason"], "known")
        self.call(daemon, "DELETE", "/v1/snoozes/failed/ann")
        self.assertEqual(self.call(daemon, "GET", "/v1/snoozes")[0]["snoozes"], [])
        self.call(daemon, "GET", "/v1/keys/none/ann", expect=404)
        key = urllib.parse.quote('{"user":"bob","ip":"192.0.2.1"}', safe="")
        self.assertEqual(self.call(daemon, "GET", "/v1/keys/listed/" + key)[0]["key"], {"user": "bob", "ip": "192.0.2.1"})
        self.assertEqual(daemon.stop(), 0)

    def test_back_tests(self):
        daemon = self.start()
        daemon.post("login", [login("ann", 0), login("bob", 1, ok=True)])
        daemon.wait_for_alerts(1)

        def report(body):
            made = self.call(daemon, "POST", "/v1/backtests", body, expect=202)[0]
            path = "/v1/backtests/" + made["id"]
            done = wait_for(lambda: (lambda b: b if b["state"] not in ("waiting", "running") else None)(self.call(daemon, "GET", path)[0]), "the back-test")
            self.assertEqual(done["state"], "done", done)
            return done["report"], path
        told, path = report({"rules": [{"name": "other", "text": OTHER}], "compare": True})
        self.assertEqual((told["new"]["alerts"], told["old"]["alerts"], told["difference"]["gained"], told["difference"]["lost"]), (2, 1, 1, 0))
        lines = "".join(json.dumps(login("u%d" % i, i)) + "\n" for i in range(5))
        told, _ = report({"events": [{"name": "login", "text": lines}]})
        self.assertEqual((told["events"], told["new"]["alerts"]), (5, 5))
        # Who is to be found is said by a field that no rule reads: two of three are, by two alerts of five.
        marked = [{**login("m%d" % i, i), "fraud": i in (1, 2)} for i in range(5)] + [{**login("quiet", 5, ok=True), "fraud": True}]
        told, _ = report({"events": [{"name": "login", "text": "".join(json.dumps(event) + "\n" for event in marked)}], "label": "fraud"})
        self.assertEqual(told["new"]["label"], {"field": "fraud", "events": 3, "found": 2, "precision": 2 / 5, "recall": 2 / 3})
        told, _ = report({"events": [{"name": "login", "text": lines}], "label": "fraud"})
        self.assertEqual(told["new"]["label"], {"field": "fraud", "events": 0, "found": 0, "precision": 0.0, "recall": None})
        self.assertEqual(daemon.post("login", {**login("n1", 30), "fraud": True})[0], 202)
        self.assertEqual(daemon.post("login", {**login("n2", 31, ok=True), "fraud": True})[0], 202)
        told, _ = report({"label": "fraud", "compare": True})
        label = told["new"]["label"]
        self.assertEqual((label["events"], label["found"], label["precision"], label["recall"]), (2, 1, 1 / told["new"]["alerts"], 1 / 2))
        self.assertEqual(told["old"]["label"], label)
        self.call(daemon, "POST", "/v1/backtests", {"label": 1}, expect=400)
        self.call(daemon, "POST", "/v1/backtests", {"rules": [{"name": "other", "text": "rule other {"}]}, expect=422)
        self.call(daemon, "POST", "/v1/backtests", {"events": [{"name": "none", "text": lines}]}, expect=409)
        self.call(daemon, "POST", "/v1/backtests", {"what": 1}, expect=400)
        self.assertEqual(len(self.call(daemon, "GET", "/v1/backtests")[0]["backtests"]), 5)
        self.call(daemon, "DELETE", path)
        self.call(daemon, "GET", path, expect=404)
        self.assertEqual(sorted(name for name in os.listdir(self.path("data")) if name.startswith("backtest-")), ["backtest-2-0.ndjson", "backtest-3-0.ndjson", "backtest-4-0.ndjson"])
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual([name for name in os.listdir(self.path("data")) if name.startswith("backtest-")], [])


if __name__ == "__main__":
    os.environ.setdefault("EGRET", "egret")
    unittest.main()
