#!/usr/bin/env python3
"""Many rules: how long they take to load, and how long one more takes to be live while events flow.

    many_rules.py EGRET [--rules N] [--rate N] [--changes N] [--files N] [--seconds N]

--rate 0: as many as the daemon takes (bench/post.c, 16 connections of 500 events each, for --seconds at most; events have the time at which they arrive).

Prints how long the first start took (from the start of the process until it is ready; the rules are read, compiled and written to the store), how
long a rule that is new took from PUT to the answer (it holds then, and is on the disk), the same for one that is replaced, and how long events waited
for their answer meanwhile, beside how long they waited before, and what processor time a change takes: on a loaded machine the one figure to compare.
"""
import argparse
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "scenario"))
CHUNK = 100
CONNECTIONS, LINES = 16, 500
STREAM = "stream pay { id: string  card: string  amount: int  country: string  at: time } with time at\n"
ARRIVING = "stream pay { id: string  card: string  amount: int  country: string }\n"


def rule(n, text="0"):
    """Rules as people write them in thousands: alike, with other constants."""
    kind = n % 4
    if kind == 0:
        return ('rule r%05d "%s" { match a: pay [amount == %d] then b: pay [amount == %d] within 1h  by card  alert { note: "%s {b.amount}" } }'
                % (n, text, n, n + 1, text))
    if kind == 1:
        return ('rule r%05d "%s" { watch pay [amount > %d and country == "c%d"]  by card  over 10m  when count() > %d  alert { note: "%s" }  throttle 1h }'
                % (n, text, 100000 + n, n, 3 + n % 5, text))
    if kind == 2:
        return ('rule r%05d "%s" { watch pay [amount > %d and country == "d%d"]  by country  alert { note: "%s" } }' % (n, text, 90000 + n, n, text))
    return 'rule r%05d "%s" { match a: pay [amount == %d] then not pay for 5m  by card  alert { note: "%s" } }' % (n, text, n, text)


def part(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


class Events:
    """Events at a constant rate; the waits for their answers."""

    def __init__(self, port, rate):
        self.port, self.rate, self.waits, self.done, self.number = port, rate, [], threading.Event(), 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def body(self):
        lines = []
        for _ in range(CHUNK):
            self.number += 1
            at = 1767600000000 + self.number
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000))
            lines.append('{"id":"%d","card":"c%d","amount":%d,"country":"c%d","at":"%s.%03dZ"}'
                         % (self.number, self.number * 7919 % 20000, self.number * 31 % 100000, self.number % 40, stamp, at % 1000))
        return "\n".join(lines)

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        began = time.monotonic()
        while not self.done.is_set():
            body = self.body()
            time.sleep(max(0.0, began + self.number / self.rate - time.monotonic()))
            sent = time.monotonic()
            connection.request("POST", "/v1/events/pay", body, {"Content-Type": "application/x-ndjson"})
            response = connection.getresponse()
            response.read()
            assert response.status == 202, response.status
            self.waits.append(1000 * (time.monotonic() - sent))

    def stop(self):
        self.done.set()
        self.thread.join()


class FullRate:
    """As many as are taken, by a program of its own that ends by itself."""

    def __init__(self, port, options, folder):
        lines = os.path.join(folder, "lines")
        with open(lines, "w", encoding="ascii") as out:
            for n in range(200000):
                out.write('{"id":"%d","card":"c%d","amount":%d,"country":"c%d"}\n' % (n, n * 7919 % 20000, n * 31 % 100000, n % 40))
        program = os.path.join(os.path.dirname(os.environ["EGRET"]), "bench", "bench_post")
        self.process = subprocess.Popen([program, str(port), "/v1/events/pay", lines, str(CONNECTIONS), str(LINES), str(options.seconds)], stdout=subprocess.PIPE, text=True)

    def is_running(self):
        return self.process.poll() is None

    def wait(self):
        return self.process.communicate()[0].strip()


def say(what, values):
    print("%s: p50 %.0f ms, p95 %.0f ms, longest %.0f ms (%d)" % (what, part(values, 0.5), part(values, 0.95), part(values, 1), len(values)), flush=True)


def processor_ms(daemon):
    with open("/proc/%d/stat" % daemon.process.pid, encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def change(daemon, number, text, headers):
    began = time.monotonic()
    status, _, answer = daemon.request("PUT", "/v1/rules/r%05d" % number, rule(number, text), {"Content-Type": "text/plain", **headers})
    assert status in (200, 201), (status, answer)
    assert len(json.loads(answer)["rules"]) == 1, answer
    return 1000 * (time.monotonic() - began)


def change_many(daemon, options, goes_on):
    """(ms of rules that are new, ms of rules that are replaced), as long as it goes on."""
    fresh, again = [], []
    chosen = random.Random(1).sample(range(options.rules), options.changes)
    for n in range(options.changes):
        fresh.append(change(daemon, options.rules + n, "new", {}))
        again.append(change(daemon, chosen[n], "again", {"If-Match": "*"}))
        assert goes_on(), "events ended before the changes: give --seconds more"
    return fresh, again


def steady(daemon, options, _folder):
    events = Events(daemon.port, options.rate)
    try:
        time.sleep(2)
        events.waits, before = [], events.waits
        fresh, again = change_many(daemon, options, lambda: True)
    finally:
        events.stop()
    return fresh, again, [("answers to events before", before), ("answers to events meanwhile", events.waits)]


def flat_out(daemon, options, folder):
    events = FullRate(daemon.port, options, folder)
    time.sleep(1)
    fresh, again = change_many(daemon, options, events.is_running)
    print("events meanwhile: " + events.wait(), flush=True)
    return fresh, again, []


def measure(options, folder):
    from harness import Daemon      # it wants to know the program when it is loaded
    rules = os.path.join(folder, "rules")
    os.makedirs(rules)
    for file in range(options.files):
        with open(os.path.join(rules, "f%04d.egret" % file), "w", encoding="utf-8") as out:
            out.write("" if file > 0 else STREAM if options.rate > 0 else ARRIVING)
            out.write("".join(rule(n) + "\n" for n in range(file, options.rules, options.files)))
    for start in ("first", "second"):
        began = time.monotonic()
        daemon = Daemon(rules, os.path.join(folder, "data"), "--rate", "0")
        daemon.wait_until_ready()
        print("%d rules, %s start: ready after %.2f s" % (options.rules, start, time.monotonic() - began), flush=True)
        if start == "first":
            daemon.stop()
    try:
        fresh, again, waits = (steady if options.rate > 0 else flat_out)(daemon, options, folder)
        spent = processor_ms(daemon)
        for n in range(options.changes):
            change(daemon, options.rules + options.changes + n, "new", {})
        spent = (processor_ms(daemon) - spent) / options.changes
        say("a new rule, from PUT to live", fresh)
        say("a rule replaced", again)
        print("processor time of a change, without events: %.0f ms" % spent)
        for what, values in waits:
            say(what, values)
    finally:
        daemon.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("egret")
    for name, default in (("rules", 10000), ("rate", 2000), ("changes", 20), ("files", 100), ("seconds", 20)):
        parser.add_argument("--" + name, type=int, default=default)
    options = parser.parse_args()
    os.environ["EGRET"] = os.path.abspath(options.egret)
    folder = tempfile.mkdtemp(prefix="egret-rules-")
    try:
        measure(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
