#!/usr/bin/env python3
"""Rules are replaced again and again while events flow at a constant rate. In the end:

- every event that was answered with 202 is in the journal, once;
- the alerts that came out, equal ids taken once, are those of one evaluation of the journal from its beginning (`egret journal alerts`), and no
  epoch gave other alerts when it was evaluated again; without a kill none came out twice;
- each replacement was answered, and says that the state of the rule was kept.

    live_rules.py --rate N --seconds N --changes N [--kill] [--rules N]

Prints how long changes took, and how long events took to become alerts with and without them.
"""
import argparse
import http.client
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))
from harness import Daemon, egret, wait_for    # noqa: E402  (the folder must be known first)

STREAM = "stream pay { id: string  card: string  amount: int  sent: int  at: time } with time at, identity id within 1m\n"
CHUNK = 500


def rule(n, text="0"):
    """Rules of several kinds; what `text` says changes with each version and is not part of the state."""
    kind = n % 4
    if kind == 0:
        return ('rule r%03d "%s" { match a: pay [amount == %d] then b: pay [amount == %d] within 1h  by card'
                '  alert { sent: b.sent  note: "%s" } }' % (n, text, n % 90, (n * 7 + 1) % 90, text))
    if kind == 1:
        return ('rule r%03d "%s" { watch pay [amount > %d]  by card  over 10m  when count() > %d  alert { sent: sent  note: "%s" }  throttle 1h }'
                % (n, text, 5000 + n, 3 + n % 5, text))
    if kind == 2:
        return ('rule r%03d "%s" { watch pay [amount > 9990 and amount > prev(amount) + %d]  by card  alert { sent: sent  note: "%s" } }'
                % (n, text, 9000 + n, text))
    return 'rule r%03d "%s" { match a: pay [amount == %d] then not pay for 5m  by card  alert { note: "%s" } }' % (n, text, 9000 + n, text)


