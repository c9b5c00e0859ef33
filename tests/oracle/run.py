#!/usr/bin/env python3
"""run.py: the engine against the naive matcher, on random pairs of rules and a stream of events.

Each seed gives one pair. On a difference the pair is made smaller, as long as the two still differ, by dropping events and parts of the rule;
then rules, events and both results are printed. Ends with a table of what was exercised.

    run.py --harness build/tests/oracle/oracle_pairs --pairs 100000 --seed 1
    run.py --harness … --pairs 1000000 --jobs 2 --keep DIR --build COMMIT --table docs/oracle.md     may be ended and started again
"""
import argparse
import contextlib
import functools
import gc
import io
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from fractions import Fraction

sys.dont_write_bytecode = True     # the source tree stays as it is
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from compare import same
from engine import end_of, engine, refused
from generator import Generator
from kept import keep, kept
from naive import run
from operators import operators_of
from printer import file_text
from printer.values import decimal_text
from rules import said
from shrink import smaller
from table import Table


def judged(rules, events):
    return run(rules, events, end_of(rules, events))


def differs(harness, rules, events):
    """Whether the two differ on this pair; a rule that the compiler refuses is no difference."""
    results, died = engine(harness, [(rules, events)])
    if died:
        return True
    return not refused(results[0]) and not same(judged(rules, events), results[0])


# ---- a difference ----

def shrink(harness, rules, events):
    """Takes the first smaller pair that still differs, until there is none."""
    while True:
        for candidate in smaller(rules, events):
            try:
                found = differs(harness, *candidate)
            except (IndexError, KeyError, TypeError, ValueError):
                continue        # the rule made no sense any more
            if found:
                rules, events = candidate
                break
        else:
            return rules, events


def show(harness, rules, events):
    print(file_text(rules))
    begin = events[0].time if events else 0
    for e in events:
        values = "  ".join(f"{n}: {decimal_text(x) if isinstance(x, Fraction) else x}" for n, x in e.f.items())
        print(f"  #{e.pos:<3} at {begin} + {e.time - begin:>6}  {e.stream}  {{ {values} }}")
    print("expected:")
    for a in judged(rules, events):
        if a.kind == "late":
            print(f"  late: #{a.evidence}")
            continue
        named = ", ".join(f"{n}={x}" for (n, _), x in zip(said(a.rule, a.kind), a.fields))
        print(f"  {a.rule.name} {a.kind} {a.key} at {a.time} (+ {a.time - begin}) {{ {named} }} {a.evidence or ''} held {a.held} {a.severity} {a.repeat}")
    print("engine:")
    results, died = engine(harness, [(rules, events)])
    print("\n".join("  " + line for line in (results[0] if results else [])) + (f"\n  {died}" if died else ""))


def report(harness, seed, rules, events, keep):
    print(f"---- seed {seed}: the two differ" + ("" if keep else ", made smaller"))
    show(harness, *((rules, events) if keep else shrink(harness, rules, events)))
    sys.stdout.flush()


# ---- the run ----

def has(rules, word):
    return any(word in name for rule in rules for name in operators_of(rule))


def pairs_of(options, seeds):
    pairs = []
    for seed in seeds:
        generator = Generator(seed)
        rules = generator.rules()
        if options.only and not has(rules, options.only):
            continue
        events = generator.events(rules)
        for rule in rules if options.scarce else []:
            generator.scarce(rule)
        pairs.append((seed, rules, events))
    return pairs


class TooLong(Exception):
    """The naive matcher has had PATIENCE seconds of the processor for one pair: rounds that go on by silences alone, for hours of the stream's time."""


PATIENCE = 20
PAIRS_FOR_ONE = 100_000     # a long run may pass over one of so many; a short one none


def give_up(_signal, _frame):
    raise TooLong


class Result:
    """Of some pairs: what they exercised, how many differed, how many rules were refused, and the seeds that the naive matcher did not come to an end with."""

    def __init__(self):
        self.table, self.wrong, self.refused, self.text = Table(), 0, 0, ""
        self.passed = []
        self.builds = Counter()     # of the engine -> pairs it was judged with

    def add(self, other):
        self.table.update(other.table)
        self.wrong += other.wrong
        self.refused += other.refused
        self.passed += other.passed
        self.builds.update(other.builds)


