#!/usr/bin/env python3
"""Rules are replaced again and again while events flow at a constant rate. In the end:

- every event that was answered with 202 is in the journal, once;
- the alerts that came out, equal ids taken once, are those of one evaluation of the journal from its beginning (`egret journal alerts`), and no
  epoch gave other alerts when it was evaluated again; without a kill none came out twice;
- each replacement was answered, and says that the state of the rule was kept.

    live_rules.py --rate N --seconds N --changes N [--kill] [--rules N] [--measure]

Prints how long changes took, and how long events took to become alerts with and without them: with --measure, times with and without replacements
take turns, so that whatever else the machine does disturbs both alike.
"""
import argparse
import http.client
import json
import os
import random
import re
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
TEMPLATES = 200
TURN_S = 5
ALERT_ID = re.compile(r'"id":"([^"]*)"')
EVENT_ID = re.compile(r'"id":"(\d+-\d+)"')
ALERT_SENT = re.compile(r'"fields":\{"sent":(\d+)')


def rule(n, text="0"):
    """Rules of several kinds; what `text` says changes with each version and is not part of the state."""
    kind = n % 4
    if kind == 0:
        return ('rule r%03d "%s" { match a: pay [amount == %d] then b: pay [amount == %d] within 1h  by card'
                '  alert { sent: b.sent  note: "%s" } }' % (n, text, n % 90, (n * 7 + 1) % 90, text))
    if kind == 1:
        return ('rule r%03d "%s" { watch pay [amount > %d]  by card  over 10s  when count() > 1  alert { sent: sent  note: "%s" }  throttle 1m }'
                % (n, text, 9900 + n % 90, text))
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
        self.warmed, self.trouble = [], []
        self.began = 0
        os.makedirs(os.path.join(self.dir, "rules"))
        with open(os.path.join(self.dir, "rules", "r.egret"), "w", encoding="utf-8") as file:
            file.write(STREAM + "\n".join(rule(n) for n in range(options.rules)) + "\n")
        self.templates = [self.template(n) for n in range(TEMPLATES)]
        self.daemon = None

    def start(self):
        self.daemon = Daemon(os.path.join(self.dir, "rules"), os.path.join(self.dir, "data"), "--idle", "500ms",
                             "--checkpoint", str(self.options.checkpoint), out=self)
        self.daemon.wait_until_ready()

    # ---- events ----

    def template(self, number):
        """A chunk but for its number, its time and when it is sent: those of one number are alike, so that making them costs the sender little."""
        lines = []
        for i in range(number * CHUNK, (number + 1) * CHUNK):
            value = (i * 2654435761) & 0xFFFFFFFF
            lines.append('{"id":"@CHUNK@-%d","card":"c%d","amount":%d,"sent":@SENT@,"at":"@AT@"}'
                         % (i % CHUNK, value % self.options.cards, (value >> 8) % 10000))
        return "\n".join(lines)

    def body(self, first):
        number = first // CHUNK
        at = 1767600000000 + first * 1000 // self.options.rate
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000))
        text = self.templates[number % len(self.templates)].replace("@CHUNK@", str(number)).replace("@AT@", "%s.%03dZ" % (stamp, at % 1000))
        return text.replace("@SENT@", "%d" % (time.time() * 1000))

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

    def guard(self, work):
        try:
            work()
        except AssertionError as trouble:
            self.trouble.append(trouble)

    def warm(self):
        """New rules that say `warm up`, one after the other; each is filled with the past while others are replaced."""
        for n in range(self.options.warm):
            name = "w%03d" % n
            text = rule(n, "new").replace("rule r%03d" % n, "rule " + name)
            text = text[:text.rindex("}")] + " warm up 1s }"
            self.done.wait(self.options.seconds / (self.options.warm + 1))
            began = time.monotonic()
            try:
                status, _, answer = self.daemon.request("PUT", "/v1/rules/" + name, text, {"Content-Type": "text/plain", "If-None-Match": "*"})
            except (OSError, http.client.HTTPException):
                continue
            if status == 503:
                continue
            assert status == 201, (status, answer)
            told, = json.loads(answer)["rules"]
            assert told["state"] == "new" and told["warm_up"]["complete"] and told["warm_up"]["events"] > 0, told
            self.warmed.append(time.monotonic() - began)

    # ---- all ----

    def due(self, n, began):
        """When the n-th change is due. With --measure only in every second turn, the second, the fourth …; else from the beginning to the end."""
        share = n / self.options.changes
        if not self.options.measure:
            return began + self.options.seconds * share
        turns = max(1, self.options.seconds // (2 * TURN_S))
        return began + TURN_S * (2 * int(share * turns) + 1 + (share * turns) % 1)

    def turn(self, began):
        if not self.options.measure:
            return "with"
        return "with" if int((time.monotonic() - began) / TURN_S) % 2 else "without"

    def run(self):
        self.start()
        self.began = began = time.monotonic() + 0.2
        senders = [threading.Thread(target=self.feed, args=(began,)) for _ in range(self.options.senders)]
        for sender in senders:
            sender.start()
        warmer = threading.Thread(target=self.guard, args=(self.warm,))
        warmer.start()
        kill_at = self.options.changes // 2 if self.options.kill else -1
        for n in range(self.options.changes):
            time.sleep(max(0.0, self.due(n, began) - time.monotonic()))
            if n == kill_at:
                self.daemon.stop(signal.SIGKILL)
                self.start()
            self.replace(n)
        for sender in senders:
            sender.join()
        warmer.join()
        assert not self.trouble, self.trouble
        assert self.options.kill or len(self.warmed) == self.options.warm, self.warmed
        self.took = time.monotonic() - began
        self.finish()

    def append(self, line):
        """A line of the daemon's output: noted with how long its event took."""
        now = time.time() * 1000
        self.out.append(ALERT_ID.search(line).group(1))
        sent = ALERT_SENT.search(line)
        if sent:
            self.latency[self.turn(self.began)].append(now - int(sent.group(1)))

    def finish(self):
        data = os.path.join(self.dir, "data")
        self.daemon.stop()
        exported = egret("journal", "export", "--data", data, "--stream", "pay", timeout=900)
        ids = [EVENT_ID.search(line).group(1) for line in exported.stdout.splitlines()]
        there = set(ids)
        assert len(there) == len(ids) or self.options.kill, "an event stands twice in the journal"
        lost = [i for first in self.acked for i in range(CHUNK) if "%d-%d" % (first // CHUNK, i) not in there]
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
        if self.warmed:
            print("a new rule that was warmed up: %d, p50 %.0f ms, longest %.0f ms" % ((len(self.warmed),) + tuple(1000 * part(self.warmed, s) for s in (0.5, 1))))
        for phase in ("without", "with"):
            if self.latency[phase]:
                print("event to alert %s replacements: p50 %.0f ms, p99 %.0f ms (%d alerts)"
                      % (phase, part(self.latency[phase], 0.5), part(self.latency[phase], 0.99), len(self.latency[phase])))
        if all(self.latency.values()):
            print("p99 with against without: %.2f" % (part(self.latency["with"], 0.99) / part(self.latency["without"], 0.99)))
        print("sent in %.1f s: %.0f events/s" % (self.took, n_events / self.took))
        print("replay:", replay.strip())


def read(argv=None):
    parser = argparse.ArgumentParser()
    for name, default in (("rate", 4000), ("seconds", 6), ("changes", 40), ("rules", 40), ("cards", 20000), ("senders", 4), ("seed", 1), ("warm", 0),
                          ("checkpoint", 20000)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--measure", action="store_true", help="every other five seconds without replacements, to compare with")
    return parser.parse_args(argv)


if __name__ == "__main__":
    Live(read()).run()
