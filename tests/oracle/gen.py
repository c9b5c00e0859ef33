"""gen.py: random rules and random streams of events, for run.py.

What makes a random test worth its time is where it aims: times come from a small grid that the bounds of the rules share, so that
events fall exactly on deadlines and into equal instants; values are few, so that conditions hold often; the events are mostly of the
streams the rule names. Everything follows from the seed.
"""
from fractions import Fraction
from random import Random

from print_rule import STREAMS
from rules import Atom, Event, Item, Rule, all_atoms

STEPS_MS = (0, 0, 1000, 1000, 1000, 2000, 2000, 3000, 5000)
BOUNDS_MS = (1000, 2000, 3000, 5000, 8000)
WITHIN_MS = (3000, 5000, 8000, 8000, 12000, 20000)
START_MS = (1_767_225_600_000, 1_767_225_603_000, 0)
CENTS = (10, 20, 30, 100)
NUMBERS = (0.1, 0.2, 0.25, 0.7, 1e6, 3.0)
TEXTS = ("p", "q", "a_text_longer_than_sixteen_bytes", "")
QUANTIFIERS = ((2, 2), (2, None), (2, 3), (1, 3), (0, 2), (0, 1), (1, None), (0, None), (3, None))


class Generator:
    def __init__(self, seed):
        self.r = Random(seed)
        self.bare = self.chance(0.3)    # few conditions: all the weight on the shape of sequences

    def chance(self, p):
        return self.r.random() < p

    def bound(self):
        return self.r.choice(BOUNDS_MS)

    # ---- conditions ----

    def own_condition(self):
        """Looks at the event alone."""
        r, n = self.r, self.r.random()
        if n < 0.05:
            return (r.choice((">", ">=", "<", "==")), ("f", "x"), ("const", r.choice(NUMBERS)))
        if n < 0.08:
            return (r.choice((">", "<=")), self.arithmetic(), ("const", r.randint(0, 4)))
        if n < 0.55:
            return (r.choice((">", ">=", "<", "<=", "==", "!=")), ("f", "v"), ("const", r.randint(0, 3)))
        if n < 0.70:
            return (r.choice((">", "<=", "!=")), ("f", "w"), ("const", r.randint(0, 2)))
        if n < 0.78:
            return ("null?", ("f", "w")) if self.chance(0.5) else ("not", ("null?", ("f", "w")))
        if n < 0.82:
            return (r.choice(("==", "!=")), ("f", "s"), ("const", r.choice(TEXTS)))
        if n < 0.88:
            return (r.choice((">=", "<", "==")), ("f", "m"), ("const", Fraction(r.choice(CENTS), 100)))
        if n < 0.93:
            return ("in", ("f", r.choice("vw")), tuple(sorted(r.sample(range(4), 2))))
        return (r.choice(("and", "or")), self.own_condition(), self.own_condition())

    def arithmetic(self):
        r, v, w = self.r, ("f", "v"), ("f", "w")
        return r.choice((("*", ("const", 2), v), ("+", v, w), ("-", v, ("const", 1)), ("call", "coalesce", w, v), ("call", "least", v, ("const", 2)),
                         ("call", "greatest", v, w), ("call", "abs", ("-", v, ("const", 2))), ("call", "if", (">", v, ("const", 1)), w, v)))

    def history_condition(self, rule):
        r, n = self.r, self.r.random()
        if rule.profile and n < 0.6:
            member = r.choice(rule.profile[1])[0]
            if self.chance(0.3):
                return (r.choice((">", "<=")), ("f", "v"), ("prof", member))
            return (r.choice((">", "<=", ">=")), ("prof", member), ("const", r.randint(0, 3)))
        if n < 0.15:
            return (r.choice((">=", "<")), ("-", ("f", "v"), ("prev", "v")), ("const", r.randint(0, 2)))
        if n < 0.75:
            return (r.choice((">", "<", "==", "!=", ">=")), ("f", "v"), ("prev", "v"))
        name = r.choice("vvs")
        return ("changed", name) if n < 0.87 else ("new", name, self.bound())

    def step_value(self, rule, before, numeric_only=True):
        """A value of one of the items before."""
        r, i = self.r, self.r.choice(before)
        item = rule.items[i]
        if not numeric_only and self.chance(0.15):
            return ("step", i, r.choice("ssxm"))
        if not numeric_only and self.chance(0.1):
            return ("agg", r.choice(("sum", "avg", "stddev")), i, r.choice("vxm"), None)
        if (item.min, item.max) == (1, 1) or self.chance(0.35):
            if not numeric_only and self.chance(0.2):
                return ("stepstream", i)
            return ("step", i, "v" if self.chance(0.85) else "w")
        fn = r.choice(("count", "count", "sum", "avg", "min", "max", "distinct", "first", "last"))
        where = self.own_condition() if self.chance(0.15) else None
        return ("agg", fn, i, None if fn == "count" else "v", where)

    def condition(self, rule, before=()):
        """For a place in the rule; before: items it may look back at."""
        n = self.r.random()
        if n < 0.42 or (self.bare and n < 0.92):
            return None
        if before and n < 0.45:
            return (self.r.choice(("==", "!=")), ("f", "s"), ("step", self.r.choice(before), "s"))
        if before and n < 0.58:
            return (self.r.choice((">", "<", "==", ">=", "<=", "!=")), ("f", "v"), self.step_value(rule, before))
        if n < 0.68:
            return self.history_condition(rule)
        if n < 0.76:
            pieces = [self.condition(rule, before) or self.own_condition() for _ in range(2)]
            return (self.r.choice(("and", "or")), *pieces)
        return self.own_condition()

    def atoms(self, rule, streams, before=(), several=0.18):
        chosen = self.r.sample(streams, 2 if self.chance(several) and len(streams) > 1 else 1)
        return [Atom(s, self.condition(rule, before)) for s in chosen]

    # ---- rules ----

    def rules(self):
        """Mostly one; several have streams in common, so that the engine has something to share."""
        streams = self.r.sample(STREAMS, self.r.choice((2, 3, 3)))
        return [self.rule(f"r{i + 1}", streams) for i in range(self.r.choices((1, 2, 3), (80, 12, 8))[0])]

    def rule(self, name, streams):
        rule = Rule("sequence" if self.chance(0.66) else "threshold", name)
        rule.keys = list(self.r.choice((["k"], ["k"], ["k"], ["k"], ["k", "g"], [])))
        if rule.keys == ["k"] and self.chance(0.08):
            rule.keys, rule.alias = ["id"], {s: self.r.choice("ks") for s in streams}
        if rule.keys and not rule.alias and self.chance(0.15):
            self.profile(rule, streams)
        if rule.kind == "threshold":
            self.threshold(rule, streams)
        elif self.chance(0.06):
            rule.absence = self.atoms(rule, streams)
            rule.absence_for = self.bound()
        else:
            self.sequence(rule, streams)
        if self.chance(0.18):
            rule.throttle = self.bound()
        if (rule.items or rule.watch) and self.chance(0.06):
            rule.exempt = (self.r.choice((">", "<")), ("f", "v") if rule.watch else self.step_value(rule, range(len(rule.items))),
                           ("const", self.r.randint(1, 2)))
        if not rule.resolve_when and self.chance(0.15):
            rule.resolve_on = [Atom(self.r.choice(streams + [self.r.choice(STREAMS)]), self.own_condition() if self.chance(0.5) else None)]
        if self.chance(0.06):
            rule.escalate_on = [Atom(self.r.choice(streams), self.own_condition() if self.chance(0.5) else None)]
            rule.escalate_within = self.bound() if self.chance(0.6) else None
        if rule.alias:
            used = {a.stream for a in all_atoms(rule)}
            rule.alias = {s: rule.alias.get(s, "k") for s in used}
        elif rule.keys == ["k"] and not rule.profile and self.chance(0.05):
            rule.also_by = self.r.choice((["g"], ["g", "k"], ["s"]))
        return rule

    def profile(self, rule, streams):
        members = [("n", ("win", "count", None, None, None, None)), ("mean", ("win", "avg", None, "v", None, None)),
                   ("tot", ("win", "sum", None, "v", None, ("sliding", self.bound()))),
                   ("top", ("win", "max", None, "v", None, ("sliding", self.bound()))),
                   ("few", ("win", "count", None, None, None, ("sliding", self.bound()))),
                   ("was", ("win", "last", None, "v", None, None)), ("kinds", ("win", "distinct", None, "v", None, None))]
        source = Atom(self.r.choice(streams), self.own_condition() if self.chance(0.4) else None)
        rule.profile = (source, self.r.sample(members, 3))

    def item(self, rule, number, streams):
        r = self.r
        item = Item(f"s{number + 1}", [])
        if self.chance(0.6 if self.bare else 0.42):
            item.min, item.max = r.choice(QUANTIFIERS)
            item.strict, item.greedy = self.chance(0.2), self.chance(0.25)
            if item.max != 1 and self.chance(0.2):
                item.own_within = self.bound()
        if number:
            item.link = "next" if self.chance(0.18) else "then"
            item.link_within = self.bound() if self.chance(0.25) else None
        item.atoms = self.atoms(rule, streams, range(number))
        return item

    def sequence(self, rule, streams):
        r = self.r
        for number in range(r.choices((1, 2, 3, 4), (8, 40, 36, 16))[0]):
            rule.items.append(self.item(rule, number, streams))
        if all(item.min == 0 for item in rule.items):
            rule.items[-1].min, rule.items[-1].max = 1, 1
            rule.items[-1].strict = rule.items[-1].greedy = False
            rule.items[-1].own_within = None
        rule.within = r.choice(WITHIN_MS) if self.chance(0.45) and (len(rule.items) > 1 or rule.items[0].own_within is None) else None
        for i in range(1, len(rule.items)):
            item = rule.items[i]
            if rule.items[i - 1].min and item.min and self.chance(0.2):
                item.link = "then"
                item.nots = self.atoms(rule, streams, range(i))
        if rule.items[-1].min and self.chance(0.25):
            rule.absence = self.atoms(rule, streams, range(len(rule.items)))
            rule.absence_for = self.bound() if rule.within is None or self.chance(0.6) else None
        self.sequence_clauses(rule, streams)

    def sequence_clauses(self, rule, streams):
        r, count = self.r, len(rule.items)
        everything = range(count)
        if self.chance(0.12):
            rule.silence, rule.silence_for = self.atoms(rule, streams, range(0)), self.bound()
        rule.idle = self.bound() if self.chance(0.15) else None
        if self.chance(0.22):
            after = r.choice([i for i in everything if rule.items[i].min]) if self.chance(0.5) else None
            rule.unless = [(self.atoms(rule, streams, range(after + 1) if after is not None else (0,), 0.1), after)]
        loop_at_end = (rule.items[-1].min, rule.items[-1].max) != (1, 1)
        if self.chance(0.5 if loop_at_end else 0.15):
            rule.when = (r.choice((">", ">=", "==", "<=", "!=")), self.step_value(rule, (count - 1,) if self.chance(0.6) else everything),
                         ("const", r.randint(0, 3)))
        if self.chance(0.6):
            rule.skip = r.choice((("next",), ("no",), ("no",), ("first", r.randrange(count)), ("last", r.randrange(count))))
        for number in range(r.randint(0, 3)):
            rule.fields.append((f"f{number}", self.step_value(rule, everything, False)))
        if self.chance(0.1):
            rule.lets = [("l0", self.step_value(rule, everything, False))]

    # ---- thresholds ----

    def window(self):
        return ("sliding", self.bound()) if self.chance(0.85) else ("ever",)

    def measure(self, rule, numeric_only=True):
        """An aggregate over a window."""
        r = self.r
        fn = r.choice(("count", "count", "count", "sum", "sum", "avg", "min", "max", "distinct", "first", "last"))
        where = self.own_condition() if self.chance(0.25) else None
        label = r.choice([a.label for a in rule.watch]) if rule.watch[0].label and self.chance(0.5) else None
        name = None if fn == "count" else "m" if fn == "sum" and self.chance(0.4) else "v"
        if fn == "distinct" and self.chance(0.4) or (fn in ("first", "last") and not numeric_only and self.chance(0.4)):
            name = "s"
        elif name == "v" and self.chance(0.15):
            name = "w"
        elif name == "v" and not numeric_only and self.chance(0.4):
            return ("win", r.choice(("sum", "avg", "stddev", "max")), label, r.choice("xxmv"), where, self.window() if rule.over is None else None)
        if rule.over and rule.over[0] == "session" and not numeric_only and self.chance(0.3):
            return ("win", "duration", None, None, None, None)
        at_change = rule.over is None or rule.over[0] in ("sliding", "ever")
        over = self.window() if rule.over is None or (at_change and self.chance(0.2)) else None
        return ("win", fn, label, name, where, over)

    def judgement(self, rule):
        """measure >= constant, aimed at what a handful of events can reach."""
        r, measure = self.r, self.measure(rule)
        if measure[1] == "count" and self.chance(0.15):
            part = (*measure[:4], self.own_condition(), measure[5])
            return (r.choice((">=", ">", "<")), ("/", part, measure), ("const", Fraction(1, 2)))
        if measure[1] == "sum" and measure[3] == "v" and self.chance(0.25):
            measure = (*measure[:3], "x", *measure[4:])
            return (r.choice((">", ">=")), measure, ("const", r.choice((0.1, 0.3, 0.30000000000000004, 0.6, 1.0, 3.0))))
        if measure[3] == "m":
            return (r.choice((">", ">=")), measure, ("const", Fraction(r.choice((10, 30, 40, 60, 110)), 100)))
        top = 6 if measure[1] == "sum" else 3
        op = r.choice((">=", ">=", ">", "==", "<")) if measure[1] != "avg" else r.choice((">", ">="))
        return (op, measure, ("const", r.randint(1, top)))

    def threshold(self, rule, streams):
        r = self.r
        several = self.chance(0.35)
        chosen = r.sample(streams, 2 if several else 1)
        labels = ("x", "y") if several or self.chance(0.2) else ("", "")
        rule.watch = [Atom(s, self.condition(rule), label) for s, label in zip(chosen, labels)]
        if self.chance(0.05):
            rule.fields = [("v", ("f", "v"))]
            return
        rule.over = r.choices((("sliding", self.bound()), ("tumbling", self.bound()), ("session", self.bound()), ("ever",), None),
                              (45, 15, 15, 10, 15))[0]
        first = self.judgement(rule)
        parts = [first] + [self.judgement(rule) for _ in range(r.choices((0, 1), (65, 35))[0])]
        joined = r.choice(("and", "or"))
        if len(parts) > 1 and self.chance(0.3):
            rule.lets = [(f"l{i}", part) for i, part in enumerate(parts)]
            parts = [("let", name) for name, _ in rule.lets]
        rule.when = parts[0] if len(parts) == 1 else (joined, *parts)
        if len(parts) == 1 and self.chance(0.1):
            rule.when = ("and", parts[0], (">", ("f", "v"), ("const", r.randint(0, 2))))
        at_change = rule.over is None or rule.over[0] in ("sliding", "ever")
        if at_change and self.chance(0.25):
            rule.hold = self.bound()
        if at_change and self.chance(0.15) and (len(parts) == 1 or joined == "and"):
            self.resolve_when(rule, first)
        rule.fields = [(f"f{i}", self.measure(rule, False)) for i in range(r.randint(0, 2))]
        if len(rule.lets) > 1:
            rule.fields.append(("limbs", ("which", *(name for name, _ in rule.lets))))
        if self.chance(0.3):
            rule.fields.append(("newest", ("f", r.choice("vws"))))

    def resolve_when(self, rule, first):
        """A condition that cannot hold together with the first part of `when`."""
        opposite = {">=": "<", ">": "<=", "<": ">=", "==": "!="}[first[0]]
        rule.resolve_when = (opposite, first[1], first[2])
        rule.resolve_for = self.bound() if self.chance(0.5) else None

    # ---- events ----

    def events(self, rules):
        r = self.r
        named = sorted({a.stream for rule in rules for a in all_atoms(rule)})
        keys, size = [f"k{i + 1}" for i in range(r.choices((1, 2, 3), (60, 25, 15))[0])], int(5 + 35 * r.random() ** 2)
        pace = 1
        if self.chance(0.0015):     # long ones reach what the engine sweeps, and where a key's state outgrows its block
            keys, size = [f"k{i:02}" for i in range(r.choice((1, 2, 40)))], r.randint(150, 500)
            pace = len(keys)
        top = r.choice((2, 3, 3, 4))
        time, events = r.choice(START_MS), []
        for pos in range(size):
            time += r.choice(STEPS_MS) // pace
            stream = r.choice(named) if self.chance(0.94) else r.choice(STREAMS)
            fields = {"k": r.choice(keys) if self.chance(0.98) else None, "g": r.randint(0, 1), "v": r.randint(0, top),
                      "w": r.choice((None, 0, 1, 2)), "m": Fraction(r.choice(CENTS), 100), "s": r.choice(TEXTS), "x": r.choice(NUMBERS)}
            events.append(Event(pos, stream, time, fields))
        return events
