"""alert.py: the life of an alert: throttle, except, resolve, escalate."""
from generator.choices import BOUNDS_MS, STREAMS
from rules import Atom, Rule, all_atoms, all_expressions, parts_of, stops_of, tree_parts, windows

REPEATS_MS = (*BOUNDS_MS, 20000)
LEVELS = ("info", "low", "high", "critical")
WHOLE = ("k", "g", "v", "w", "m", "s", "x", "t", "u")     # fields of all streams: who tells them is a stream like any other


class Alerts:
    def tower(self, streams):
        """Two or three rules, each of which may look at what those before it tell; names do not say which is which."""
        names, rules, told = self.r.sample(("r1", "r2", "r3", "r4"), self.r.choice((2, 2, 3))), [], []
        for name in names:
            rules.append(self.rule(name, told + self.r.sample(streams, 1 if told and self.chance(0.6) else 2)))
            if self.tells_all(rules[-1]):
                told.append(name)
        if self.chance(0.15):
            rules.append(self.over_all())
        self.r.shuffle(rules)
        return rules

    def tells_all(self, rule):
        """Gives the rule all fields of a stream to tell, where it has an event to take them from."""
        bound = [i for i, item in enumerate(rule.items) if item.min]
        if not bound and not rule.watch:
            return False
        of = self.r.choice(bound) if bound else None
        rule.fields = [(name, ("f", name) if of is None else ("step", of, name)) for name in WHOLE]
        rule.signal = rule.timeout is None and not rule.escalate and rule.repeat is None and self.chance(0.5)
        return True

    def over_all(self):
        """Looks at all alerts."""
        rule = Rule("threshold", "r9", self.r.choice((["rule"], [])), watch=[Atom("alert")], fields=[("who", ("f", "rule")), ("of", ("f", "key"))])
        if self.chance(0.6):
            rule.over = ("sliding", self.bound())
            rule.when = (">=", ("win", "count", None, None, None, None), ("const", self.r.choice((1, 2, 3))))
        return rule

    def alert_life(self, rule, streams):
        if self.chance(0.18):
            rule.throttle = self.bound()
            if (rule.items or rule.watch) and self.chance(0.3):
                rule.per = ("f", self.r.choice("vwsm")) if rule.watch else self.step_value(rule, range(len(rule.items)), False)
        if self.chance(0.04):
            rule.warm_up = self.bound()
        if (rule.items or rule.watch) and self.chance(0.06):
            rule.exempt = (self.r.choice((">", "<")), ("f", "v") if rule.watch else self.step_value(rule, range(len(rule.items))),
                           ("const", self.r.randint(1, 2)))
        if not rule.resolve_when and self.chance(0.15):
            rule.resolve_on = [Atom(self.r.choice(streams + [self.r.choice(STREAMS)]), self.own_condition() if self.chance(0.5) else None)]
        if self.chance(0.06):
            for severity in self.r.sample(LEVELS, self.r.choice((1, 1, 2))):
                atom = Atom(self.r.choice(streams), self.own_condition() if self.chance(0.5) else None)
                rule.escalate.append((severity, self.bound() if self.chance(0.6) else None, [atom]))

        if (rule.resolve_on or rule.resolve_when) and not self.slow and self.chance(0.3):
            rule.repeat = self.r.choice(REPEATS_MS)
        if self.chance(0.06):
            rule.active = self.hours()
        if rule.shape is None and self.chance(0.08):
            self.limit(rule)
        if self.chance(0.1):
            rule.severity = self.severity(rule)

    def limit(self, rule):
        """Where it is clear which attempts are open and what a window keeps."""
        n = self.r.randint(1, 4)
        if rule.items:
            plain = not any(i.strict or i.nots or i.until or i.own_within is not None or i.link_within is not None or i.link == "next" for i in rule.items)
            if plain and not (rule.silence or rule.absence or rule.unless or rule.timeout) and rule.within is None and rule.idle is None:
                rule.limits = {"attempts": n}
        elif rule.over and rule.over[0] == "sliding":
            windows = [x for y in all_expressions(rule) for x in parts_of(y) if x[0] == "win"]
            if windows and all(x[5] is None for x in windows):
                rule.limits = {"values": n}

    def scarce(self, rule):
        """So little that limits bite all the time, wherever that is."""
        r = self.r
        asked = max([over[1] for over in windows(rule) if over[0] == "last"], default=1)    # more than are kept cannot be asked for
        rule.limits = {"values": r.randint(asked, asked + 3)} if rule.watch else {"attempts": r.choice((1, 2, 3, 50)), "events": r.randint(3, 8)}

    def severity(self, rule):
        """A constant, or one of two by a condition."""
        some = [("level", name) for name in self.r.sample(LEVELS, 2)]
        if rule.watch:
            asked = ("f", "v")
        elif rule.items:
            asked = self.step_value(rule, range(len(rule.items)))
        else:
            return some[0]
        return some[0] if self.chance(0.2) else ("call", "if", (">", asked, ("const", self.r.randint(0, 2))), *some)

    def ask_open(self, rules):
        """Some rule asks whether another's alert is open; never in a circle."""
        asking, asked = self.r.sample(rules, 2)
        if not (asked.resolve_on or asked.resolve_when):
            asked.resolve_on = [Atom(self.r.choice(sorted(asked.alias or STREAMS)), self.own_condition() if self.chance(0.5) else None)]
        at_end = ("open at end", asked.name)
        if self.chance(0.4) and set(asked.keys) <= set(asking.keys) and not asked.also_by and not asking.also_by:
            if asking.watch and asking.when and asking.hold is None and self.chance(0.4):
                asking.when = ("and", asking.when, ("not", at_end))
                asking.fields = []      # a window of these alone leaves at instants of its own; whether `when` is asked then is left open
            else:
                asking.exempt = at_end if self.chance(0.7) else ("not", at_end)
            return
        shared = [id(a) for item in asking.items if item.until_own for a in item.until]      # one condition, written once
        atoms = [a for a in all_atoms(asking) if (asked.alias is None or a.stream in asked.alias) and id(a) not in shared]
        if atoms:
            atom = self.r.choice(atoms)
            ask = ("open", asked.name) if self.chance(0.6) else ("not", ("open", asked.name))
            cond = ("and", atom.cond, ask) if atom.cond else ask
            same = [i.until for i in asking.items if i.until_own and any(atom is a for a in i.until)]
            loops = [stops_of(asking, part) for part in tree_parts(asking.shape) if part.until_own and any(atom is a for a in part.until)]
            for one in same[0] if same else [atom]:     # one condition, written once, over all streams of the loop
                if all(asked.alias is None or a.stream in asked.alias for stop in loops for a in stop):
                    one.cond = cond

    def resolve_when(self, rule, first):
        """A condition that cannot hold together with the first part of `when`."""
        opposite = {">=": "<", ">": "<=", "<": ">=", "==": "!="}[first[0]]
        rule.resolve_when = (opposite, first[1], first[2])
        rule.resolve_for = self.looked_up(rule) if self.chance(0.5) else None
