#!/usr/bin/env python3
"""A disk that turns read-only, and a wall clock that jumps, as docs/durability.md states it. The libraries beside this file put themselves between the
daemon and both: EGRET_SHIM_LIBRARY (shim.c), EGRET_CLOCK_LIBRARY (clock.c).
"""
import json
import os
import signal
import time
import unittest

from harness import Daemon, Folder, Receiver, egret, wait_for

RULES = """\
stream login { user: string  ok: bool  n: int  at: time } with time at
sink desk: webhook { url: "%s"  allow_private: true  backoff: 50ms  attempts: 1000 }
sink log: stdout { }
rule failed { watch login [not ok]  by user  alert { n: n }  to desk, log }
rule quiet { match login [ok] then not login for 3s  by user  alert { who: user }  to log }
"""
DAYS = 86400


def login(n, user="u", ok=False, at="2026-01-05T09:00:00Z"):
    return {"user": user, "ok": ok, "n": n, "at": at}


def now():
    at = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + ".%03dZ" % (at % 1 * 1000)


class Troubles(Folder):
    def start(self, *args, **env):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.write("rules/r.egret", RULES % self.receiver.url)
        more = {"ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0", **env} if env else {}
        daemon = Daemon(self.path("rules"), self.path("data"), "--idle", "100ms", *args, env=more)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def numbers(self):
        done = egret("journal", "export", "--data", self.path("data"), "--stream", "login")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line)["n"] for line in done.stdout.splitlines()]

    def same_again(self):
        done = egret("journal", "alerts", "--data", self.path("data"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return {json.loads(line)["id"] for line in done.stdout.splitlines()}


class ReadOnly(Troubles):
    def shim(self, writes):
        return {"LD_PRELOAD": os.environ["EGRET_SHIM_LIBRARY"], "EGRET_SHIM": "readonly", "EGRET_SHIM_AT": "60", "EGRET_SHIM_FOR": str(writes)}

    def post_until_refused(self, daemon):
        """The numbers that were accepted, and the answer that refused the next."""
        accepted = []
        for n in range(2000):
            status, answer = daemon.post("login", login(n))
            if status != 202:
                return accepted, status, answer
            accepted.append(n)
        self.fail("it was never refused")

    def test_it_refuses_and_keeps_what_it_has(self):
        daemon = self.start(**self.shim(1 << 40))
        accepted, status, answer = self.post_until_refused(daemon)
        self.assertEqual(status, 503)
        self.assertIn("the disk is read-only", answer["detail"])
        status, headers, answer = daemon.request("POST", "/v1/events/login", json.dumps(login(5000)), {"Content-Type": "application/json"})
        self.assertEqual((status, headers["Retry-After"]), (503, "5"))
        self.assertIn("the disk is read-only", json.loads(answer)["detail"])
        status, _, answer = daemon.request("GET", "/readyz")
        self.assertEqual((status, json.loads(answer)["detail"]), (503, "the disk is read-only"))
        self.assertEqual(daemon.request("GET", "/livez")[0], 200)
        self.assertEqual(daemon.metric("egret_store_unwritable"), 1)
        self.assertGreater(daemon.metric("egret_commit_failures_total"), 0)
        self.assertEqual(daemon.request("GET", "/v1/alerts")[0], 200)
        self.assertEqual(daemon.request("PUT", "/v1/rules/other", "rule other { watch login by user }", {"Content-Type": "text/plain"})[0], 503)
        self.assertEqual(sum("events are refused until it can be written again" in line for line in daemon.err), 1)
        daemon.stop(signal.SIGKILL)
        self.assertEqual([n for n in self.numbers() if n in set(accepted)], accepted)
        again = self.start()
        self.assertEqual(again.post("login", login(9000))[0], 202)
        expected = self.same_again()
        wait_for(lambda: again.metric('egret_sink_backlog{sink="desk"}') == 0, "deliveries")
        self.assertEqual(again.stop(), 0)
        self.assertLessEqual(set(accepted) | {9000}, set(self.numbers()))
        self.assertTrue(expected)

    def test_it_goes_on_by_itself(self):
        daemon = self.start(**self.shim(3))
        accepted, status, _ = self.post_until_refused(daemon)
        self.assertEqual(status, 503)
        wait_for(lambda: daemon.request("GET", "/readyz")[0] == 200, "a disk that can be written")
        self.assertEqual(daemon.metric("egret_store_unwritable"), 0)
        self.assertEqual(daemon.post("login", login(9000))[0], 202)
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("the disk can be written again", "".join(daemon.err))
        self.assertEqual([n for n in self.numbers() if n in set(accepted)], accepted)
        self.assertEqual(self.numbers()[-1], 9000)


class Clock(Troubles):
    def start(self, *args, **env):
        self.jump(0)
        return super().start(*args, LD_PRELOAD=os.environ["EGRET_CLOCK_LIBRARY"], EGRET_CLOCK_FILE=self.path("off"), **env)

    def jump(self, seconds):
        self.write("off.new", "%d\n" % seconds)
        os.replace(self.path("off.new"), self.path("off"))

    def test_deadlines_do_not_follow_it(self):
        daemon = self.start()
        for user, seconds in (("a", 10 * DAYS), ("b", -10 * DAYS)):
            before = len(daemon.out)
            self.assertEqual(daemon.post("login", login(1, user, ok=True, at=now()))[0], 202)
            began = time.monotonic()
            self.jump(seconds)
            alert = daemon.wait_for_alerts(before + 1)[-1]
            self.assertEqual((alert["rule"], alert["key"]), ("quiet", {"user": user}))
            self.assertGreater(time.monotonic() - began, 2.5)
            self.jump(0)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.same_again(), {alert["id"] for alert in daemon.alerts()})

    def test_nothing_is_dropped_for_its_age(self):
        daemon = self.start("--keep", "1h", "--keep-alerts", "1h", "--checkpoint", "1")
        for n, seconds in enumerate((0, 10 * DAYS, 20 * DAYS, -10 * DAYS, 0)):
            self.jump(seconds)
            self.assertEqual(daemon.post("login", login(n, "u%d" % n))[0], 202)
            wait_for(lambda: daemon.metric("egret_checkpoints_total") > n, "a checkpoint, without which nothing may go")
        wait_for(lambda: daemon.metric('egret_sink_backlog{sink="desk"}') == 0, "deliveries")
        self.assertEqual(daemon.metric("egret_journal_dropped_blocks_total"), 0)
        self.assertEqual(daemon.metric("egret_alerts_dropped_total"), 0)
        self.assertEqual(daemon.request("GET", "/readyz")[0], 200)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.numbers(), list(range(5)))

    def test_tries_again_do_not_wait_for_it(self):
        daemon = self.start()
        for n, seconds in enumerate((-10 * DAYS, 10 * DAYS)):
            self.receiver.statuses = [500] * (len(self.receiver.requests) + 1) + [200]
            self.assertEqual(daemon.post("login", login(n, "u%d" % n))[0], 202)
            wait_for(lambda: len(self.receiver.requests) >= 1 + 2 * n, "the first try")
            self.jump(seconds)
            wait_for(lambda: sum(request[0] == 200 for request in self.receiver.requests) == n + 1, "the second try")
            self.jump(0)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
