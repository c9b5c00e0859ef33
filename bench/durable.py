#!/usr/bin/env python3
"""What keeping costs (docs/performance.md, "Keeping it"): events a second that are on the disk when they are answered, how long answers take,
what the journal costs beside the same pipeline without one, how long evaluation waits for checkpoints, bytes written, and the time of a restart.

  bench/durable.py BUILD_DIR [--seconds N] [--keys N] [--connections N] [--lines N] [--rounds N] [--shards N] [--folder DIR]
                   [--only http,ratio,restart]

BUILD_DIR holds a release build. The data folder must lie on a real disk: what is measured is fsync. Samples lie in memory where there is /dev/shm.
"""
import argparse
import atexit
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RULES = os.path.join(ROOT, "bench", "durable.egret")


def write_sample(path, events, keys, seed=1):
    """One event each millisecond. Users come in shuffled order first, so that all keys have been seen after `keys` events."""
    chance = random.Random(seed)
    order = list(range(keys))
    chance.shuffle(order)
    with open(path, "w", encoding="ascii") as out:
        for first in range(0, events, 10000):
            lines = []
            for i in range(first, min(first + 10000, events)):
                user = order[i % keys]
                at = 1767225600000 + i
                kind = "refused" if chance.random() < 0.05 else "paid"
                lines.append(f'{{"user":"u{user:07d}","kind":"{kind}","amount":{chance.randrange(1000)},"at":{at}}}\n')
            out.write("".join(lines))


