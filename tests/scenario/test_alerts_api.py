"""Alerts over HTTP: search, evidence, what people do, the feed, sinks that pause, dead letters."""
import http.client
import json
import os
import socket
import unittest
import urllib.parse

from harness import Daemon, Folder, Receiver, egret, wait_for
from openapi import Document

RULES = """\
stream login { user: string  ip: string  ok: bool  at: time } with time at
sink kept: file { path: "kept.ndjson" }
rule failed "A failed login" { severity high  watch login [not ok]  by user  alert { message: "{user} from {ip}" }  to kept }
rule seen { severity low  watch login [ok]  by user, ip  alert { who: user }  to kept }
"""


def login(user, second, ok=False, ip="192.0.2.1"):
    return {"user": user, "ip": ip, "ok": ok, "at": "2026-01-05T09:00:%02dZ" % second}


class Feed:
    """A client of the feed: blocks of events as dictionaries, read as they come."""

    def __init__(self, daemon, last=None, query=""):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
        self.connection.request("GET", "/v1/alerts/feed" + query, headers={"Last-Event-ID": str(last)} if last is not None else {})
        self.answer = self.connection.getresponse()

    def next(self):
        """The next event; comments are passed over."""
        event = {}
        while True:
            line = self.answer.readline().decode()
            if not line:
                return None
            line = line.rstrip("\n")
            if line == "" and event:
                event["data"] = json.loads(event["data"])
                return event
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = value

    def close(self):
        self.connection.close()


class WithDaemon(Folder):
    rules = RULES

    def start(self, *args):
        self.write("rules/r.egret", self.rules)
        daemon = Daemon(self.path("rules"), self.path("data"), "--rate", "0", *args)
        self.addCleanup(daemon.kill)
        daemon.wait_until_ready()
        self.document = Document(daemon.request("GET", "/v1/openapi.json")[2])
        return daemon

    def call(self, daemon, method, path, body=None, expect=200, **query):
        """The answer as JSON, after it was compared with what the document says."""
        where = path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = json.dumps(body) if body is not None else None
        status, headers, answer = daemon.request(method, where, data, {"Content-Type": "application/json"} if data else {})
        self.assertEqual(status, expect, answer)
        for known, pattern, operation in self.document.operations():
            parts, wanted = path.split("/"), pattern.split("/")
            if known == method and len(parts) == len(wanted) and all(w == p or w[:1] == "{" for p, w in zip(parts, wanted)):
                self.assertEqual(self.document.answer_faults(operation, status, headers, answer), [], where)
        return json.loads(answer) if headers["Content-Type"].endswith(("/json", "+json")) else answer


