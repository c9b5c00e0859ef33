#!/usr/bin/env python3
"""run.py: the engine against the naive matcher, on random pairs of a rule and a stream of events.

Each seed gives one pair. The engine runs in the program built from pairs.c, some thousand pairs a process. On a difference the pair
is made smaller, as long as the two still differ, by dropping events and parts of the rule; then rule, events and both results are
printed. Ends with a table of what was exercised: how many pairs had the operator, and how many of those gave an alert.

    run.py --harness build/tests/oracle/oracle_pairs --pairs 100000 --seed 1
"""
import argparse
import itertools
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from fractions import Fraction

sys.dont_write_bytecode = True     # the source tree stays as it is
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gen import Generator
from naive import run
from print_rule import decimal_text, file_text, operators
from shrink import smaller

AFTER_MS = 100_000      # the clock goes this far beyond the last event: longer than all bounds of a rule together


def end_of(events):
    return (events[-1].time if events else 0) + AFTER_MS


# ---- the engine's side ----

def encode(x):
    if x is None:
        return "n"
    if isinstance(x, str):
        return "s" + x
    if isinstance(x, float):
        return f"f{x!r}"
    return f"d{int(x * 100)}e-2" if isinstance(x, Fraction) else f"i{x}"


def pair_text(rules, events):
    """In the protocol of pairs.c. Here and there the clock moves between events, which must change nothing."""
    text = file_text(rules)
    lines, before = [f"R {len(text.encode())}\n{text}"], None
    for e in events:
        if before is not None and e.pos % 4 == 0:
            lines.append(f"A {max(before, e.time - e.pos % 3 * 500)}")
        before = e.time
        lines.append(f"E {e.time} {e.stream} {e.pos} " + " ".join(f"{name}={encode(x)}" for name, x in e.f.items()))
    lines.append(f"F {end_of(events)}\n")
    return "\n".join(lines)


def split_results(out):
    """The lines of each pair; diagnostics (X) keep their text as one entry."""
    results, current, i = [], [], 0
    lines = out.split("\n")
    while i < len(lines):
        line = lines[i]
        if line == ".":
            results.append(current)
            current = []
        elif line.startswith("X "):
            size, start = int(line.split()[2]), i + 1
            text = ""
            while len(text.encode()) < size:
                i += 1
                text = "\n".join(lines[start:i + 1])
            current.append("X " + text)
        elif line:
            current.append(line)
        i += 1
    return results, current


def engine(harness, texts):
    """Results of the pairs, and what the program said when it died before the last of them."""
    done = subprocess.run([harness], input="".join(texts).encode(), capture_output=True)
    results, rest = split_results(done.stdout.decode(errors="replace"))
    died = None
    if done.returncode != 0 or len(results) < len(texts):
        died = f"the harness ended with {done.returncode}\n" + "\n".join(rest) + done.stderr.decode(errors="replace")[-3000:]
    return results, died


# ---- comparison ----

def same_value(ours, theirs, x=()):
    """x: the expression; a root may differ in its last digits."""
    if ours is None or theirs == "n":
        return ours is None and theirs == "n"
    kind, text = theirs[0], theirs[1:]
    if isinstance(ours, str):
        return kind == "s" and ours.replace(" ", "~") == text
    if isinstance(ours, bool):
        return kind == "b" and text == str(int(ours))
    if kind == "f":
        return float(ours) == float(text) or (x[1:2] == ("stddev",) and abs(ours - float(text)) <= 1e-12 * ours)
    return kind in "idu" and Fraction(text) == ours


def same_evidence(ours, shown):
    """Of many events the engine shows some of the first and some of the last; which is not part of the meaning."""
    if len(shown) == len(ours):
        return shown == ours
    rest = len(ours) - len(shown)
    return rest > 0 and bool(shown) and any(shown == ours[:n] + ours[n + rest:] for n in range(len(shown) + 1))


def same_alert(rule, ours, line):
    head, key, fields, evidence = (part.split() for part in line[2:].split("|"))
    key = [k.partition("=")[2] for k in key]
    kind, _, at, started, bound, held, limited, _ = head
    if kind != ours.kind or int(at) != ours.time or limited != "0" or len(key) != len(ours.key):
        return False
    if not all(map(same_value, ours.key, key)):
        return False
    if kind != "alert":
        return True
    if int(held) != ours.held:
        return False
    named = rule.fields + rule.lets
    if [name for name, _ in named] != [f.partition("=")[0] for f in fields]:
        return False
    if not all(same_value(v, f.partition("=")[2], x) for v, f, (_, x) in zip(ours.fields, fields, named)):
        return False
    if not ours.evidence:       # windows and silence: which events are shown is not part of the meaning
        return True
    events = [f"{step}:{pos}" for step, pos in ours.evidence]
    return int(started) == ours.started and int(bound) == len(events) and same_evidence(events, evidence)


def one_key_each(rules):
    """A rule with two `by` is two rules of one name."""
    return [replace(rule, keys=keys, also_by=None) for rule in rules for keys in ([rule.keys, rule.also_by] if rule.also_by else [rule.keys])]


def of_rule(rule, line):
    words = line.split()
    key = [word.partition("=")[0] for word in line.partition("|")[2].partition("|")[0].split()]
    return words[2:3] == [rule.name] and key == rule.keys


