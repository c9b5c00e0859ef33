"""values.py: conditions on an event, and the atoms that carry them."""
from fractions import Fraction

from generator.choices import CENTS, NETS, NUMBERS, TEXTS
from rules import Atom, Duration


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
        if n < 0.74:
            return self.function_condition(lambda name: ("f", name))
        if n < 0.755:
            return self.content_condition()
        if n < 0.78:
            return ("null?", ("f", "w")) if self.chance(0.5) else ("not", ("null?", ("f", "w")))
        if n < 0.82:
            return (r.choice(("==", "!=")), ("f", "s"), ("const", r.choice(TEXTS)))
        if n < 0.88:
            return (r.choice((">=", "<", "==")), ("f", "m"), ("const", Fraction(r.choice(CENTS), 100)))
        if n < 0.93:
            return ("in", ("f", r.choice("vw")), tuple(sorted(r.sample(range(4), 2))))
        return (r.choice(("and", "or")), self.own_condition(), self.own_condition())

    # ---- functions: get gives the field of an event ----

    def text_value(self, get):
        """A text made of the event's own."""
        r, s = self.r, get("s")
        return r.choice((("call", "lower", s), ("call", "upper", s), ("call", "trim", s), ("call", "concat", s, ("const", "-"), get("v")),
                         ("call", "concat", get("m"), get("x"), get("u")), ("call", "to_string", get(r.choice("vmxsu"))), ("call", "if", get("u"), s, ("const", "no")),
                         ("call", "substring", s, ("const", r.randint(0, 3)), ("const", r.randint(0, 3))), ("call", "substring", s, ("const", r.randint(1, 5)))))

    def number_value(self, get):
        """A number that a function makes of the event."""
        r, place = self.r, (("const", 48.14), ("const", 11.58))
        digits = (("const", r.choice((0, 1, 2))),) if self.chance(0.6) else ()
        here = (get("x"), get("x"))
        return r.choice((("call", "length", get("s")), ("call", "round", get(r.choice("xm")), *digits), ("call", "floor", get(r.choice("xmv"))),
                         ("call", "ceil", get(r.choice("xmv"))), ("call", "sqrt", get(r.choice("xvm"))), ("call", "sqrt", ("minus", get("v"))),
                         ("call", "to_int", get(r.choice("smxu"))), ("call", "to_number", get(r.choice("smvu"))), ("call", "distance_km", *here, *place),
                         ("minus", get(r.choice("vmx"))), ("%", get("v"), ("const", r.choice((0, 2, 3)))), ("%", ("minus", get("v")), ("const", 3)),
                         ("*", get("v"), ("const", r.choice((2, 1 << 62)))), ("*", get("m"), get("v")), ("*", get("m"), get("m")), ("+", get("m"), get("v")),
                         ("-", get("m"), get("x")), ("/", get("m"), ("const", 4)), ("+", get("v"), get("x"))))

    def function_condition(self, get):
        r, n, s = self.r, self.r.random(), get("s")
        if n < 0.2:
            x = ("like", s, r.choice(("p*", "*LONGER*", "?", "*", "*.exe", "d?jà", "*?*", "")))
        elif n < 0.3:
            x = ("matches", s, r.choice((r"^p", r"[0-9]+", r"\.", r"^a_.*_bytes$", r"^$", r"o(n|x)")))
        elif n < 0.4:
            x = ("call", r.choice(("starts_with", "ends_with", "contains")), s, ("const", r.choice(("p", "", "a_", "s", "10."))))
        elif n < 0.5:
            x = ("call", "ip_in", s, ("const", r.choice(NETS)))
        elif n < 0.6:
            x = ("==", self.text_value(get), ("const", r.choice(("p", "P", "Q p", "a", "0", "p-1", "true"))))
        elif n < 0.65:
            x = get("u")
        elif n < 0.8:
            return self.time_condition(get)
        else:
            return (r.choice((">", "<=", "==", "!=")), self.number_value(get), ("const", r.choice((0, 1, 2, 3, 100))))
        return x if self.chance(0.7) else ("not", x)

    def any_value(self, get):
        """For a field of an alert."""
        n = self.r.random()
        return self.text_value(get) if n < 0.4 else self.number_value(get) if n < 0.8 else self.time_value(get)

    def arithmetic(self):
        r, v, w = self.r, ("f", "v"), ("f", "w")
        return r.choice((("*", ("const", 2), v), ("+", v, w), ("-", v, ("const", 1)), ("call", "coalesce", w, v), ("call", "least", v, ("const", 2)),
                         ("call", "greatest", v, w), ("call", "abs", ("-", v, ("const", 2))), ("call", "if", (">", v, ("const", 1)), w, v)))

    def condition(self, rule, before=()):
        """For a place in the rule; before: items it may look back at."""
        n = self.r.random()
        if n < 0.42 or (self.bare and n < 0.92):
            return None
        if before and n < 0.43:
            i = self.r.choice(before)
            gap = ("-", ("f", "t"), ("step", i, "t"))
            return (self.r.choice(("<", ">=", "<=")), gap, ("const", Duration(self.r.choice((0, 1000, 3000, 3600000)))))
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
