"""window.py: threshold rules: windows, measures over them, and what is asked of these."""
from fractions import Fraction

from generator.choices import ZONES
from rules import Atom


class Windows:
    def window(self):
        """Of an aggregate."""
        kind = self.r.choices(("sliding", "ever", "last", "tumbling", "session"), (70, 10, 9, 7, 4))[0]
        if kind == "tumbling":
            return self.tumbling()
        return ("ever",) if kind == "ever" else ("last", self.r.randint(1, 4)) if kind == "last" else (kind, self.bound())

    def tumbling(self):
        if not self.slow:
            return ("tumbling", self.bound())
        return ("tumbling", self.r.choice((900_000, 3_600_000, 3_600_000, 21_600_000, 86_400_000, 86_400_000, 604_800_000)), self.r.choice(ZONES))

    def rule_window(self):
        kind = self.r.choices(("sliding", "tumbling", "session", "ever", "last", "hopping", None), (40, 14, 13, 7, 8, 10, 14))[0]
        if self.slow and self.chance(0.6):
            kind = "tumbling"
        if kind == "hopping":
            size = self.r.choice((2000, 3000, 5000, 8000))
            return (kind, size, self.r.choice([n for n in (1000, 1500, 2000, 3000, 5000) if n <= size]))
        if kind == "tumbling":
            return self.tumbling()
        return None if kind is None else ("ever",) if kind == "ever" else ("last", self.r.randint(1, 5)) if kind == "last" else (kind, self.bound())

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
        over = self.window() if rule.over is None or self.chance(0.2) else None
        if not numeric_only and self.chance(0.02):
            return ("win", "duration", None, None, None, ("session", self.bound()))
        if fn not in ("count", "sum") and name != "s" and self.chance(0.3):
            return self.shape(label, name if numeric_only else r.choice("vwxm"), where, over)
        return ("win", fn, label, name, where, over)

    def shape(self, label, name, where, over):
        """Percentiles, and the line through the values."""
        r = self.r
        fn = r.choice(("median", "p50", "p95", "p90", "p99", "p30", "slope", "forecast"))
        return ("win", fn, label, name, where, over) + ((r.choice((0, 1000, 2500, 10000)),) if fn == "forecast" else ())

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
        if measure[1] in ("slope", "median"):
            return (r.choice((">", ">=", "<", "==")), measure, ("const", r.choice((0.0, 0.5, 1.0, 1.5, -0.5))))
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
        rule.over = self.rule_window()
        first = self.judgement(rule)
        parts = [first] + [self.judgement(rule) for _ in range(r.choices((0, 1), (65, 35))[0])]
        joined = r.choice(("and", "or"))
        if len(parts) > 1 and self.chance(0.3):
            rule.lets = [(f"l{i}", part) for i, part in enumerate(parts)]
            parts = [("let", name) for name, _ in rule.lets]
        rule.when = parts[0] if len(parts) == 1 else (joined, *parts)
        if len(parts) == 1 and self.chance(0.1):
            rule.when = ("and", parts[0], (">", ("f", "v"), ("const", r.randint(0, 2))))
        at_change = rule.over is None or rule.over[0] in ("sliding", "ever", "last")
        rule.early = rule.over is not None and rule.over[0] in ("tumbling", "session", "hopping") and self.chance(0.35)
        if at_change and self.chance(0.25):
            rule.hold = self.looked_up(rule)
        if self.chance(0.15) and (len(parts) == 1 or joined == "and"):
            self.resolve_when(rule, first)
        rule.fields = [(f"f{i}", self.measure(rule, False)) for i in range(r.randint(0, 2))]
        if len(rule.lets) > 1:
            rule.fields.append(("limbs", ("which", *(name for name, _ in rule.lets))))
        if self.chance(0.3):
            rule.fields.append(("newest", ("f", r.choice("vws"))))
        if self.chance(0.15):
            rule.fields.append(("made", self.any_value(lambda name: ("f", name))))
        if self.chance(0.05):
            rule.fields.append(("at", ("now at end",)))
