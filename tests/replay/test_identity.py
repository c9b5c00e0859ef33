#!/usr/bin/env python3
"""Replaying the same events gives the same bytes: run twice, with the events shuffled within the lateness, and with one thread or two.

  test_identity.py EGRET RULES_FOLDER
"""
import json
import os
import random
import re
import shutil
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


def outcome(egret, folder, rules, events, threads, *more):
    """Alerts, dead letters and counters of a run."""
    letters = os.path.join(folder, f"letters{threads}")
    out, summary = run([egret, "replay", "--threads", threads, *more, "--dead-letters", letters, "--rules", *rules, "--events", *events])
    with open(letters, "rb") as file:
        dead = file.read()
    os.remove(letters)
    return out, dead, re.sub(r", [0-9.]+ s, [0-9]+ events/s", "", summary)


def to_csv(lines):
    """Objects of one stream as rows; broken lines stay as they are, and are broken rows."""
    names, rows = None, []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            rows.append(line)
            continue
        names = names or list(record)
        cells = [record.get(name, "") for name in names]
        rows.append(",".join('"%s"' % cell.replace('"', '""') if isinstance(cell, str) else json.dumps(cell) for cell in cells) + "\n")
    return ",".join(names) + "\n", rows


def check_threads(egret, rules):
    """One thread and two, one shard, two and five, much memory and little: the same alerts, dead letters and counters, of streams, of routed sources, of CSV, of several files."""
    fraud, monitoring = os.path.join(rules, "fraud"), os.path.join(rules, "monitoring")
    with tempfile.TemporaryDirectory() as folder:
        made = {}
        for kind in "payments", "logins":
            made[kind] = os.path.join(folder, kind + ".ndjson")
            run([egret, "generate", kind, "--events", "20000", "--seed", "5", "--faults", "--out", made[kind]])
        with open(made["payments"], encoding="utf-8", errors="surrogateescape") as file:
            header, rows = to_csv(file.readlines())
        made["csv"] = os.path.join(folder, "payments.csv")
        with open(made["csv"], "w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines([header] + rows)
        # So late that more is held than the batches the replay keeps.
        late = shutil.copytree(fraud, os.path.join(folder, "late"))
        with open(os.path.join(late, "streams.egret"), encoding="utf-8") as file:
            declared = file.read()
        if "lateness 5s" not in declared:
            sys.exit("streams.egret declares no lateness of 5s")
        with open(os.path.join(late, "streams.egret"), "w", encoding="utf-8") as file:
            file.write(declared.replace("lateness 5s", "lateness 2h"))
        cases = {"great lateness": ([late], ["payment=" + made["payments"]]), "stream": ([fraud], ["payment=" + made["payments"]]), "CSV": ([fraud], ["payment=" + made["csv"]]),
                 "routed by type": ([fraud], ["account_events=" + made["logins"]]), "routed": ([monitoring], ["logins=" + made["logins"]]),
                 "several files": ([fraud], ["payment=" + made["payments"], "account_events=" + made["logins"], "payment=" + made["csv"]])}
        for name, (paths, events) in cases.items():
            one = outcome(egret, folder, paths, events, "1")
            if not one[0] or not one[1]:
                sys.exit(f"{name}: nothing to compare: {one[2]}")
            for how in (("2",), ("1", "--shards", "2"), ("2", "--shards", "5", "--memory", "2M"), ("1", "--memory", "256K")):
                for what, a, b in zip(("alerts", "dead letters", "summary"), one, outcome(egret, folder, paths, events, *how)):
                    if a != b:
                        sys.exit(f"{name}: {what} differ with --threads {' '.join(how)} from those of one thread and one shard")
            print(f"{name}: {len(one[0])} bytes of alerts, {len(one[1])} of dead letters: the same with two threads, with two shards and five, with little memory")


def main():
    egret, rules = sys.argv[1:]
    check(egret, os.path.join(rules, "fraud"), "payments", "payment", 60000)
    check_threads(egret, rules)
    print("1 passed, 0 failed")


main()
