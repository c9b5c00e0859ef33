#!/usr/bin/env python3
"""All benchmarks, in one run, as ratios (docs/performance.md keeps their figures).

  bench/run.py BUILD_DIR [--events N] [--rounds N]

BUILD_DIR holds a release build. The payments are generated once; the bare pass (split lines, read the same fields with
simdjson) and the replay through the fraud pack take turns, so that noise of the machine meets both; medians count.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def events_per_second(text):
    found = re.search(r"([\d_,.]+)\s*events/s", text)
    if not found:
        sys.exit("no figure in: " + text)
    return float(found.group(1).replace(",", "").replace("_", ""))


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout, done.stderr


def bench_replay(build, events, rounds, threads):
    egret = os.path.join(build, "app", "egret")
    bare = os.path.join(build, "bench", "bare_pass")
    with tempfile.TemporaryDirectory() as folder:
        sample = os.path.join(folder, "payments.ndjson")
        run([egret, "generate", "payments", "--events", str(events), "--seed", "1", "--out", sample])
        replay = [egret, "replay", "--rules", os.path.join(ROOT, "rules", "fraud"), "--events", "payment=" + sample,
                  "--threads", str(threads)]
        passes, replays, alerts = [], [], 0
        for _ in range(rounds):
            out, err = run([bare, sample])
            passes.append(events_per_second(out + err))
            out, err = run(replay)
            replays.append(events_per_second(err))
            alerts = out.count("\n")
        size = os.path.getsize(sample) / events
    a, b = statistics.median(passes), statistics.median(replays)
    print(f"replay   {events} payments of {size:.0f} bytes, {threads} thread{'s' if threads > 1 else ''}: bare pass {a:.0f} events/s, "
          f"fraud pack {b:.0f} events/s, {alerts} alerts: ratio {b / a:.2f} (at least 0.35)")
    return b / a


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--events", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    ratio = bench_replay(args.build, args.events, args.rounds, 1)
    bench_replay(args.build, args.events, args.rounds, 2)
    out, _ = run([os.path.join(args.build, "bench", "bench_shape")])
    print(out, end="")
    sys.exit(0 if ratio >= 0.35 else 1)


main()
