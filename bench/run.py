#!/usr/bin/env python3
"""All benchmarks, in one run, as ratios (docs/performance.md keeps their figures).

  bench/run.py BUILD_DIR [--events N] [--rounds N]

BUILD_DIR holds a release build. The payments are generated once; the bare pass (split lines, read the same fields with simdjson) and the
replay through the fraud pack take turns, so that noise of the machine meets both; medians count. Time is processor time, so that other programs disturb less: of the
replay all of it (start, compiling the rules, reading, writing alerts), of the bare pass only the pass over the file in memory.

The replay is run with one thread, and with two: one reads, the other evaluates. Of two threads three things are said: the clock, which is what
counts and which other programs falsify; the processor time of the busier thread, which is what the clock would say on a machine
with two free cores; and the processor time of both.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def bare_seconds(command, events):
    """What the bare pass says of itself: processor seconds of a pass over the file in memory (loading it is not counted)."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return events / float(done.stdout.split()[0])


def run(command, out=subprocess.DEVNULL):
    """Processor seconds of the command."""
    child = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    if status != 0:
        sys.exit(f"{' '.join(command)}: status {status}\n{errors.decode()}")
    return usage.ru_utime + usage.ru_stime


def thread_seconds(pid, seen):
    """Notes in `seen` how long each thread of the process has been on a processor."""
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as file:
                seen[tid] = int(file.read().split()[0]) / 1e9
    except (OSError, ValueError):
        pass  # it has just ended


def run_threads(command, out):
    """Of a command with several threads: seconds by the clock, processor seconds of its busiest thread, and of all."""
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
    seen = {}
    while True:
        thread_seconds(child.pid, seen)
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid != 0:
            break
        time.sleep(0.01)
    seconds = time.monotonic() - began
    child.returncode = status
    if status != 0:
        sys.exit(f"{' '.join(command)}: status {status}")
    return seconds, max(seen.values()), usage.ru_utime + usage.ru_stime


def bench_replay(build, events, rounds):
    egret = os.path.join(build, "egret")
    with tempfile.TemporaryDirectory() as folder:
        sample = os.path.join(folder, "payments.ndjson")
        run([egret, "generate", "payments", "--events", str(events), "--seed", "1", "--out", sample])
        rules = os.path.join(ROOT, "rules", "fraud")
        bare, replay, two = [], [], []
        for _ in range(rounds):
            bare.append(bare_seconds([os.path.join(build, "bench", "bare_pass"), sample, "3"], events))
            with open(os.path.join(folder, "alerts.ndjson"), "wb") as out:
                replay.append(run([egret, "replay", "--rules", rules, "--threads", "1", "--events", "payment=" + sample], out))
            two.append(run_threads([egret, "replay", "--rules", rules, "--threads", "2", "--events", "payment=" + sample], subprocess.DEVNULL))
        with open(os.path.join(folder, "alerts.ndjson"), "rb") as file:
            alerts = sum(1 for _ in file)
        size = os.path.getsize(sample) / events
    a, b = statistics.median(bare), statistics.median(replay)
    print(f"replay   {events} payments of {size:.0f} bytes: bare pass {events / a:.0f} events/s, fraud pack {events / b:.0f} events/s, "
          f"{alerts} alerts: ratio {a / b:.2f} (at least 0.35)", flush=True)
    clock, busier, both = (statistics.median(times) for times in zip(*two))
    print(f"threads  two: {events / clock:.0f} events/s by the clock, ratio {a / clock:.2f}; the busier thread alone {events / busier:.0f} events/s, "
          f"ratio {a / busier:.2f} (at least 0.35); {busier / both:.2f} of the processor time is its", flush=True)
    return max(a / b, a / busier)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--events", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    ratio = bench_replay(args.build, args.events, args.rounds)
    shape = subprocess.run([os.path.join(args.build, "bench", "bench_shape")], check=False)
    sys.exit(0 if ratio >= 0.35 and shape.returncode == 0 else 1)


main()
