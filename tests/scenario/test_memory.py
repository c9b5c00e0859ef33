"""More keys than fit into memory: the same alerts, also of deadlines and over a restart, and the state takes no more than it may."""
import json
import signal
import unittest

from harness import Daemon, Folder, wait_for

RULES = """\
stream use { user: string  kind: string  text: string  at: time } with time at, lateness 1s
rule twice { match a: use [kind == "first"] then b: use [kind == "second"] within 10h  by user  alert { was: a.text  now: b.text } }
rule silent { match a: use [kind == "last"] then not use for 5m  by user  alert { was: a.text } }
"""
KEYS, BATCH, TOLD = 20000, 2000, 100     # every TOLD-th user comes again


def use(user, second, kind):
    return json.dumps({"user": "u%05d" % user, "kind": kind, "text": "%s of u%05d, %s" % (kind, user, "and so on, " * 25),
                       "at": "2026-01-05T%02d:%02d:%02dZ" % (second // 3600, second // 60 % 60, second % 60)})


class Memory(Folder):
    def start(self, data, *more):
        self.write("rules/r.egret", RULES)
        daemon = Daemon(self.path("rules"), self.path(data), "--idle", "100ms", "--checkpoint", "8000", *more)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def post(self, daemon, events):
        for first in range(0, len(events), BATCH):
            status, answer = daemon.post("use", "\n".join(events[first:first + BATCH]))
            self.assertEqual((status, answer["accepted"]), (202, len(events[first:first + BATCH])))

    def settled(self, daemon, n):
        """The state's bytes and the keys that are away, once n events have been evaluated."""
        wait_for(lambda: daemon.metric("egret_engine_events_total") >= n, "the events to be evaluated")
        return daemon.metric("egret_engine_state_bytes"), daemon.metric("egret_engine_cold_keys")

    def run_all(self, data, end, *more):
        """Alerts, ids in order; the state's bytes and the keys away in the middle."""
        again = list(range(0, KEYS, TOLD))
        daemon = self.start(data, *more)
        self.post(daemon, [use(user, 60 + user // 200, "first") for user in range(KEYS)])
        bytes_, away = self.settled(daemon, KEYS - 400)     # the newest wait for what may come a second late
        self.assertEqual(daemon.stop(end), 0 if end == signal.SIGTERM else -end)
        daemon = self.start(data, *more)
        self.post(daemon, [use(user, 400 + user // 200, "second") for user in again] + [use(user, 700, "last") for user in again])
        self.post(daemon, [use(KEYS, 2000, "other")])       # all deadlines are over
        alerts = daemon.wait_for_alerts(2 * len(again))
        self.assertEqual(daemon.stop(), 0)
        self.assertNotIn("gave other alerts", "".join(daemon.err))
        return [alert["id"] for alert in alerts], bytes_, away

    def test_ten_times_as_many_keys_as_fit(self):
        alerts, bytes_, away = self.run_all("wide", signal.SIGTERM)
        self.assertEqual((len(alerts), away), (2 * KEYS // TOLD, 0))
        limit = int(bytes_ / 10)
        for end in signal.SIGTERM, signal.SIGKILL:
            narrow, narrow_bytes, narrow_away = self.run_all("narrow%d" % end, end, "--memory", str(limit))
            self.assertEqual(narrow, alerts)
            self.assertGreater(narrow_away, KEYS / 2)
            self.assertLess(narrow_bytes, limit + (3 << 20))    # memory comes in pieces of a megabyte
        self.assertLess(limit + (3 << 20), bytes_ / 2)


if __name__ == "__main__":
    unittest.main()
