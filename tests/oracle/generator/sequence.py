"""sequence.py: sequences of steps and loops, links, unless, after match, and values of the events they bind."""
from generator.choices import QUANTIFIERS, WITHIN_MS
from rules import Atom, Item, tree_parts


class Sequences:
    def item(self, rule, number, streams):
        r = self.r
        item = Item(f"s{number + 1}", [])
        if self.chance(0.6 if self.bare else 0.42):
            item.min, item.max = r.choice(QUANTIFIERS)
            item.strict, item.greedy = self.chance(0.2), self.chance(0.25)
            if item.max != 1 and self.chance(0.2):
                item.own_within = self.span(rule)
        if number:
            item.link = "next" if self.chance(0.18) else "then"
            item.link_within = self.span(rule) if self.chance(0.25) else None
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
        rule.within = self.span(rule, r.choice(WITHIN_MS)) if self.chance(0.45) and (len(rule.items) > 1 or rule.items[0].own_within is None) else None
        for i in range(1, len(rule.items)):
            while any(later.min for later in rule.items[i:]) and self.chance(0.5 if self.gappy else 0.2):
                self.silence_between(rule, i, streams)
        for i, item in enumerate(rule.items):
            if item.max != 1 and self.chance(0.2):
                self.until(rule, i, streams)
        if self.chance(0.25):
            self.silence_at_end(rule, streams)
        self.sequence_clauses(rule, streams)

    def span(self, rule, otherwise=None):
        """A bound, here and there looked up."""
        found = self.looked_up(rule) if self.chance(0.6) else None
        return found if isinstance(found, tuple) else otherwise or self.bound()

    def until(self, rule, i, streams):
        item, before = rule.items[i], range(i + 1)
        item.until_own = self.chance(0.6)
        if item.until_own:
            cond = self.condition(rule, before) or self.own_condition()
            item.until = [Atom(item.atoms[0].stream, cond)]
        else:
            item.until = [Atom(self.r.choice(streams), self.condition(rule, before))]

    def sequence_clauses(self, rule, streams):
        r, count = self.r, len(rule.items)
        everything = range(count)
        if self.chance(0.12):
            self.silence_at_start(rule, streams)
        rule.idle = self.span(rule) if self.chance(0.15) else None
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
        if self.chance(0.15) and self.may_time_out(rule):
            rule.timeout = [(f"f{number}", self.step_value(rule, everything, False)) for number in range(r.randint(0, 2))]
        if self.chance(0.1):
            rule.lets = [("l0", self.step_value(rule, everything, False))]

    @staticmethod
    def may_time_out(rule):
        """Some attempt waits, and something bounds that."""
        bounds = [rule.within, rule.idle] + [b for item in rule.items for b in (item.own_within, item.link_within)]
        bounds += [b for part in tree_parts(rule.shape) for b in (part.within if part is not rule.shape else None, part.link_within)]
        return any(b is not None for b in bounds) and (len(rule.items) > 1 or rule.items[0].min > 1)

    def before_step(self, rule, i):
        """An aggregate over what was before that step, of one of the rule's streams."""
        r, fn = self.r, self.r.choice(("count", "count", "sum", "avg", "max", "min", "distinct", "last", "median"))
        stream = r.choice([a.stream for item in rule.items for a in item.atoms] or [rule.items[i].atoms[0].stream])
        where = self.own_condition() if self.chance(0.25) else None
        return ("before", fn, stream, None if fn == "count" else r.choice("vvw"), where, self.window(), i)

    def step_value(self, rule, before, numeric_only=True):
        """A value of one of the items before."""
        r, i = self.r, self.r.choice(before)
        item = rule.items[i]
        if self.chance(0.06):
            return self.before_step(rule, i)
        if not numeric_only and self.chance(0.15):
            return ("step", i, r.choice("ssxm"))
        if not numeric_only and self.chance(0.15):
            return self.any_value(lambda name: ("step", i, name))
        if not numeric_only and self.chance(0.1):
            return ("agg", r.choice(("sum", "avg", "stddev")), i, r.choice("vxm"), None)
        if self.chance(0.05 if numeric_only else 0.12):
            return ("agg", r.choice(("median", "p50", "p95", "p90", "p1", "slope", ("forecast", r.choice((1000, 5000, 3600000))))), i,
                    "v" if numeric_only else r.choice("vxm"), self.own_condition() if self.chance(0.15) else None)
        single = (item.min, item.max) == (1, 1) and not (rule.shape and self.chance(0.4))
        if single or self.chance(0.35):
            if not numeric_only and self.chance(0.2):
                return ("stepstream", i)
            return ("step", i, "v" if self.chance(0.85) else "w")
        fn = r.choice(("count", "count", "sum", "avg", "min", "max", "distinct", "first", "last"))
        if self.chance(0.15):
            return self.step_aggregate(fn, i, [j for j in before if j != i], rule.items[i].atoms)
        where = self.own_condition() if self.chance(0.15) else None
        return ("agg", fn, i, None if fn == "count" else "v", where)

    def step_aggregate(self, fn, i, others, atoms):
        """Of item i, with another step in it, or the name of the stream."""
        r, where = self.r, None
        if not others or self.chance(0.3):
            if fn in ("distinct", "first", "last") and self.chance(0.5):
                return ("agg", "distinct", i, ("of stream", i), None)
            where = (r.choice(("==", "!=")), ("of stream", i), ("const", r.choice(atoms).stream))
        elif fn == "count" or self.chance(0.5):
            where = (r.choice((">", "<=", "==")), r.choice((("f", "v"), ("of", i, "v"))), ("step", r.choice(others), r.choice("vw")))
        else:
            return ("agg", fn, i, (r.choice("+-"), ("of", i, "v"), ("step", r.choice(others), r.choice("vw"))), None)
        return ("agg", fn, i, None if fn == "count" else "v", where)