class Live:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.dir = tempfile.mkdtemp(prefix="egret-live-")
        self.acked, self.next, self.changes, self.out = set(), 0, [], []
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.latency = {"without": [], "with": []}
        self.phase = "without"
        os.makedirs(os.path.join(self.dir, "rules"))
        with open(os.path.join(self.dir, "rules", "r.egret"), "w", encoding="utf-8") as file:
            file.write(STREAM + "\n".join(rule(n) for n in range(options.rules)) + "\n")
        self.daemon = None

    def start(self):
        self.daemon = Daemon(os.path.join(self.dir, "rules"), os.path.join(self.dir, "data"), "--idle", "500ms",
                             "--checkpoint", str(self.options.checkpoint), out=self)
        self.daemon.wait_until_ready()

    # ---- events ----

    def body(self, first):
        now = int(time.time() * 1000)
        lines = []
        for i in range(first, first + CHUNK):
            value = (i * 2654435761) & 0xFFFFFFFF
            at = 1767600000000 + i * 1000 // self.options.rate
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000))
            lines.append('{"id":"%d","card":"c%d","amount":%d,"sent":%d,"at":"%s.%03dZ"}'
                         % (i, value % self.options.cards, (value >> 8) % 10000, now, stamp, at % 1000))
        return "\n".join(lines)

    def feed(self, began):
        """One sender: its chunks at their times; what is not answered with 202 is sent again."""
        connection = None
        while not self.done.is_set():
            with self.lock:
                first = self.next
                if first >= self.options.rate * self.options.seconds:
                    return
                self.next += CHUNK
            time.sleep(max(0.0, began + first / self.options.rate - time.monotonic()))
            while not self.done.is_set():
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=30)
                    connection.request("POST", "/v1/events/pay", self.body(first), {"Content-Type": "application/x-ndjson"})
                    response = connection.getresponse()
                    response.read()
                    if response.status == 202:
                        with self.lock:
                            self.acked.add(first)
                        break
                except (OSError, http.client.HTTPException):
                    connection = None
                time.sleep(0.02)

    # ---- rules ----

    def replace(self, n):
        number = self.random.randrange(self.options.rules)
        began = time.monotonic()
        try:
            status, _, answer = self.daemon.request("PUT", "/v1/rules/r%03d" % number, rule(number, "version %d" % n),
                                                    {"Content-Type": "text/plain", "If-Match": "*"})
        except (OSError, http.client.HTTPException):
            return
        if status == 503:       # it is being killed or stopped
            return
        assert status == 200, (status, answer)
        told = json.loads(answer)
        assert all(changed["state"] == "kept" for changed in told["rules"]), told
        self.changes.append(time.monotonic() - began)

    # ---- all ----

    def run(self):
        self.start()
        began = time.monotonic() + 0.2
        senders = [threading.Thread(target=self.feed, args=(began,)) for _ in range(self.options.senders)]
        for sender in senders:
            sender.start()
        whole = self.options.seconds
        quiet = whole * 0.3 if self.options.measure else 0
        kill_at = self.options.changes // 2 if self.options.kill else -1
        time.sleep(0.2 + quiet)
        self.phase = "with"
        for n in range(self.options.changes):
            due = began + quiet + (whole - quiet) * n / self.options.changes
            time.sleep(max(0.0, due - time.monotonic()))
            if n == kill_at:
                self.daemon.stop(signal.SIGKILL)
                self.start()
            self.replace(n)
        for sender in senders:
            sender.join()
        self.finish()

    def append(self, line):
        """A line of the daemon's output: noted with how long its event took."""
        now = time.time() * 1000
        alert = json.loads(line)
        self.out.append(alert["id"])
        sent = alert["fields"].get("sent")
        if sent is not None:
            self.latency[self.phase].append(now - sent)

    def finish(self):
        data = os.path.join(self.dir, "data")
        self.daemon.stop()
        exported = egret("journal", "export", "--data", data, "--stream", "pay", timeout=900)
        ids = [json.loads(line)["id"] for line in exported.stdout.splitlines()]
        there = set(ids)
        assert len(there) == len(ids) or self.options.kill, "an event stands twice in the journal"
        lost = [i for first in self.acked for i in range(first, first + CHUNK) if str(i) not in there]
        assert not lost, "%d events answered with 202 are not in the journal" % len(lost)
        again = egret("journal", "alerts", "--data", data, timeout=900)
        assert again.returncode == 0, again.stderr
        replayed = [json.loads(line)["id"] for line in again.stdout.splitlines()]
        assert len(replayed) == len(set(replayed)), "the replay gave an alert twice"
        assert set(self.out) == set(replayed), "%d alerts came, the journal gives %d" % (len(set(self.out)), len(replayed))
        if not self.options.kill:
            assert len(self.out) == len(replayed), "an alert came twice"
        outbox = egret("journal", "outbox", "--data", data)
        assert outbox.stdout == "", outbox.stdout[:300]
        verify = egret("journal", "verify", "--data", data, timeout=900)
        assert "0 blocks broken, 0 gaps" in verify.stdout, verify.stdout
        self.tell(len(ids), len(replayed), again.stderr)
        shutil.rmtree(self.dir, ignore_errors=True)

    def tell(self, n_events, n_alerts, replay):
        def part(values, share):
            values = sorted(values)
            return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")
        print("%d events at %d/s, %d alerts, %d replacements%s" % (n_events, self.options.rate, n_alerts, len(self.changes),
                                                                    ", one kill" if self.options.kill else ""))
        print("a replacement: p50 %.0f ms, p99 %.0f ms, longest %.0f ms" % tuple(1000 * part(self.changes, s) for s in (0.5, 0.99, 1)))
        for phase in ("without", "with"):
            if self.latency[phase]:
                print("event to alert %s replacements: p50 %.0f ms, p99 %.0f ms (%d alerts)"
                      % (phase, part(self.latency[phase], 0.5), part(self.latency[phase], 0.99), len(self.latency[phase])))
        print("replay:", replay.strip())


def read(argv=None):
    parser = argparse.ArgumentParser()
    for name, default in (("rate", 4000), ("seconds", 6), ("changes", 40), ("rules", 40), ("cards", 20000), ("senders", 4), ("seed", 1),
                          ("checkpoint", 20000)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--measure", action="store_true", help="the first third without replacements, to compare with")
    return parser.parse_args(argv)


if __name__ == "__main__":
    Live(read()).run()