class Daemon:
    """`command` (egret run, or the bench's own) with a data folder; knows its port and its numbers."""

    def __init__(self, command, rules, folder, *more):
        self.began = time.monotonic()
        self.log = open(os.path.join(os.path.dirname(folder), "log"), "a+b")
        self.at = self.log.seek(0, os.SEEK_END)
        self.process = subprocess.Popen([*command, "--rules", rules, "--data", folder, "--listen", "127.0.0.1:0", "--log", "text", *more],
                                        stdout=subprocess.DEVNULL, stderr=self.log)
        atexit.register(self.process.kill)
        self.port = self.wait_for_port()
        self.ready = time.monotonic() - self.began

    def said(self):
        self.log.seek(self.at)
        return self.log.read().decode()

    def wait_for_port(self):
        while time.monotonic() - self.began < 120:
            found = re.search(r"listening on http://[^\n]*:(\d+)\n", self.said())
            if found:
                return int(found.group(1))
            if self.process.poll() is not None:
                break
            time.sleep(0.002)
        sys.exit(f"the daemon does not start:\n{self.said()}")

    def numbers(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as page:
            text = page.read().decode()
        return {name: float(value) for name, value in re.findall(r"^(\S+) (\S+)$", text, re.M)}

    def wait_for(self, name, value):
        while self.numbers().get(name, 0) < value:
            if self.process.poll() is not None:
                sys.exit(f"the daemon has ended:\n{self.said()}")
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        status = self.process.wait(120)
        if status != 0:
            sys.exit(f"the daemon ended with {status}:\n{self.said()}")
        self.log.close()

    def kill(self):
        self.process.kill()
        self.process.wait(120)
        self.log.close()


def tell_pauses(numbers):
    buckets = [(float(re.search(r'le="([^"]+)"', name).group(1)), int(value)) for name, value in numbers.items()
               if name.startswith("egret_checkpoint_pause_seconds_bucket")]
    before, parts = 0, []
    for bound, count in sorted(buckets):
        parts.append(f"<= {bound * 1000:g} ms: {count - before}")
        before = count
    longest = numbers["egret_checkpoint_longest_pause_seconds"] * 1000
    print(f"pauses   {', '.join(parts)}; longest {longest:.1f} ms (at most 5)", flush=True)


def bench_http(args, folder, shared):
    sample = os.path.join(shared, "use.ndjson")
    write_sample(sample, int(args.seconds * 1500000), args.keys)
    data = os.path.join(folder, "http")
    daemon = Daemon([os.path.join(args.build, "egret"), "run"], RULES, data, "--checkpoint", str(args.keys // 2),
                    "--shards", str(args.shards))
    done = subprocess.run([os.path.join(args.build, "bench", "bench_post"), str(daemon.port), "/v1/events/use", sample, str(args.connections), str(args.lines),
                           str(args.seconds)], stdout=subprocess.PIPE, check=True)
    got = json.loads(done.stdout)
    daemon.wait_for('egret_events_received_total{stream="use"}', got["events"])
    numbers = daemon.numbers()
    rate = got["events"] / got["seconds"]
    millions = got["events"] / 1e6
    late = numbers.get('egret_events_late_total{stream="use"}', 0)
    print(f"http     {got['events']} events by {args.connections} connections in requests of {args.lines}: {rate:.0f} durable events/s (at least 200000); "
          f"answers: median {got['p50_ms']:.1f} ms, p99 {got['p99_ms']:.1f} ms, longest {got['longest_ms']:.0f} ms; {got['refused']} refused, {late:.0f} late", flush=True)
    print(f"commits  {numbers['egret_commits_total']:.0f}, {numbers['egret_commit_duration_seconds_sum']:.1f} s in them; "
          f"{numbers['process_cpu_seconds_total'] / millions:.2f} s of processor per million events; {numbers['egret_engine_keys']:.0f} keys", flush=True)
    print(f"bytes    journal {numbers['egret_journal_bytes'] / millions / 1e6:.1f} MB per million events, checkpoints "
          f"{numbers['egret_checkpoint_bytes_total'] / millions / 1e6:.1f} MB ({numbers['egret_checkpoints_total']:.0f} of them); "
          f"{numbers['egret_disk_written_bytes_total'] / millions / 1e6:.0f} MB written in all", flush=True)
    tell_pauses(numbers)
    daemon.stop()
    os.unlink(sample)
    return rate


def first_event(command, data, at_ms):
    """Seconds to the answer of the first event after a start, and to the first evaluated one as /metrics says it; the daemon, which runs. at_ms is so late
    that what was held for its order is evaluated."""
    daemon = Daemon(command, RULES, data)
    before = daemon.numbers()["egret_engine_events_total"]
    body = b'{"user":"u0000001","kind":"paid","amount":1,"at":%d}' % at_ms
    request = urllib.request.Request(f"http://127.0.0.1:{daemon.port}/v1/events/use", body)
    urllib.request.urlopen(request, timeout=30).close()
    answered = time.monotonic() - daemon.began
    daemon.wait_for("egret_engine_events_total", before + 1)
    return answered, time.monotonic() - daemon.began, daemon


def bench_restart(args, folder, shared):
    """All keys; then killed and started again, which evaluates the journal behind the last checkpoint; and stopped and started again."""
    sample = os.path.join(shared, "keys.ndjson")
    write_sample(sample, args.keys + 200000, args.keys)      # what is held back for order has no state yet
    data = os.path.join(folder, "restart")
    command = [os.path.join(args.build, "egret"), "run"]
    daemon = Daemon(command, RULES, data)
    subprocess.run([os.path.join(args.build, "bench", "bench_post"), str(daemon.port), "/v1/events/use", sample, "8", "2000", "1e9", "once"],
                   stdout=subprocess.DEVNULL, check=True)
    daemon.wait_for("egret_engine_keys", args.keys)
    keys = daemon.numbers()["egret_engine_keys"]
    os.unlink(sample)
    at_ms = 1767225600000 + args.keys
    for how in ("killed", "stopped"):
        took = []
        for _ in range(args.rounds):
            daemon.kill() if how == "killed" else daemon.stop()
            at_ms += 600000
            *times, daemon = first_event(command, data, at_ms)
            took.append(times)
        again = re.findall(r"journal: (\d+) events", daemon.said())
        answered, evaluated = (statistics.median(column) for column in zip(*took))
        print(f"restart  {keys:.0f} keys, {how}: {evaluated:.2f} s to the first evaluated event (at most 2), {answered:.2f} s to its answer; "
              f"{again[0] if again else 0} events of the journal evaluated again", flush=True)
    daemon.stop()


def bench_ratio(args, folder, shared):
    """A file source through the daemon, with the journal and without it, in turns."""
    sample = os.path.join(shared, "payments.ndjson")
    subprocess.run([os.path.join(args.build, "egret"), "generate", "payments", "--events", str(args.events), "--seed", "1", "--out", sample], check=True)
    rules = os.path.join(shared, "rules")
    shutil.copytree(os.path.join(ROOT, "rules", "fraud"), rules)
    with open(os.path.join(rules, "sources.egret"), "w", encoding="ascii") as out:
        out.write(f'source payments: file {{ path: "{sample}"  stream: payment }}\n')
    rates = {"on": [], "off": []}
    for i in range(args.rounds):
        for kept in ("on", "off"):
            data = os.path.join(folder, f"ratio-{kept}-{i}")
            command = [os.path.join(args.build, "egret"), "run"] if kept == "on" else [os.path.join(args.build, "bench", "bench_unkept")]
            daemon = Daemon(command, rules, data)
            daemon.wait_for('egret_engine_events_total', args.events * 0.99)
            rates[kept].append(args.events / (time.monotonic() - daemon.began))
            daemon.stop()
            shutil.rmtree(data)
    on, off = statistics.median(rates["on"]), statistics.median(rates["off"])
    print(f"ratio    journal on {on:.0f} events/s, off {off:.0f} events/s: ratio {on / off:.2f} (at least 0.7)", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--keys", type=int, default=1000000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--lines", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=1000000)
    parser.add_argument("--shards", type=int, default=1, help="of the daemon, with http")
    parser.add_argument("--folder", help="on the disk to be measured")
    parser.add_argument("--only", default="http,restart,ratio")
    args = parser.parse_args()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=args.folder) as folder, tempfile.TemporaryDirectory(dir=memory) as shared:
        for name in args.only.split(","):
            {"http": bench_http, "restart": bench_restart, "ratio": bench_ratio}[name](args, folder, shared)


main()
