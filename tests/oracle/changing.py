"""changing.py: rules that change in the middle of the stream: which changes are tried, and what they mean (docs/language.md, "Changing rules while they run").

A change is (position, rules, fates): before the event of that position these rules hold in place of those before. fates says of each rule by name what
becomes of what it knew: "same" (it did not change), "new" (it begins anew, or there was none), "kept" (all stays), "window" (what the window has counted
stays; `when` is another one and must turn true anew). The answer is made when the change is made up, from the definitions, and never asks the engine.
"""
from dataclasses import replace

from generator import Generator
from generator.choices import STREAMS
from meaning.alert import LEVELS, Desk
from meaning.place import EVENT, View
from meaning.told import Told, asked_by, looks_at
from meaning.values import value
from meaning.window import CLOSING, events_in
from naive import Run
from rules import all_atoms, all_expressions, instances, parts_of


# ---- which changes are tried ----

class ChangingPair(Generator):
    """One seed: rules, events, and changes at random moments."""

    def pair(self):
        rules = self.rules()
        events = self.events(rules)
        named = sorted({a.stream for rule in rules for a in all_atoms(rule)} & set(STREAMS))
        self.streams = named + [s for s in STREAMS if s not in named][:max(0, 2 - len(named))]
        self.content, self.number, changes, now = rules[0].content, len(rules), [], rules
        moments = self.r.sample(range(1, len(events)), min(len(events) - 1, self.r.choice((1, 1, 2, 3, 4)))) if len(events) > 1 else []
        for at in sorted(moments):
            made = next(filter(None, (self.changed(now) for _ in range(12))), None)     # not each can be made of each rule
            if made:
                changes.append((at, *made))
                now = made[0]
        return rules, events, changes

    def changed(self, rules):
        kind = self.r.choice((self.added, self.added, self.removed, self.replaced, self.replaced, self.said_otherwise, self.said_otherwise, self.judged_otherwise))
        found = kind(rules)
        if not found:
            return None
        others, name, fate = found
        fates = {rule.name: "same" for rule in others}
        if fate:
            fates[name] = fate
        return others, fates

    def fresh(self, rules, name):
        """A rule that shares nothing that is known of a key with another one: what is shared is warm for the new one, too."""
        if any(looks_at(one) & ({other.name for other in rules} | {"alert"}) for one in rules):
            return None     # the generator makes such rules together
        rule = self.rule(name, self.streams)
        rule.content = self.content
        return None if asks_back(rule) and any(asks_back(other) for other in rules) else rule

    def added(self, rules):
        self.number += 1
        rule = self.fresh(rules, f"{self.r.choice(('early', 'r', 'zz'))}_{self.number}")    # before, among or behind the others
        return rule and (rules + [rule], rule.name, "new")

    def alone(self, rules):
        """One that no other looks at, and that looks at none."""
        names = {rule.name for rule in rules}
        looked_at = set().union(*map(looks_at, rules))
        found = [rule for rule in rules if rule.name not in looked_at and not looks_at(rule) & (names | {"alert"}) and "alert" not in looked_at]
        return self.r.choice(found) if found else None

    def removed(self, rules):
        rule = self.alone(rules)
        return rule and len(rules) > 1 and ([other for other in rules if other is not rule], rule.name, None)

    def replaced(self, rules):
        """By one with another key: it begins anew."""
        rule = self.alone(rules)
        other = rule and self.fresh(rules, rule.name)
        if not other or {tuple(rule.keys), tuple(rule.also_by or rule.keys)} & {tuple(other.keys), tuple(other.also_by or other.keys)}:
            return None
        return put(rules, rule, other), rule.name, "new"

    def said_otherwise(self, rules):
        rule = self.alone(rules)
        if not rule:
            return None
        how = self.r.randrange(4)
        if how == 0 and (rule.severity is None or rule.severity[0] == "level"):    # else a field of a step may no longer be kept
            other = replace(rule, severity=("level", self.r.choice(LEVELS)))
        elif how == 1 and rule.throttle is not None and rule.throttle > 1:
            other = replace(rule, throttle=rule.throttle // 2)      # a longer one asks for what may be forgotten
        elif how == 2 and rule.fields and rule.repeat is None and rule.timeout is None and not rule.also_by:
            other = replace(rule, fields=rule.fields + [("more", ("const", self.r.randint(1, 9)))])
        elif how == 3 and rule.items and rule.exempt is None:
            other = replace(rule, exempt=("==", ("const", 1), ("const", self.r.choice((1, 2)))))
        else:
            return None
        return put(rules, rule, other), rule.name, "kept"

    def judged_otherwise(self, rules):
        rule = self.alone(rules)
        if not rule or rule.kind != "threshold" or rule.when is None or rule.also_by or rule.hold or (rule.over and rule.over[0] in CLOSING):
            return None
        if any(asks_beyond(x) for x in parts_of(with_lets(rule, rule.when))):
            return None
        self.number += 1        # the same condition twice would be no change
        constant = ("==", ("const", self.number), ("const", self.number + self.r.choice((0, 1))))
        return put(rules, rule, replace(rule, when=(self.r.choice(("and", "or")), rule.when, constant))), rule.name, "window"


def asks_beyond(x):
    """More than the window: then it begins anew."""
    return x[0] in ("prev", "changed", "new", "prof", "prof of", "open", "open at end", "in list", "cell", "now", "now at end", "local", "in calendar", "key") or x[1:2] in (("forecast",), ("slope",))


def with_lets(rule, x):
    lets = dict(rule.lets)
    if isinstance(x, tuple):
        return with_lets(rule, lets[x[1]]) if x[:1] == ("let",) else tuple(with_lets(rule, y) for y in x)
    return x


def put(rules, rule, other):
    return [other if one is rule else one for one in rules]


def asks_back(rule):
    return any(x[0] in ("prev", "changed", "new") for y in all_expressions(rule) for x in parts_of(y)) or bool(rule.silence)


# ---- what they mean ----

class ChangingRun(Run):
    def watch_known_keys(self, desk):
        """Keys of a rule that comes later count from the instant of the change."""
        begin, self.begin = self.begin, self.begin if self.pos == 0 and self.clock[0] < 0 else self.clock[0]
        super().watch_known_keys(desk)
        self.begin = begin

    def change(self, rules, fates):
        before = {(desk.rule.name, number_among(self.desks, desk)): desk for desk in self.desks}
        told = self.told
        self.told = Told(self, rules)
        self.told.n = told.n
        self.asked = {name for rule in rules for name in asked_by(rule)}
        self.found = None
        self.desks, counts = [], {}
        for rule in sorted(instances(rules), key=lambda rule: (self.told.levels[rule.name], rule.name)):
            number = counts.get(rule.name, 0)
            counts[rule.name] = number + 1
            desk = before[rule.name, number] if fates[rule.name] != "new" else None
            if desk:
                self.goes_on(desk, rule, fates[rule.name])
            else:
                desk = Desk(rule, self)
            self.desks.append(desk)
            if fates[rule.name] == "new":
                self.watch_known_keys(desk)

    def goes_on(self, desk, rule, fate):
        if fate == "same":
            rule = desk.rule
        desk.rule = rule
        for state in desk.states.values():
            state.rule = rule
            if fate == "window":
                if has_emptied(state, state.view(self.clock)):
                    state.counted = []
                holds = bool(state.counted) and bool(value(rule.when, state.view(self.clock)))
                state.since, state.spent = (self.clock[0], True) if holds else (None, False)


def has_emptied(state, view):
    """No event is left in any window that an aggregate of the rule has: such a key is as a new one."""
    overs = {x[5] or view.rule.over or ("ever",) for y in all_expressions(state.rule) for x in parts_of(y) if x[0] == "win"}
    return bool(overs) and not any(events_in(over, view) for over in overs)


def number_among(desks, desk):
    return [other for other in desks if other.rule.name == desk.rule.name].index(desk)


def run_changing(rules, events, changes, end):
    it, due = ChangingRun(rules, events), list(changes)
    for event in events:
        while due and due[0][0] <= event.pos:
            it.change(*due.pop(0)[1:])
        it.on_event(event)
    it.run_timers((end, EVENT))
    return it.alerts
