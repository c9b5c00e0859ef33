#!/usr/bin/env python3
"""Kafka in, Kafka out, exactly once: events on several partitions go through Egret while it and the broker are killed at random; at the end a consumer
that reads committed sees every alert that is expected, each of them once.

    exactly_once.py [--events N] [--partitions N] [--kills N] [--seed N]

Each of the two is killed as often as --kills says. The full size is --events 200000 --partitions 8 --kills 20. What is expected is what `egret replay`
says of the same events in one file.
"""
import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

import broker as kafka
from harness import Daemon, egret, wait_for

RULES = """\
stream login { user: string  n: int  ok: bool  at: time } with time at, lateness 2s, identity n within 1m
rule burst { match (fail: login [not ok] {3,} within 1h) then within 1h success: login [ok]  by user  alert { n: success.n  failures: count(fail) } %s }
"""
EDGES = """\
source feed: kafka { brokers: "%s"  topic: "in"  stream: login }
sink out: kafka { brokers: "%s"  topic: "out"  exactly_once: true  queue: 1000000 }
"""
USERS_PER_PARTITION = 50


def events(n, partitions, rng):
    """(partition, text) of each event: a login that fails or does not, every 5 ms."""
    lines = []
    for i in range(n):
        partition = i % partitions
        user = "p%d-u%d" % (partition, rng.randrange(USERS_PER_PARTITION))
        seconds, ms = divmod(i * 5, 1000)
        at = "2026-01-05T%02d:%02d:%02d.%03dZ" % (9 + seconds // 3600, seconds // 60 % 60, seconds % 60, ms)
        lines.append((partition, json.dumps({"user": user, "n": i, "ok": rng.random() < 0.5, "at": at})))
    # What lets all before it go, in each partition.
    lines += [(p, json.dumps({"user": "end", "n": n + p, "ok": True, "at": "2026-01-06T00:00:00Z"})) for p in range(partitions)]
    return lines


def expected_alerts(folder, lines):
    """Each alert, by the event that completes it: there is one at most."""
    rules, path = os.path.join(folder, "alone.egret"), os.path.join(folder, "events.ndjson")
    with open(rules, "w", encoding="utf-8") as file:
        file.write(RULES % "")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(text + "\n" for _, text in lines)
    done = egret("replay", "--rules", rules, "--events", "login=" + path, timeout=600)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return dict(told(line) for line in done.stdout.splitlines())


def told(text):
    alert = json.loads(text)
    return alert["fields"]["n"], (alert["key"]["user"], alert["fields"]["failures"])


class Chaos:
    def __init__(self, folder, broker, kills, rng):
        self.folder, self.broker, self.rng = folder, broker, rng
        together = kills // 3
        self.turns = [["egret", "broker"]] * together + [["egret"], ["broker"]] * (kills - together)
        rng.shuffle(self.turns)
        self.killed = {"egret": 0, "broker": 0}
        self.rules, self.data = os.path.join(folder, "r.egret"), os.path.join(folder, "data")
        with open(self.rules, "w", encoding="utf-8") as file:
            file.write(RULES % "to out" + EDGES % (broker.address, broker.address))
        self.daemon = None
        self.start()

    def start(self):
        self.daemon = Daemon(self.rules, self.data, "--idle", "60s").wait_until_ready()

    def kill_one(self):
        """Kills one of the two, or both at once, each at its turn; what was killed is started again."""
        which = self.turns.pop()
        for name in which:
            self.killed[name] += 1
        if "broker" in which:
            self.broker.stop(signal.SIGKILL)
        if "egret" in which:
            self.daemon.stop(signal.SIGKILL)
        if "broker" in which:
            time.sleep(self.rng.random())       # it is away for a while
            self.broker.start()
        if "egret" in which:
            self.start()

    def accepted(self):
        """Events of all partitions that are on Egret's disk."""
        _, _, page = self.daemon.request("GET", "/metrics")
        return sum(float(line.rsplit(" ", 1)[1]) for line in page.decode().splitlines() if line.startswith("egret_source_position{"))


def run(args):
    rng = random.Random(args.seed)
    folder = tempfile.mkdtemp(prefix="egret-once-")
    broker = kafka.Broker(os.path.join(folder, "broker"))
    chaos = None
    try:
        broker.start()
        broker.create("in", args.partitions)
        broker.create("out", 4)
        lines = events(args.events, args.partitions, rng)
        expected = expected_alerts(folder, lines)
        chaos = Chaos(folder, broker, args.kills, rng)
        # Events come in as many parts as there are kills, so that all kills fall while something is on its way.
        parts = max(len(chaos.turns), 1)
        producer = threading.Thread(target=lambda: [broker.produce("in", lines[i * len(lines) // parts:(i + 1) * len(lines) // parts])
                                                    for i in range(parts)])
        producer.start()
        while chaos.turns:
            time.sleep(rng.random() * args.pause)
            chaos.kill_one()
        producer.join()
        end = time.monotonic() + args.deadline
        while chaos.accepted() < len(lines) and time.monotonic() < end:
            time.sleep(0.5)
        wait_for(lambda: chaos.daemon.metric('egret_events_late_total{stream="login"}') is not None, "the numbers")
        return judge(args, chaos, broker, expected, end)
    finally:
        if chaos:
            chaos.daemon.kill()
        broker.stop()
        if args.keep:
            print("kept: " + folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def judge(args, chaos, broker, expected, end):
    rows = []
    while time.monotonic() < end:
        rows = broker.consume("out")
        if len(rows) >= len(expected) and chaos.daemon.metric('egret_sink_backlog{sink="out"}') == 0:
            break
        time.sleep(1)
    seen = [told(text) for _, _, _, _, text in rows]
    numbers = {n for n, _ in seen}
    missing, twice = len(set(expected) - numbers), len(seen) - len(numbers)
    foreign = sum(expected.get(n) != what for n, what in seen)
    print("%d events on %d partitions; egret killed %d times, the broker %d times; %d alerts expected, %d seen by a consumer that reads committed: "
          "%d missing, %d twice, %d that nobody expects" % (args.events, args.partitions, chaos.killed["egret"], chaos.killed["broker"], len(expected),
                                                          len(rows), missing, twice, foreign))
    if not expected or missing or twice or foreign:
        print("missing: %s" % sorted(set(expected) - numbers)[:20])
        print("".join(chaos.daemon.err[-20:]))
        print("\n".join(line for line in chaos.daemon.request("GET", "/metrics")[2].decode().splitlines()
                        if line.startswith(("egret_source", "egret_events", "egret_sink", "egret_watermark", "egret_queue"))))
        return 1
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=200000)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--kills", type=int, default=20, help="of each of the two")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=3.0, help="seconds between two kills at most")
    parser.add_argument("--deadline", type=float, default=600.0)
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    why = kafka.missing()
    if why:
        print("skipped: " + why)
        return 77
    return run(args)


if __name__ == "__main__":
    sys.exit(main())
