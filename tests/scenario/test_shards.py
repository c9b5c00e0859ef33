#!/usr/bin/env python3
"""`egret run --shards N`: the same alerts in the same order, and the same answers about keys, whatever N is and whatever it was before; while
rules change that tie keys together which were split, and with little memory."""
import json
import signal
import unittest

from harness import Daemon, Folder, egret, wait_for

RULES = """\
stream login { id: string  user: string  host: string  ok: bool  n: int  at: time } with time at, lateness 1s, identity id within 1h
rule failed { watch login [not ok]  by user  alert { n: n } }
rule many { watch login  by host  over 1m  when count() > 6  alert { n: count() }  throttle 10s }
rule thrice { match a: login [not ok] then b: login [not ok] then c: login [ok] within 2m  by user  alert { n: c.n } }
rule quiet { match login [not ok] then not login [ok] for 20s  by user  alert { } }
"""
TIES = 'profile of_host { from login  by host  most: max(n) }\nrule beyond { watch login [n >= of_host["h1"].most]  by user  alert { n: n }  throttle 15s }\n'
TELLS = "rule both { match a: failed then b: thrice within 5m  by user  alert { } }\n"
USERS = 30


def event(i):
    at = i * 150
    return {"id": "e%d" % i, "user": "u%d" % (i * 7919 % 101 % USERS), "host": "h%d" % (i * 31 % 17 % 6), "ok": i * 13 % 7 < 3, "n": i * 37 % 100,
            "at": "2026-01-05T10:%02d:%02d.%03dZ" % (at // 60000, at // 1000 % 60, at % 1000)}


class Shards(Folder):
    def start(self, shards):
        count, *more = shards.split()
        self.daemon = Daemon(self.path("rules"), self.path("data"), "--idle", "1h", "--checkpoint", "60", "--shards", count, *more).wait_until_ready()
        self.addCleanup(self.daemon.kill)

    def stop(self, how=signal.SIGTERM):
        code = self.daemon.stop(how)
        self.assertIn(code, (0, -9))
        log = "".join(self.daemon.err)
        for word in ("gave other alerts", "instead", "quarantine", "Sanitizer", "runtime error"):
            self.assertNotIn(word, log)
        return log

    def post(self, first, last):
        for i in range(first, last, 25):
            status, _ = self.daemon.post("login", "".join(json.dumps(event(k)) + "\n" for k in range(i, min(i + 25, last))))
            self.assertEqual(status, 202)

    def put(self, path, text, new=False):
        status, _, answer = self.daemon.request("PUT", path, text, {} if new else {"If-Match": "*"})
        self.assertIn(status, (200, 201), answer)

    def keys(self):
        """What is known of each key, but for numbers in the journal, and for what has run out and may have been swept or not."""
        known = []
        for rule, prefix, n in (("thrice", "u", 10), ("quiet", "u", 10), ("many", "h", 6)):
            for k in range(n):
                status, _, answer = self.daemon.request("GET", "/v1/keys/%s/%s%d" % (rule, prefix, k))
                self.assertEqual(status, 200)
                answer = json.loads(answer)
                attempts = [attempt for attempt in answer["attempts"] if attempt["until"] >= answer["clock"]]
                for bound in (bound for attempt in attempts for bound in attempt["bound"]):
                    del bound["lsn"]
                known.append((rule, k, answer["clock"], attempts, answer["open_alert"], answer["quiet_until"]))
        return known

    def history(self):
        done = egret("alerts", "feed", "--whole", "--most", "100000", "--data", self.path("data"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return [(entry["id"], entry["kind"], entry["alert"]["rule"]) for entry in map(json.loads, done.stdout.splitlines())]

    def run_with(self, name, first, second, third):
        """Three starts with so many shards each; the second ends by a kill."""
        self.dir, kept = self.path(name), self.dir
        self.write("rules/r.egret", RULES)
        self.start(first)
        self.post(0, 200)
        seen = [self.keys()]
        log = self.stop()
        self.start(second)
        self.assertEqual(self.keys(), seen[0])
        self.write("rules/s.egret", TIES)
        self.post(200, 300)
        log += self.stop()
        self.start(second)              # keys that were split are tied now
        self.post(300, 420)
        seen.append(self.keys())
        wait_for(lambda: self.daemon.metric("egret_queue_records") == 0, "the queue")
        log += self.stop(signal.SIGKILL)
        self.start(third)
        self.assertEqual(self.keys(), seen[1])
        self.write("rules/s.egret", TELLS)
        log += self.stop()
        self.start(third)
        self.post(420, 600)
        self.post(2000, 2002)           # the clock goes on, and silences end
        seen.append(self.keys())
        log += self.stop()
        done = egret("journal", "alerts", "--data", self.path("data"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("0 epochs gave other alerts", done.stderr)
        history = self.history()
        self.assertEqual([name for name, _, _ in history], [json.loads(line)["id"] for line in done.stdout.splitlines()])
        self.dir = kept
        return seen, history, log

    def test_any_number_gives_the_same(self):
        seen, history, _ = self.run_with("one", "1", "1", "1")
        self.assertEqual({rule for _, _, rule in history}, {"failed", "many", "thrice", "quiet", "beyond", "both"})
        for n, counts in enumerate((("2", "2", "2"), ("1", "5", "2"), ("7", "3 --memory 100K", "1"))):
            other = self.run_with("other%d" % n, *counts)
            self.assertIn("key groups are split between them", other[2])
            self.assertEqual(other[1], history)
            self.assertEqual(other[0], seen)
            self.assertTrue(any(attempts for _, _, _, attempts, _, _ in seen[0] + seen[1]))

    def test_a_change_over_http_ties_keys(self):
        """The answer comes with the change in force, and the evaluation goes on as one shard's."""
        found = []
        for count in ("1", "4"):
            self.dir, kept = self.path("http" + count), self.dir
            self.write("rules/r.egret", RULES + TIES.splitlines()[0] + "\n")
            self.start(count)
            self.post(0, 200)
            self.put("/v1/rules/beyond", TIES.splitlines()[1], new=True)
            self.post(200, 300)
            self.put("/v1/rules/beyond", "rule beyond { watch login [n >= 90]  by user  alert { n: n }  throttle 15s }")
            self.put("/v1/rules/both", TELLS, new=True)
            self.post(300, 400)
            status, _, _ = self.daemon.request("DELETE", "/v1/rules/both", "", {"If-Match": "*"})
            self.assertEqual(status // 100, 2)
            self.post(400, 500)
            keys = self.keys()
            self.stop()
            found.append((keys, self.history()))
            self.dir = kept
        self.assertEqual(found[0], found[1])
        self.assertIn("both", {rule for _, _, rule in found[0][1]})

    def test_numbers_that_cannot_be(self):
        self.write("rules/r.egret", RULES)
        for count in ("0", "65", "two"):
            done = egret("run", "--rules", self.path("rules"), "--data", self.path("data"), "--shards", count)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--shards", done.stderr)


if __name__ == "__main__":
    unittest.main()
