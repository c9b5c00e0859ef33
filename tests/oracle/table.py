"""table.py: how often each operator was exercised: in how many pairs, in how many of those its rule told something, and how often."""
from collections import Counter

from meaning.told import looks_at
from operators import NAMES, operators_of


class Table:
    def __init__(self):
        self.pairs = self.alerts = 0
        self.seen, self.hit, self.told = Counter(), Counter(), Counter()

    def add(self, rules, ours):
        """A pair of rules and events, and the alerts that came of it. What a rule with `signal` led to are the alerts of those that look at it."""
        self.pairs += 1
        self.alerts += len(ours)
        told = {}
        for rule in rules:
            alerts = sum(1 for a in ours if a.rule is not None and (a.rule.name == rule.name or (rule.signal and rule.name in looks_at(a.rule))))
            for name in operators_of(rule, any(a.kind == "late" for a in ours)):
                told[name] = told.get(name, 0) + alerts
        self.seen.update(told.keys())
        self.hit.update(name for name in told if told[name])
        self.told.update(told)

    def update(self, other):
        self.pairs += other.pairs
        self.alerts += other.alerts
        self.seen.update(other.seen)
        self.hit.update(other.hit)
        self.told.update(other.told)

    def missing(self):
        """Operators that no pair had, or that never led to an alert."""
        return [name for name in NAMES if not self.hit[name]]

    def rows(self):
        return [(name, self.seen[name], self.hit[name], self.told[name]) for name in NAMES]

    def text(self):
        lines = [f"{'operator':36} {'pairs':>8} {'with alert':>11} {'alerts':>9}"]
        lines += [f"{name:36} {seen:8} {hit:11} {told:9}" for name, seen, hit, told in self.rows()]
        return "\n".join(lines + [f"{self.alerts} alerts in {self.pairs} pairs"])

    def page(self, first, last, passed, builds):
        """docs/oracle.md. passed: seeds that were not judged. builds: pairs that each build of the engine was judged with."""
        with_builds = "; ".join(f"{n:,} with the engine of {build}" for build, n in sorted(builds.items(), key=lambda b: -b[1]) if build)
        rows = "".join(f"| {name} | {seen:,} | {hit:,} | {told:,} |\n" for name, seen, hit, told in self.rows())
        without = f" without {', '.join(f'{seed:,}' for seed in passed)}, which the naive matcher does not come to an end with" if passed else ""
        return PAGE.format(pairs=self.pairs, alerts=self.alerts, first=first, last=last, without=without, builds=f" Pairs: {with_builds}." if with_builds else "") + rows


PAGE = """# What the random tests exercise

The engine is compared with a matcher that is as slow and plain as possible, written from the definitions of [language.md](language.md) and
sharing no code with it (`tests/oracle`). A pair is one to three random rules and a random stream of events; every alert must agree in rule, key, time, values,
evidence and order. A difference is made smaller by a program and shown.

This table is of the last long run: {pairs:,} pairs (seeds {first:,} to {last:,}{without}), {alerts:,} alerts, no difference.{builds} *Pairs* had the operator in a
rule; in *with alert* of them that rule told something, *alerts* times in all. `tests/oracle/run.py --table docs/oracle.md` writes the page.

| operator | pairs | with alert | alerts |
|---|---:|---:|---:|
"""
