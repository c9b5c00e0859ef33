#!/usr/bin/env python3
"""run_changing.py: the engine against the naive matcher while rules change at random moments of the stream.

    run_changing.py --harness build/tests/oracle/oracle_pairs --pairs 1000 --seed 1

Each seed gives rules, events, and changes: rules are added, taken out and replaced, each at an event of its own (changing.py). The engine goes on by its
succession (nfa/succession.h). On a difference changes and events are left out as long as the two still differ, and what is left is printed with its seed.
"""
import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import Pool

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import engine as side
from changing import ChangingPair, run_changing
from compare import same
from printer import file_text
from run import PATIENCE, TooLong, give_up

BATCH = 250


def all_rules(rules, changes):
    return rules + [rule for change in changes for rule in change[1]]


def text_of(rules, events, changes):
    """The protocol of pairs.c: the pair, with C before the events at which rules change."""
    end = side.end_of(all_rules(rules, changes), events)
    lines, due, out = side.pair_text(rules, events).split("\n"), list(changes), []
    for i, line in enumerate(lines):
        # The clock may go on before an event: the change comes before that, too.
        event = line if line.startswith("E ") else lines[i + 1] if line.startswith("A ") else ""
        while event and due and due[0][0] <= int(event.split()[3]):
            text = file_text(due.pop(0)[1])
            out.append(f"C {len(text.encode())}\n{text}")
        out.append(f"F {end}" if line.startswith("F ") else line)
    return "\n".join(out)


def engine_says(harness, pairs):
    """As engine.engine, of pairs with changes."""
    with tempfile.TemporaryDirectory(dir=side.MEMORY if os.path.isdir(side.MEMORY) else None) as folder:
        for rules, _, changes in pairs:
            for name, text in side.files_of(all_rules(rules, changes)).items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
        done = subprocess.run([os.path.abspath(harness)], input="".join(text_of(*pair) for pair in pairs).encode(), capture_output=True, cwd=folder)
    results, rest = side.split_results(done.stdout.decode(errors="replace"))
    died = None
    if done.returncode != 0 or len(results) < len(pairs):
        died = f"the harness ended with {done.returncode}\n" + "\n".join(rest) + done.stderr.decode(errors="replace")[-3000:]
    return results, died


def was_refused(theirs):
    return any(line.startswith("X ") for line in theirs)


def judged(rules, events, changes):
    signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        return run_changing(rules, events, changes, side.end_of(all_rules(rules, changes), events))
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def differs(harness, pair):
    results, died = engine_says(harness, [pair])
    return bool(died) or not (was_refused(results[0]) or same(judged(*pair), results[0]))


def shrink(harness, pair):
    """Events, and changes from behind, are left out one by one."""
    again = True
    while again:
        again = False
        rules, events, changes = pair
        smaller = [(rules, events, changes[:-1])] if len(changes) > 1 else []
        smaller += [(rules, events[:i] + events[i + 1:], changes) for i in range(len(events) - 1, -1, -1)]
        for candidate in smaller:
            try:
                if candidate[1] and differs(harness, candidate):
                    pair, again = candidate, True
                    break
            except (KeyError, IndexError, TypeError, ValueError):
                continue
    return pair


def show(harness, seed, pair):
    rules, events, changes = pair
    print(f"---- seed {seed}: the two differ\n{file_text(rules)}")
    for e in events:
        for at, changed, fates in changes:
            if e.pos == min((x.pos for x in events if x.pos >= at), default=None):
                print(f"  before it: {fates}\n{file_text(changed)}")
        print(f"  #{e.pos} at {e.time} (+ {e.time - events[0].time}) {e.stream} {e.f}")
    print("expected:")
    for a in judged(*pair):
        print(f"  {a.rule.name if a.rule else ''} {a.kind} {a.key} at {a.time} (+ {a.time - events[0].time}) {[str(x) for x in a.fields]} {a.evidence or ''} held {a.held} {a.severity}")
    results, died = engine_says(harness, [pair])
    print("engine:\n" + "\n".join("  " + line for line in (results[0] if results else [])) + (died or ""))
    sys.stdout.flush()


def batch(job):
    harness, seeds, whole = job
    counts, wrong = Counter(), []
    pairs = [(seed, ChangingPair(seed).pair()) for seed in seeds]
    pairs = [(seed, pair) for seed, pair in pairs if pair[2]]
    results, died = engine_says(harness, [pair for _, pair in pairs])
    for (seed, pair), theirs in zip(pairs, results):
        try:
            ours = judged(*pair)
        except TooLong:
            counts["passed over"] += 1
            continue
        counts["pairs"] += 1
        counts["alerts"] += len(ours)
        for _, _, fates in pair[2]:
            counts["change: " + next((fate for fate in fates.values() if fate != "same"), "removed")] += 1
        if was_refused(theirs):
            counts["refused"] += 1
        elif not same(ours, theirs):
            wrong.append((seed, pair))
    if died and len(results) < len(pairs):
        print(died, flush=True)
        wrong.append(pairs[len(results)])
    if wrong:
        seed, pair = wrong[0]
        show(harness, seed, pair if whole else shrink(harness, pair))
    return counts, [seed for seed, _ in wrong]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--harness", required=True)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--whole", action="store_true", help="do not make the pair smaller")
    options, begun, total, wrong = parser.parse_args(), time.time(), Counter(), []
    jobs = [(options.harness, range(i, min(i + BATCH, options.seed + options.pairs)), options.whole) for i in range(options.seed, options.seed + options.pairs, BATCH)]
    tried = options.seed
    with Pool(options.jobs) as pool:
        for counts, found in pool.imap(batch, jobs):
            total.update(counts)
            wrong += found
            tried = min(tried + BATCH, options.seed + options.pairs)
            if wrong:
                break
    print(f"seeds {options.seed} to {tried - 1}: " + ", ".join(f"{n} {name}" for name, n in sorted(total.items())))
    print(f"{len(wrong)} differences {wrong[:20]}, {time.time() - begun:.0f} s")
    # What the compiler refuses is not judged: it must stay rare.
    sys.exit(1 if wrong or total["refused"] * 20 > total["pairs"] or not total["alerts"] else 0)


if __name__ == "__main__":
    main()