class Alerts(WithDaemon):
    def post_some(self, daemon):
        events = [login("ann", 0), login("bob", 1, ip="192.0.2.2"), login("ann", 2, ok=True), login("ann", 3)]
        self.assertEqual(daemon.post("login", events)[0], 202)
        wait_for(lambda: len(self.call(daemon, "GET", "/v1/alerts")["alerts"]) == 4, "four alerts")

    def test_search(self):
        daemon = self.start()
        self.post_some(daemon)
        page = self.call(daemon, "GET", "/v1/alerts")
        self.assertEqual([a["time"][17:19] for a in page["alerts"]], ["03", "02", "01", "00"])
        self.assertNotIn("alert", page["alerts"][0])

        def found(**query):
            return [(a["rule"], a["key"]["user"]) for a in self.call(daemon, "GET", "/v1/alerts", **query)["alerts"]]
        self.assertEqual(found(rule="seen"), [("seen", "ann")])
        self.assertEqual(found(key="user=bob"), [("failed", "bob")])
        self.assertEqual(found(key='{"user": "ann", "ip": "192.0.2.1"}'), [("seen", "ann")])
        self.assertEqual(found(severity="medium"), [("failed", "ann"), ("failed", "bob"), ("failed", "ann")])
        self.assertEqual(found(**{"from": "2026-01-05T09:00:01Z", "to": "2026-01-05T09:00:03Z"}), [("seen", "ann"), ("failed", "bob")])
        self.assertEqual(found(state="resolved"), [])
        first = self.call(daemon, "GET", "/v1/alerts", limit=3)
        rest = self.call(daemon, "GET", "/v1/alerts", limit=3, cursor=first["next"])
        self.assertEqual([a["id"] for a in first["alerts"] + rest["alerts"]], [a["id"] for a in page["alerts"]])
        for bad in ({"severity": "worst"}, {"state": "new"}, {"limit": "0"}, {"limit": "x"}, {"cursor": "1"}, {"from": "yesterday"}, {"key": "ann"},
                    {"key": "{"}, {"key": '{"user": 1}'}, {"rules": "seen"}, {"full": "yes"}):
            self.call(daemon, "GET", "/v1/alerts", expect=400, **bad)
        self.assertEqual(daemon.stop(), 0)

    def test_one_with_its_evidence_and_what_people_do(self):
        daemon = self.start()
        self.post_some(daemon)
        alert = self.call(daemon, "GET", "/v1/alerts", key="user=bob", full="true")["alerts"][0]
        self.assertEqual(alert["alert"]["events"][0]["event"], login("bob", 1, ip="192.0.2.2"))
        path = "/v1/alerts/" + alert["id"]
        acted = self.call(daemon, "POST", path + "/acknowledge", {"reason": "I look at it"})
        self.assertTrue(acted["changed"])
        self.assertFalse(self.call(daemon, "POST", path + "/acknowledge")["changed"])
        self.call(daemon, "POST", path + "/resolve", {"reason": "bob forgot"})
        self.assertEqual(self.call(daemon, "GET", "/v1/alerts", state="resolved")["alerts"][0]["changed_reason"], "bob forgot")
        self.call(daemon, "POST", path + "/reopen")

        def story():
            told = self.call(daemon, "GET", path)
            return told if told["deliveries"] and told["deliveries"][0]["state"] == "delivered" else None
        told = wait_for(story, "the delivery")
        self.assertEqual([entry["kind"] for entry in told["entries"]], ["alert", "acknowledged", "closed", "reopened"])
        self.assertEqual((told["entries"][1]["who"], told["entries"][1]["reason"]), ("local", "I look at it"))
        self.assertEqual(told["deliveries"][0]["sink"], "kept")
        for bad, status in (("x", 404), ("0" * 32, 404), (alert["id"].upper(), 404)):
            self.call(daemon, "GET", "/v1/alerts/" + bad, expect=status)
            self.call(daemon, "POST", "/v1/alerts/" + bad + "/resolve", expect=status)
        for body in ({"why": "x"}, {"reason": 1}, {"reason": "x" * 2000}):
            self.call(daemon, "POST", path + "/resolve", body, expect=400)
        changes = self.call(daemon, "GET", "/v1/audit")["changes"]
        self.assertIn((path + "/resolve", 200, '{"reason": "bob forgot"}'), [(c["path"], c["status"], c["asked"]) for c in changes])
        self.assertEqual(daemon.stop(), 0)
        again = self.start()
        self.assertEqual(len(self.call(again, "GET", path)["entries"]), 4)
        self.assertEqual(len(self.call(again, "GET", "/v1/audit")["changes"]), len(changes))
        self.assertEqual(again.stop(), 0)


class Follow(WithDaemon):
    def test_nothing_is_missed_and_nothing_comes_twice(self):
        daemon = self.start()
        feed = Feed(daemon)
        self.assertEqual((feed.answer.status, feed.answer.getheader("Content-Type")), (200, "text/event-stream"))
        for second in range(3):
            daemon.post("login", login("u%d" % second, second))
        got = [feed.next() for _ in range(3)]
        self.assertEqual([e["data"]["key"]["user"] for e in got], ["u0", "u1", "u2"])
        self.assertEqual(got[0]["event"], "alert")
        self.assertEqual(got[0]["data"]["alert"]["events"][0]["event"], login("u0", 0))
        feed.close()
        daemon.post("login", [login("u3", 3), login("u4", 4, ok=True)])
        feed = Feed(daemon, last=got[1]["id"])
        self.assertEqual([feed.next()["data"]["key"]["user"] for _ in range(3)], ["u2", "u3", "u4"])
        self.call(daemon, "POST", "/v1/alerts/%s/acknowledge" % got[0]["data"]["id"])
        done = feed.next()
        self.assertEqual((done["event"], done["data"]["id"], done["data"]["state"]), ("acknowledged", got[0]["data"]["id"], "acknowledged"))
        filtered = Feed(daemon, last=0, query="?rule=seen&severity=low")
        self.assertEqual(filtered.next()["data"]["key"]["user"], "u4")
        for last, query in (("x", ""), ("-1", ""), (0, "?severity=none"), (0, "?rules=x")):
            self.assertEqual(Feed(daemon, last, query).answer.status, 400)
        self.assertEqual(daemon.stop(), 0)
        self.assertIsNone(feed.next())      # it was told that this is the end

    def test_what_is_not_kept_any_more_is_told_as_a_gap(self):
        daemon = self.start("--keep-alert-bytes", "4K")
        for second in range(50):
            self.assertEqual(daemon.post("login", [login("u%d-%d" % (second, i), second) for i in range(20)])[0], 202)
        wait_for(lambda: daemon.metric("egret_alerts_dropped_total") > 0, "alerts that are dropped")
        late = Feed(daemon, last=1)
        gap = late.next()
        self.assertEqual((gap["event"], gap["data"]), ("gap", {}))
        first = late.next()
        self.assertEqual(first["event"], "alert")
        self.assertGreater(int(first["id"]), 2)                 # what came between is gone
        self.assertEqual(int(gap["id"]), int(first["id"]) - 1)   # who comes back with it goes on there
        kept = Feed(daemon, last=int(first["id"]))              # who has seen the oldest that is kept, or a later one, misses nothing
        self.assertEqual(kept.next()["event"], "alert")
        for feed in (late, kept):
            feed.close()
        self.assertEqual(daemon.stop(), 0)

    def test_many_followers(self):
        daemon = self.start()
        feeds = [Feed(daemon) for _ in range(64)]
        self.assertEqual({feed.answer.status for feed in feeds}, {200})
        refused = Feed(daemon)
        self.assertEqual((refused.answer.status, refused.answer.getheader("Retry-After")), (503, "5"))
        daemon.post("login", login("ann", 0))
        self.assertEqual({feed.next()["data"]["key"]["user"] for feed in feeds}, {"ann"})
        for feed in feeds:
            feed.close()

        def room():
            feed = Feed(daemon)
            feed.close()
            return feed.answer.status == 200
        daemon.post("login", login("bob", 1))       # who has gone is noticed when there is something to say
        wait_for(room, "room for another follower")
        self.assertEqual(daemon.stop(), 0)

    def test_one_who_does_not_read_holds_up_nobody(self):
        daemon = self.start()
        deaf = socket.create_connection(("127.0.0.1", daemon.port))
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(b"GET /v1/alerts/feed HTTP/1.1\r\nHost: localhost\r\n\r\n")
        feed = Feed(daemon)
        for batch in range(20):
            self.assertEqual(daemon.post("login", [login("u%d" % i, batch) for i in range(100)])[0], 202)
        for _ in range(2000):
            self.assertEqual(feed.next()["event"], "alert")
        deaf.close()
        self.assertEqual(daemon.stop(), 0)


