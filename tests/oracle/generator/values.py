"""values.py: conditions on an event, and the atoms that carry them."""
from fractions import Fraction

from generator.choices import CENTS, NUMBERS, TEXTS
from rules import Atom


class Values:
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