def judged_in_time(rules, events):
    """None: not in time."""
    signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        return judged(rules, events)
    except TooLong:
        return None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def judge(options, seed, rules, events, theirs, result):
    ours = [] if options.scarce else judged_in_time(rules, events)
    if ours is None:
        result.passed.append(seed)
        return
    result.table.add(rules, ours)
    if refused(theirs):
        result.refused += 1
        if result.refused <= options.refused:
            print(f"---- seed {seed}: refused\n{file_text(rules)}{theirs[0]}")
    elif not options.scarce and not same(ours, theirs):
        result.wrong += 1
        if result.wrong <= options.show:
            report(options.harness, seed, rules, events, options.whole)


def batch(options, seeds):
    """Runs these seeds, or reads what was kept of them; what there is to say goes into the result's text."""
    result, out = Result(), io.StringIO()
    before = kept(options.keep, seeds) if options.keep else None
    if before:
        result.table, result.passed, build = before
        result.builds[build] = result.table.pairs
        return result
    gc.set_threshold(100_000)       # little of what a pair leaves is a cycle
    with contextlib.redirect_stdout(out):
        pairs = pairs_of(options, seeds)
        while pairs:
            results, died = engine(options.harness, [pair[1:] for pair in pairs])
            for (seed, rules, events), theirs in zip(pairs, results):
                judge(options, seed, rules, events, theirs, result)
            pairs = pairs[len(results):]
            if died and pairs:
                result.wrong += 1
                print(f"---- seed {pairs[0][0]}: {died}")
                report(options.harness, *pairs.pop(0), True)
    result.text = out.getvalue()
    result.builds[options.build] = result.table.pairs
    if options.keep and not result.wrong and not result.refused:
        keep(options.keep, seeds, result, options.build)
    return result


def all_batches(options):
    chunks = [range(i, min(i + options.batch, options.seed + options.pairs))
              for i in range(options.seed, options.seed + options.pairs, options.batch)]
    total = Result()
    with multiprocessing.Pool(options.jobs) as pool:
        for result in pool.imap(functools.partial(batch, options), chunks):
            print(result.text, end="", flush=True)
            total.add(result)
            if total.wrong and not options.no_stop:
                break
    return total


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--harness", required=True, help="the program built from pairs.c")
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1, help="of the first pair; each following pair has the next")
    parser.add_argument("--only", default="", help="only pairs that have an operator with this in its name")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--batch", type=int, default=500, help="pairs a process takes at a time")
    parser.add_argument("--table", metavar="FILE", help="write the table there, as a page of the documentation; only when nothing differs")
    parser.add_argument("--keep", metavar="DIR", help="keep the result of each batch there, and do not judge again what is there")
    parser.add_argument("--build", default="", help="of the engine, to be kept with the results")
    parser.add_argument("--complete", action="store_true", help="every operator of the registry must have led to an alert")
    parser.add_argument("--scarce", action="store_true", help="limits of a few attempts and events; asks only that the engine lives through it")
    parser.add_argument("--show", type=int, default=1, help="differences shown for each batch")
    parser.add_argument("--refused", type=int, default=1, help="refused rules shown for each batch")
    parser.add_argument("--whole", action="store_true", help="do not make the pair smaller")
    parser.add_argument("--no-stop", action="store_true", help="go on after a batch with differences")
    return parser.parse_args()


def main():
    options, begun = arguments(), time.time()
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
    total = all_batches(options)
    if not options.scarce:
        print(total.table.text())
    print(f"seeds {options.seed} to {options.seed + options.pairs - 1}: {total.wrong} differences, {total.refused} rules refused, {time.time() - begun:.0f} s")
    for build, pairs in sorted(total.builds.items()) if options.keep else []:
        print(f"{pairs} pairs with {build or 'a build without a name'}")
    if total.passed:
        print(f"passed over, as the naive matcher takes more than {PATIENCE} s: {', '.join(str(seed) for seed in total.passed)}")
    bad = total.wrong or total.refused or len(total.passed) > (options.pairs // PAIRS_FOR_ONE if options.keep else 0)
    if options.complete and total.table.missing():
        print("never led to an alert: " + ", ".join(total.table.missing()))
        bad = True
    if options.table and not bad:
        with open(options.table, "w", encoding="utf-8") as file:
            file.write(total.table.page(options.seed, options.seed + options.pairs - 1, total.passed, total.builds if options.keep else {}))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