class Sinks(WithDaemon):
    def test_a_sink_that_is_paused_loses_nothing(self):
        daemon = self.start()
        self.assertTrue(self.call(daemon, "POST", "/v1/sinks/kept/pause")["paused"])
        daemon.post("login", [login("ann", 0), login("bob", 1)])

        def waiting():
            sink = self.call(daemon, "GET", "/v1/sinks")["sinks"][0]
            return sink if sink["backlog"] == 2 else None
        sink = wait_for(waiting, "a backlog of two")
        self.assertTrue(sink["paused"] and sink["oldest"] is not None or sink["oldest"] is None)
        self.assertEqual(daemon.stop(), 0)
        daemon = self.start()
        self.assertTrue(self.call(daemon, "GET", "/v1/sinks")["sinks"][0]["paused"])
        self.assertEqual(self.lines("data/kept.ndjson"), [])
        self.call(daemon, "POST", "/v1/sinks/kept/resume")
        wait_for(lambda: len(self.lines("data/kept.ndjson")) == 2, "two alerts in the file")
        self.call(daemon, "POST", "/v1/sinks/none/pause", expect=404)
        self.assertEqual(daemon.stop(), 0)

    def test_dead_alerts_are_sent_again(self):
        receiver = Receiver([400, 200])
        self.addCleanup(receiver.close)
        self.rules = RULES.replace('file { path: "kept.ndjson" }', 'webhook { url: "%s" allow_private: true }' % receiver.url)
        daemon = self.start()
        daemon.post("login", login("ann", 0))
        letters = wait_for(lambda: self.call(daemon, "GET", "/v1/dead-letters", kind="alert")["letters"], "a dead alert")
        self.assertEqual((letters[0]["where"], letters[0]["alert"]["rule"]), ("kept", "failed"))
        self.assertEqual(len(self.call(daemon, "GET", "/v1/dead-letters/export").splitlines()), 1)
        self.call(daemon, "POST", "/v1/dead-letters/%d/retry" % letters[0]["number"])
        receiver.wait_for_requests(2)
        self.assertEqual(self.call(daemon, "GET", "/v1/dead-letters")["letters"], [])
        self.call(daemon, "POST", "/v1/dead-letters/%d/retry" % letters[0]["number"], expect=404)
        self.call(daemon, "DELETE", "/v1/dead-letters/x", expect=404)
        self.assertEqual(self.call(daemon, "POST", "/v1/dead-letters/retry")["changed"], 0)
        self.call(daemon, "GET", "/v1/dead-letters", expect=400, kind="other")
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    os.environ.setdefault("EGRET", "egret")
    unittest.main()
