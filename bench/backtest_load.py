#!/usr/bin/env python3
"""How much slower live work is while a back-test runs over the journal: senders post as fast as they are answered, in turns with and without one.

    backtest_load.py EGRET [--fill EVENTS] [--turns N] [--seconds N]

Prints the events a second of both, the median of the turns, and their ratio (at least 0.9 is wanted); and how fast the back-test was meanwhile. Fails
when an event is lost, or a back-test neither runs nor ends.
"""
import argparse
import http.client
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "scenario"))
if len(sys.argv) > 1:
    os.environ["EGRET"] = os.path.abspath(sys.argv[1])     # the harness wants to know it when it is loaded
from harness import Daemon, egret, wait_for    # noqa: E402  (the folder must be known first)

CHUNK = 500
RULES = """\
stream pay { id: string  card: string  amount: int  at: time } with time at
rule often { watch pay [amount > 900]  by card  over 10m  when count() > 50  alert { n: count() }  throttle 1h }
rule pair { match a: pay [amount == 5] then b: pay [amount == 6] within 1h  by card  alert { id: b.id } }
"""


class Senders:
    """Some connections, each posts its next chunk when the one before is answered."""

    def __init__(self, port, n):
        self.port, self.sent, self.lock, self.done = port, 0, threading.Lock(), threading.Event()
        self.template = "\n".join('{"id":"@N@-%d","card":"c%d","amount":%d,"at":"@AT@"}' % (i, i * 7919 % 20000, i * 31 % 1000) for i in range(CHUNK))
        self.threads = [threading.Thread(target=self.run) for _ in range(n)]
        for thread in self.threads:
            thread.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.done.is_set():
            with self.lock:
                number = self.sent
                self.sent += 1
            at = 1767600000 + number // 100
            body = self.template.replace("@N@", str(number)).replace("@AT@", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)))
            connection.request("POST", "/v1/events/pay", body, {"Content-Type": "application/x-ndjson"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 202, answer.status
        connection.close()

    def rate(self, seconds):
        began, first = time.monotonic(), self.sent
        time.sleep(seconds)     # it is what is measured
        return (self.sent - first) * CHUNK / (time.monotonic() - began)

    def stop(self):
        self.done.set()
        for thread in self.threads:
            thread.join()


def trial(daemon, senders, seconds):
    """(live events a second, those of the back-test) while one runs."""
    made = json.loads(daemon.request("POST", "/v1/backtests", "{}", {"Content-Type": "application/json"})[2])
    path = "/v1/backtests/" + made["id"]

    def look():
        return json.loads(daemon.request("GET", path)[2])
    wait_for(lambda: look()["state"] != "waiting", "the back-test to begin")
    before, began = look().get("events", 0), time.monotonic()
    rate = senders.rate(seconds)
    after, took = look(), time.monotonic() - began
    assert after["state"] in ("running", "done"), after
    daemon.request("DELETE", path)
    wait_for(lambda: daemon.request("GET", path)[0] == 404 or look()["state"] not in ("waiting", "running"), "the end of the back-test")
    return rate, (after.get("events", 0) - before) / took


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("egret")
    for name, default in (("fill", 2000000), ("turns", 5), ("seconds", 4), ("senders", 4)):
        parser.add_argument("--" + name, type=int, default=default)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="egret-backtest-")
    os.makedirs(os.path.join(folder, "rules"))
    with open(os.path.join(folder, "rules", "r.egret"), "w", encoding="utf-8") as file:
        file.write(RULES)
    daemon = Daemon(os.path.join(folder, "rules"), os.path.join(folder, "data"), "--rate", "0").wait_until_ready()
    senders = Senders(daemon.port, options.senders)
    try:
        wait_for(lambda: senders.sent * CHUNK >= options.fill, "a journal of some length")
        without, with_one, tried = [], [], []
        for _ in range(options.turns):
            without.append(senders.rate(options.seconds))
            live, test = trial(daemon, senders, options.seconds)
            with_one.append(live)
            tried.append(test)
    finally:
        senders.stop()
        code = daemon.stop()
    assert code == 0, code
    kept = egret("journal", "export", "--data", os.path.join(folder, "data"), "--stream", "pay", timeout=600).stdout.count("\n")
    assert kept == senders.sent * CHUNK, (kept, senders.sent * CHUNK)
    a, b = statistics.median(without), statistics.median(with_one)
    print("live: %.0f events/s without a back-test, %.0f with one: ratio %.2f; the back-test meanwhile: %.0f events/s" % (a, b, b / a, statistics.median(tried)))
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
