"""Sources the daemon reads by itself: files that grow, are replaced, or end; standard input; routes by condition."""
import json
import os
import subprocess
import unittest

from harness import Daemon, Folder, wait_for

STREAMS = """\
stream login { user: string  at: time } with time at
stream payment { user: string  amount: decimal  at: time } with time at
rule came { watch login  by user  alert { who: user } }
rule paid { watch payment [amount > 100.00]  by user  alert { amount: amount } }
"""


def login(user, second, **more):
    return json.dumps({"user": user, "at": "2026-01-05T09:00:%02dZ" % second, **more}) + "\n"


class Sources(Folder):
    def start(self, source, *args, **more):
        self.write("rules/r.egret", STREAMS + source + "\n")
        daemon = Daemon(self.path("rules"), self.path("data"), "--idle", "100ms", *args, **more)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def append(self, name, text):
        with open(self.path(name), "ab") as file:
            file.write(text.encode())

    def users(self, daemon, n):
        return [alert["key"]["user"] for alert in daemon.wait_for_alerts(n)]

    def test_a_file_that_grows(self):
        self.write("rules/in.ndjson", login("a", 0))
        daemon = self.start('source s: file { path: "in.ndjson"  stream: login  follow: true }')
        self.assertEqual(self.users(daemon, 1), ["a"])
        whole = login("b", 1) + login("c", 2)
        cut = len(login("b", 1)) + 12
        self.append("rules/in.ndjson", whole[:cut])
        self.assertEqual(self.users(daemon, 2), ["a", "b"])
        self.append("rules/in.ndjson", whole[cut:-1])
        self.append("rules/in.ndjson", "\n" + login("d", 3))
        self.assertEqual(self.users(daemon, 4), ["a", "b", "c", "d"])
        self.assertEqual(daemon.metric('egret_events_rejected_total{stream="login",reason="syntax"}'), 0)
        self.assertEqual(daemon.stop(), 0)

    def test_a_file_that_is_replaced(self):
        self.write("rules/in.ndjson", login("a", 0))
        daemon = self.start('source s: file { path: "in.ndjson"  stream: login  follow: true }')
        self.assertEqual(self.users(daemon, 1), ["a"])
        os.rename(self.path("rules/in.ndjson"), self.path("rules/in.1"))
        self.append("rules/in.1", login("b", 1))
        self.assertEqual(self.users(daemon, 2), ["a", "b"])
        self.write("rules/in.ndjson", login("c", 2))
        self.assertEqual(self.users(daemon, 3), ["a", "b", "c"])
        self.assertEqual(daemon.stop(), 0)

    def test_a_file_that_ends_and_http_beside_it(self):
        self.write("rules/in.csv", "user,at\na,2026-01-05T09:00:00Z\nb,2026-01-05T09:00:01Z\n")
        daemon = self.start('source s: file { path: "in.csv"  stream: login }')
        self.assertEqual(self.users(daemon, 2), ["a", "b"])
        self.assertEqual(daemon.alerts()[0]["events"][0]["event"], {"user": "a", "at": "2026-01-05T09:00:00Z"})
        self.assertEqual(daemon.post("login", json.loads(login("c", 2)))[0], 202)
        self.assertEqual(self.users(daemon, 3), ["a", "b", "c"])
        self.assertEqual(daemon.stop(), 0)

    def test_routes_and_bad_records(self):
        lines = [login("a", 0, type="login"), login("a", 1, type="pay", amount="250.50"), login("a", 2, type="pay", amount=99.99),
                 login("a", 3, type="logout"), "{nonsense\n", login("b", 4, type="login")]
        self.write("rules/in.ndjson", "".join(lines))
        daemon = self.start('source s: file { path: "in.ndjson"  stream: login when type == "login", payment when type == "pay" }')
        alerts = daemon.wait_for_alerts(3)
        self.assertEqual([(alert["rule"], alert["fields"]) for alert in alerts],
                         [("came", {"who": "a"}), ("paid", {"amount": 250.5}), ("came", {"who": "b"})])
        letters = wait_for(lambda: self.letters(), "the dead letter")
        self.assertEqual([(letter["source"], letter["line"], letter["class"]) for letter in letters], [("s", 5, "syntax")])
        self.assertEqual(daemon.stop(), 0)

    def test_standard_input(self):
        daemon = self.start("source s: stdin { stream: login }", stdin=subprocess.PIPE)
        daemon.process.stdin.write(login("a", 0).encode())
        daemon.process.stdin.flush()
        self.assertEqual(self.users(daemon, 1), ["a"])
        daemon.process.stdin.write((login("b", 1) + login("c", 2)).encode())
        daemon.process.stdin.close()
        self.assertEqual(self.users(daemon, 3), ["a", "b", "c"])
        self.assertEqual(daemon.request("GET", "/readyz")[0], 200)
        self.assertEqual(daemon.stop(), 0)

    def test_a_silent_standard_input_does_not_keep_it_from_ending(self):
        daemon = self.start("source s: stdin { stream: login }", stdin=subprocess.PIPE)
        self.addCleanup(daemon.process.stdin.close)
        self.assertEqual(daemon.stop(), 0)

    def test_a_file_that_is_not_there(self):
        self.write("rules/r.egret", STREAMS + 'source s: file { path: "none.ndjson"  stream: login }\n')
        daemon = Daemon(self.path("rules"), self.path("data"))
        self.addCleanup(daemon.kill)
        self.assertEqual(daemon.process.wait(60), 3)
        self.assertEqual(daemon.stop(), 3)
        self.assertIn("none.ndjson", "".join(daemon.err))

    def test_what_this_version_has_not_is_refused(self):
        for source in ('mqtt { url: "http://127.0.0.1:1883"  topic: "x"  stream: login }',
                       "http { stream: login  format: json }", "http { stream: login  max_body: 0 }"):
            self.write("rules/r.egret", STREAMS + "source s: %s\n" % source)
            daemon = Daemon(self.path("rules"), self.path("data"))
            self.addCleanup(daemon.kill)
            self.assertEqual(daemon.process.wait(60), 1, source)
            self.assertEqual(daemon.stop(), 1)
            self.assertIn("source s: ", "".join(daemon.err))

    def test_an_http_source_may_choose_the_stream(self):
        daemon = self.start('source mixed: http { stream: login when type == "login", payment when type == "pay" }\n'
                            'source plain: http { stream: login, payment }')
        body = login("a", 0, type="login") + login("b", 1, type="pay", amount=200) + login("c", 2, type="other")
        self.assertEqual(daemon.post("mixed", body), (202, {"accepted": 2, "rejected": 0, "unrouted": 1, "errors": []}))
        status, answer = daemon.post("mixed", "type,user,at,amount\npay,d,2026-01-05T09:00:03Z,300\n", "text/csv")
        self.assertEqual((status, answer["accepted"]), (202, 1))
        self.assertEqual(daemon.post("plain", login("e", 4))[0], 404)
        self.assertEqual(daemon.post("login", login("f", 5))[0], 202)
        alerts = [(alert["rule"], alert["key"]["user"]) for alert in daemon.wait_for_alerts(4)]
        self.assertEqual(alerts, [("came", "a"), ("paid", "b"), ("paid", "d"), ("came", "f")])
        self.assertEqual(daemon.metric("egret_events_unrouted_total"), 1)
        self.assertEqual(daemon.stop(), 0)

    def test_an_http_source_may_bound_bodies(self):
        daemon = self.start("source s: http { stream: login  max_body: 100 }")
        self.assertEqual(daemon.post("login", login("a", 0))[0], 202)
        self.assertEqual(daemon.post("login", login("a", 0) * 3)[0], 413)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