def same_ids(theirs):
    """Each alert has an id of its own; what follows on an alert has that alert's."""
    told = set()
    for line in theirs:
        words = line.split(" ", 9)
        if words[0] == "A" and (words[8] in told) == (words[1] == "alert"):
            return False
        told.add(words[8] if words[0] == "A" else "")
    return True


def same(rules, ours, theirs):
    """ours: for each rule its alerts in order."""
    if not same_ids(theirs):
        return False
    rules = one_key_each(rules)
    mine = [theirs] if len(rules) == 1 else [[line for line in theirs if of_rule(rule, line)] for rule in rules]
    if sum(map(len, ours)) != len(theirs):
        return False
    return all(len(a) == len(b) and all(line.startswith("A ") and same_alert(rule, alert, line) for alert, line in zip(a, b))
               for rule, a, b in zip(rules, ours, mine))


def judged(rules, events):
    return [run(rule, events, end_of(events)) for rule in one_key_each(rules)]


def refused(theirs):
    return bool(theirs) and theirs[0].startswith("X ")


def differs(harness, rules, events):
    """Whether the two differ on this pair; a rule that the compiler refuses is no difference."""
    results, died = engine(harness, [pair_text(rules, events)])
    if died:
        return True
    return not refused(results[0]) and not same(rules, judged(rules, events), results[0])


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
    for rule, alerts in zip(one_key_each(rules), judged(rules, events)):
        for a in alerts:
            named = ", ".join(f"{n}={x}" for (n, _), x in zip(rule.fields + rule.lets, a.fields))
            print(f"  {rule.name} {a.kind} {a.key} at {a.time} (+ {a.time - begin}) {{ {named} }} {a.evidence or ''} held {a.held}")
    print("engine:")
    results, died = engine(harness, [pair_text(rules, events)])
    print("\n".join("  " + line for line in (results[0] if results else [])) + (f"\n  {died}" if died else ""))


def report(harness, seed, rules, events, keep):
    print(f"---- seed {seed}: the two differ" + ("" if keep else ", made smaller"))
    show(harness, *((rules, events) if keep else shrink(harness, rules, events)))
    sys.stdout.flush()


# ---- the run ----

class Table:
    def __init__(self):
        self.seen, self.hit, self.pairs, self.alerts = Counter(), Counter(), 0, 0

    def add(self, rules, ours):
        self.pairs += 1
        self.add_names({"all pairs"} | ({"several rules"} if len(rules) > 1 else set()), any(ours))
        for rule, alerts in zip(one_key_each(rules), ours):
            self.alerts += len(alerts)
            self.add_names(operators(rule), alerts)
        self.add_names({"by twice"} if any(rule.also_by for rule in rules) else set(), any(ours))

    def add_names(self, names, hit):
        self.seen.update(names)
        if hit:
            self.hit.update(names)

    def print(self):
        print(f"{'operator':36} {'pairs':>8} {'with alert':>11}")
        for name in sorted(self.seen):
            print(f"{name:36} {self.seen[name]:8} {self.hit[name]:11}")
        print(f"{self.alerts} alerts in {self.pairs} pairs")


def pairs_of(seeds):
    pairs = []
    for seed in seeds:
        generator = Generator(seed)
        rules = generator.rules()
        pairs.append((seed, rules, generator.events(rules)))
    return pairs


def batch(options, seeds, table):
    """Runs these seeds; gives the numbers of differences and of refused rules."""
    pairs = pairs_of(seeds)
    wrong = no = 0
    while pairs:
        results, died = engine(options.harness, [pair_text(rules, events) for _, rules, events in pairs])
        for (seed, rules, events), theirs in zip(pairs, results):
            ours = judged(rules, events)
            table.add(rules, ours)
            if refused(theirs):
                no += 1
                if no <= options.refused:
                    print(f"---- seed {seed}: refused\n{file_text(rules)}{theirs[0]}")
            elif not same(rules, ours, theirs):
                wrong += 1
                if wrong <= options.show:
                    report(options.harness, seed, rules, events, options.whole)
        pairs = pairs[len(results):]
        if died and pairs:
            wrong += 1
            print(f"---- seed {pairs[0][0]}: {died}")
            report(options.harness, *pairs.pop(0), True)
    return wrong, no


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--harness", required=True, help="the program built from pairs.c")
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1, help="of the first pair; the n-th has seed + n")
    parser.add_argument("--batch", type=int, default=2000, help="pairs a process")
    parser.add_argument("--show", type=int, default=1, help="differences shown for each batch")
    parser.add_argument("--refused", type=int, default=3, help="refused rules shown for each batch")
    parser.add_argument("--whole", action="store_true", help="do not make the pair smaller")
    parser.add_argument("--no-stop", action="store_true", help="go on after a batch with differences")
    options = parser.parse_args()
    table, wrong, no, begun = Table(), 0, 0, time.time()
    seeds = iter(range(options.seed, options.seed + options.pairs))
    while chunk := list(itertools.islice(seeds, options.batch)):
        more_wrong, more_no = batch(options, chunk, table)
        wrong, no = wrong + more_wrong, no + more_no
        if wrong and not options.no_stop:
            break
    table.print()
    print(f"{wrong} differences, {no} rules refused, {time.time() - begun:.0f} s")
    sys.exit(1 if wrong or no else 0)


if __name__ == "__main__":
    main()
