"""told.py: rules that look at rules: what a rule tells is an event of a stream that bears its name, and of `alert`, when somebody looks.

Levels: a rule stands one above all that it looks at. What is told waits until everything below its rule has been done at this instant; the lowest
goes first, else the order of telling.
"""
import math

from rules import Event, all_atoms, all_expressions


class Place(float):
    """Where a told event stands among the others: behind the event that brought it about. It is shown as what it is."""

    def __new__(cls, at, shown):
        place = super().__new__(cls, at)
        place.shown = shown
        return place

    def __format__(self, spec):
        return self.shown


def parts(x):
    """All expressions inside of one."""
    if isinstance(x, tuple):
        yield x
        for y in x:
            yield from parts(y)


def asked_by(rule):
    """Names of the rules that this one asks about with open()."""
    return {y[1] for x in all_expressions(rule) for y in parts(x) if y[:1] in (("open",), ("open at end",))}


def looks_at(rule):
    """Names of the streams that the rule looks at, by itself or through a profile that it reads; and of rules it asks about."""
    reads = any(y[:1] in (("prof",), ("prof of",)) for x in all_expressions(rule) for y in parts(x))
    return {a.stream for a in all_atoms(rule)} | ({rule.profile[0].stream} if rule.profile and reads else set()) | asked_by(rule)


def all_below(name, looks):
    """Everything that a rule looks at, directly or by way of others."""
    below, new = set(), set(looks.get(name, ()))
    while new:
        below |= new
        new = set().union(*(looks.get(n, set()) for n in new)) - below
    return below


def levels_of(rules):
    """Level of each rule, and of `alert`; and who feeds `alert`."""
    looks = {rule.name: looks_at(rule) for rule in rules}
    feeders = {rule.name for rule in rules if not rule.signal and "alert" not in all_below(rule.name, looks)}
    looks["alert"] = feeders
    levels = dict.fromkeys(looks, 0)
    for _ in looks:
        levels = {name: max([levels[n] + 1 for n in looks[name] if n in levels], default=0) for name in looks}
    return levels, feeders


class Told:
    def __init__(self, run, rules):
        self.run = run
        self.levels, self.feeders = levels_of(rules)
        self.looked_at = set().union(*map(looks_at, rules))
        self.waiting, self.n = [], 0

    def put(self, alert, fields):
        """fields: name -> value, of the alert block and the lets. What ran out of time is no event of the rule's own stream."""
        rule, time = alert.rule, alert.time
        if rule.name in self.looked_at and alert.kind == "alert":
            self.wait(rule, rule.name, time, {"severity": alert.severity, "time": time, **dict(zip(rule.keys, alert.key)), **fields})
        text = ", ".join(map(str, alert.key))
        if "alert" in self.looked_at and rule.name in self.feeders:
            self.wait(rule, "alert", time, {"rule": rule.name, "severity": alert.severity, "key": text, "time": time})

    def wait(self, rule, stream, time, fields):
        self.n += 1
        place = Place(self.run.pos + self.n * 1e-6, f"{stream}@{time}")
        self.waiting.append((self.levels[rule.name], self.n, Event(place, stream, time, fields)))

    def drain(self, below=math.inf):
        while self.waiting and min(self.waiting)[0] < below:
            first = min(self.waiting)
            self.waiting.remove(first)
            self.run.show(first[2])
