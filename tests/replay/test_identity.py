#!/usr/bin/env python3
"""Replaying the same events gives the same bytes: run twice, and with the events shuffled within the lateness.

  test_identity.py EGRET RULES_FOLDER
"""
import json
import os
import random
import subprocess
import sys
import tempfile
from datetime import datetime

LATENESS_MS = 5000


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.decode()}")
    return done.stdout, done.stderr.decode()


def time_of(line):
    at = json.loads(line)["at"]
    return int(datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp() * 1000 + 0.5)


def shuffled(lines, seed):
    """Each event is moved later by less than the lateness. Events of one instant move together: among them arrival is the order."""
    def place(item):
        at, number = item
        return at + random.Random(seed * 1000003 + at).randrange(LATENESS_MS), at, number
    order = sorted(((time_of(line), i) for i, line in enumerate(lines)), key=place)
    return [lines[i] for _, i in order]


def check(egret, rules, kind, name, events):
    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, "plain.ndjson")
        run([egret, "generate", kind, "--events", str(events), "--seed", "11", "--out", plain])
        replay = [egret, "replay", "--rules", rules, "--events"]
        first, summary = run(replay + [f"{name}={plain}"])
        alerts = first.count(b"\n")
        if alerts < 10:
            sys.exit(f"{kind}: only {alerts} alerts, nothing to compare")
        if " 0 late" not in summary:
            sys.exit(f"{kind}: late events in a stream without faults: {summary}")
        if run(replay + [f"{name}={plain}"])[0] != first:
            sys.exit(f"{kind}: a second run gives other bytes")
        with open(plain, encoding="utf-8") as file:
            lines = file.readlines()
        for seed in range(3):
            mixed = os.path.join(folder, "mixed.ndjson")
            moved = shuffled(lines, seed)
            if moved == lines:
                sys.exit("the shuffle moved nothing")
            with open(mixed, "w", encoding="utf-8") as file:
                file.writelines(moved)
            out, summary = run(replay + [f"{name}={mixed}"])
            if " 0 late" not in summary:
                sys.exit(f"{kind}: shuffled within the lateness, yet late: {summary}")
            if out != first:
                sys.exit(f"{kind}: shuffled within the lateness (seed {seed}) gives other bytes")
        print(f"{kind}: {len(lines)} events, {alerts} alerts: the same bytes twice, and shuffled three times")


def main():
    egret, rules = sys.argv[1:]
    check(egret, os.path.join(rules, "fraud"), "payments", "payment", 60000)
    print("1 passed, 0 failed")


main()
