#!/usr/bin/env python3
"""`--memory` with ten times as many keys as fit: what the process takes, how fast it goes on, and how much reaches the disk.

    bench/memory.py BUILD_DIR [--limit 256M] [--times 10] [--again 20000] [--folder DIR]

A tenth of the limit's keys without a limit tell what a key takes; then as many keys as fill the limit --times come once, and --again of them, by chance,
once more, each of which brings a key back. In the end the ids of the alerts are compared with those that come of the journal without a limit. BUILD_DIR
holds a release build, the folder lies on a real disk.
"""
import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "scenario"))

RULES = """\
stream use { user: string  kind: string  text: string  at: time } with time at, lateness 1s
rule twice { match a: use [kind == "first"] then b: use [kind == "second"] within 90d  by user  alert { was: a.text  now: b.text } }
"""
BATCH, UNITS = 500, {"M": 1 << 20, "G": 1 << 30}
METRICS = ("egret_disk_written_bytes_total", "egret_journal_written_bytes_total", "egret_checkpoint_bytes_total")


def line(user, second, kind):
    text = "%x" % random.Random(user).getrandbits(4 * 1500)        # nothing that compresses well
    return json.dumps({"user": "u%08d" % user, "kind": kind, "text": text,
                       "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1767600000 + second))})


class Measured:
    def __init__(self, folder, name, *more):
        from harness import Daemon
        rules = os.path.join(folder, "r.egret")
        with open(rules, "w", encoding="utf-8") as file:
            file.write(RULES)
        self.daemon = Daemon(rules, os.path.join(folder, name), "--idle", "100ms", "--checkpoint", "250000", *more).wait_until_ready()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port)
        self.peak = 0

    def resident(self):
        with open("/proc/%d/status" % self.daemon.process.pid, encoding="utf-8") as file:
            return next(int(row.split()[1]) << 10 for row in file if row.startswith("RssAnon"))

    def post(self, users, first, kind):
        """Events a second, from the first that is sent until the last is evaluated; events are made beforehand, a batch at a time."""
        spent = 0.0
        for at in range(0, len(users), BATCH):
            body = "\n".join(line(user, (first + at + i) // 1000, kind) for i, user in enumerate(users[at:at + BATCH]))
            began = time.monotonic()
            status = 0
            while status != 202:
                self.connection.request("POST", "/v1/events/use", body)
                response = self.connection.getresponse()
                response.read()
                status = response.status
                assert status in (202, 429), status
            spent += time.monotonic() - began
            if at % (BATCH * 20) == 0:
                self.peak = max(self.peak, self.resident())
        return len(users) / spent

    def settle(self, n):
        from harness import wait_for
        wait_for(lambda: self.daemon.metric("egret_engine_events_total") >= n, "the events")


def ids_without_limit(data):
    """Of the alerts that one evaluation of the journal gives, all of it in memory."""
    with subprocess.Popen([os.environ["EGRET"], "journal", "alerts", "--data", data], stdout=subprocess.PIPE) as process:
        ids = sorted(json.loads(row)["id"] for row in process.stdout)
    assert process.returncode == 0, process.returncode
    return ids


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--limit", default="256M")
    parser.add_argument("--times", type=float, default=10)
    parser.add_argument("--again", type=int, default=20000)
    parser.add_argument("--folder")
    args = parser.parse_args()
    os.environ["EGRET"] = os.path.join(os.path.abspath(args.build), "egret")
    import harness
    harness.DEADLINE_S = 1800       # a state of gigabytes is written at the end
    limit = int(args.limit[:-1]) * UNITS[args.limit[-1]]
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        sample = Measured(folder, "sample")
        sample.post(range(20000), 0, "first")
        sample.settle(18000)
        each = sample.daemon.metric("egret_engine_state_bytes") / sample.daemon.metric("egret_engine_keys")
        sample.daemon.stop()
        keys = int(limit * args.times / each)
        print("a key takes %d bytes: %d keys fill %s %g times" % (each, keys, args.limit, args.times), flush=True)
        run = Measured(folder, "data", "--memory", args.limit)
        rate = run.post(range(keys), 0, "first")
        run.settle(keys - 2000)
        print("first pass: %d events/s; state %d MB, process %d MB at most (anonymous), %d of %d keys away"
              % (rate, run.daemon.metric("egret_engine_state_bytes") / 1e6, run.peak / 1e6, run.daemon.metric("egret_engine_cold_keys"), keys), flush=True)
        before = {name: run.daemon.metric(name) for name in METRICS}
        print("written for a million events: " + ", ".join("%s %d MB" % (name, value / keys) for name, value in before.items()), flush=True)
        chance = random.Random(1)
        again = [chance.randrange(keys) for _ in range(args.again)]
        rate = run.post(again, keys, "second")
        run.settle(keys + len(again) - 2000)
        print("again, by chance: %d events/s; state %d MB, process %d MB at most; %d keys brought back, %d failures"
              % (rate, run.daemon.metric("egret_engine_state_bytes") / 1e6, run.peak / 1e6, run.daemon.metric("egret_engine_cold_gets_total"),
                 run.daemon.metric("egret_engine_cold_failures_total")), flush=True)
        print("written for a million events: " + ", ".join("%s %d MB" % (name, (run.daemon.metric(name) - before[name]) / len(again)) for name in METRICS),
              flush=True)
        run.post([keys], keys + len(again) + 60000, "last")       # what was held for its order comes
        run.settle(keys + len(again))
        run.daemon.stop()
        told = sorted(json.loads(row)["id"] for row in run.daemon.out)
        wanted = ids_without_limit(os.path.join(folder, "data"))
        print("%d alerts of %d keys that came again; %d come of the journal without a limit, %s"
              % (len(told), len(set(again)), len(wanted), "the same" if told == wanted else "OTHERS"))
        return 0 if told == wanted and len(told) == len(set(again)) else 1


if __name__ == "__main__":
    sys.exit(main())
