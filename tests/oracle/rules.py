"""rules.py: a rule as a small structure, and what its expressions say. For the random tests (naive.py tells why).

The idea: a rule never reaches the oracle as text, so that it shares no parser with the engine. Every aggregate is computed from the
whole history of the key whenever it is asked for; sums are exact (fractions) and rounded once. An int is an int here, a decimal a Fraction,
a number a float.

Instants. Time is a pair (ms, phase): a tumbling window closes in phase CLOSE of its end, events act in phase EVENT, every other
timer in phase TIMER. So a timer at T sees all events at T, and what is exactly at a bound is inside.

Expressions are tuples: ("const", c) ("f", field) ("step", item, field) ("stepstream", item) ("agg", fn, item, field, where)
("prev", field) ("changed", field) ("new", field, ms) ("prof", member) ("win", fn, label, field, where, over) ("let", name) ("which", let, let…)
("null?", x) ("not", x) ("and", x…) ("or", x…) ("in", x, (c…)) ("call", function, x…)
("+" "-" "*" "/" "==" "!=" "<" "<=" ">" ">=", x, y). None is null. `over` is ("sliding", ms), ("ever",),
("tumbling", ms), ("session", ms), or None for the rule's own.
"""
import math
import operator
from dataclasses import dataclass, field
from fractions import Fraction

CLOSE, EVENT, TIMER = 0, 1, 2


@dataclass
class Atom:                     # "label: stream [cond]"
    stream: str
    cond: tuple = None
    label: str = ""


@dataclass
class Item:                     # one step of a sequence, or a loop of one; max None: no bound
    name: str
    atoms: list
    min: int = 1
    max: int = 1
    strict: bool = False
    greedy: bool = False
    own_within: int = None      # (x: s {3,} within 5s)
    link: str = "then"          # from the item before
    link_within: int = None
    nots: list = field(default_factory=list)    # what must not come between the item before and this one


@dataclass
class Rule:
    kind: str                   # "sequence" or "threshold"
    name: str = "r1"
    keys: list = field(default_factory=list)    # names of fields; none: the whole stream is one key
    alias: dict = None          # stream -> field: `by id = a.k | b.s`; keys is then ["id"]
    also_by: list = None        # a second `by`: one more rule of the same name
    lets: list = field(default_factory=list)    # (name, expression)
    fields: list = field(default_factory=list)  # (name, expression) of the alert block
    when: tuple = None
    exempt: tuple = None        # except
    throttle: int = None
    escalate_on: list = field(default_factory=list)
    escalate_within: int = None
    resolve_on: list = field(default_factory=list)
    resolve_when: tuple = None
    resolve_for: int = None
    profile: tuple = None       # (Atom, [(member, expression)]), by the rule's keys
    # A sequence. No items and an absence: a lone absence.
    items: list = field(default_factory=list)
    within: int = None
    absence: list = field(default_factory=list)     # atoms
    absence_for: int = None                         # None: to the end of `within`
    silence: list = field(default_factory=list)     # atoms of `not x for D` at the start
    silence_for: int = None
    idle: int = None
    unless: list = field(default_factory=list)      # (atoms, number of the item after which it holds, or None)
    skip: tuple = ("past",)     # ("past",) ("next",) ("no",) ("first", item) ("last", item)
    # A threshold.
    watch: list = field(default_factory=list)
    over: tuple = None
    hold: int = None            # when … for


class Event:
    __slots__ = ("pos", "stream", "time", "f", "idx")

    def __init__(self, pos, stream, time, fields):
        self.pos, self.stream, self.time, self.f, self.idx = pos, stream, time, fields, None


@dataclass
class View:
    """What an expression may look at. history: all events of the key so far, `event` is history[event.idx]."""
    rule: Rule
    event: Event
    history: list
    bound: list = ()            # for each item its bound events
    counted: list = ()          # (event, label): what the rule's own window may count
    now: tuple = (0, EVENT)
    session: list = ()


@dataclass
class Alert:
    kind: str                   # "alert", "resolved" or "escalated"
    key: tuple
    time: int
    fields: list = ()
    evidence: list = ()         # (step, position of the event)
    started: int = None
    held: int = 0


COMPARE = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def value(x, view):
    op = x[0]
    if op in COMPARE:
        a, b = value(x[1], view), value(x[2], view)
        return a is not None and b is not None and COMPARE[op](a, b)
    if op == "f":
        return view.event.f.get(x[1]) if view.event else None
    if op == "const":
        return x[1]
    if op == "and":
        return all(value(y, view) for y in x[1:])
    if op == "or":
        return any(value(y, view) for y in x[1:])
    if op == "not":
        return not value(x[1], view)
    if op == "null?":
        return value(x[1], view) is None
    if op == "step":
        events = view.bound[x[1]]
        return events[-1].f.get(x[2]) if events else None
    if op == "stepstream":
        events = view.bound[x[1]]
        return events[-1].stream if events else None
    if op == "agg":
        return aggregate(x[1], x[3], [e for e in view.bound[x[2]] if x[4] is None or value(x[4], View(view.rule, e, view.history))])
    if op == "win":
        return window_value(x, view)
    if op == "in":
        return value(x[1], view) in x[2]
    if op == "which":
        return ", ".join(name for name in x[1:] if value(("let", name), view))
    if op == "let":
        return value(dict(view.rule.lets)[x[1]], view)
    if op in ("+", "-", "*", "/"):
        a, b = value(x[1], view), value(x[2], view)
        if a is None or b is None or (op == "/" and b == 0):
            return None
        return a + b if op == "+" else a - b if op == "-" else a * b if op == "*" else float(Fraction(a) / Fraction(b))
    if op == "call":
        return call(x[1], [value(y, view) for y in x[2:]])
    return history_value(x, view)


def call(name, args):
    if name == "coalesce":
        return next((a for a in args if a is not None), None)
    if name == "if":
        return args[1] if args[0] else args[2]
    if None in args:
        return None
    return {"least": min, "greatest": max, "abs": abs}[name](*args)


def history_value(x, view):
    """What the key's earlier events say: all before the event at hand, in order."""
    event, name = view.event, x[1]
    earlier = view.history[:event.idx]
    same = [y for y in earlier if y.stream == event.stream]
    if x[0] == "prev":
        return same[-1].f.get(name) if same else None
    if x[0] == "changed":
        return bool(same) and same[-1].f[name] != event.f[name]
    if x[0] == "new":
        return not any(y.f[name] == event.f[name] and event.time - y.time <= x[2] for y in same)
    if x[0] == "prof":
        source, members = view.rule.profile
        counted = [(y, "") for y in earlier if fits([source], y, view)]
        expr = dict(members)[name]
        over = expr[5] or ("ever",)     # never the window of the rule that asks
        return window_value((*expr[:5], over), View(view.rule, event, view.history, (), counted, (event.time, EVENT)))
    raise ValueError(x)


def aggregate(fn, name, events):
    if fn == "count":
        return len(events)
    values = [e.f[name] for e in events if e.f.get(name) is not None]
    exact = [Fraction(v) for v in values] if fn in ("sum", "avg", "stddev") else None
    if fn == "sum":
        return float(sum(exact)) if values and isinstance(values[0], float) else sum(values)
    if fn == "distinct":
        return len(set(values))
    if not values:
        return None
    if fn == "avg":
        return float(sum(exact) / len(exact))
    if fn == "stddev":          # of the whole population
        mean = sum(exact) / len(exact)
        return math.sqrt(sum((v - mean) ** 2 for v in exact) / len(exact))
    return {"min": lambda: min(values), "max": lambda: max(values),
            "first": lambda: values[0], "last": lambda: values[-1]}[fn]()


def window_value(x, view):
    _, fn, label, name, where, over = x
    over = over or view.rule.over or ("ever",)
    time, phase = view.now
    if fn == "duration":
        return view.session[-1][0].time - view.session[0][0].time
    if over[0] == "session":
        events = view.session
    elif over[0] == "tumbling":
        events = [c for c in view.counted if time - over[1] <= c[0].time < time]
    elif over[0] == "ever":
        events = view.counted
    else:                       # an event exactly `size` ago counts until the timer at that instant
        events = [c for c in view.counted if time - c[0].time < over[1] or (time - c[0].time == over[1] and phase == EVENT)]
    chosen = [e for e, its_label in events if not label or its_label == label]
    if where:
        chosen = [e for e in chosen if value(where, View(view.rule, e, view.history))]
    return aggregate(fn, name, chosen)


def fits(atoms, event, view):
    """The atom that takes the event, or None. view: what is bound where the condition stands."""
    for atom in atoms:
        if atom.stream == event.stream:
            if atom.cond is None or value(atom.cond, View(view.rule, event, view.history, view.bound)):
                return atom
    return None


def windows_of(x):
    """All sizes of sliding windows that an expression names; None stands for the rule's own."""
    if not isinstance(x, tuple):
        return set()
    own = {x[5]} if x and x[0] == "win" else set()
    return own.union(*(windows_of(y) for y in x[1:]))


def all_atoms(rule):
    """All places where a rule names a stream."""
    lists = [item.atoms for item in rule.items] + [item.nots for item in rule.items] + [rule.absence, rule.silence, rule.watch, rule.resolve_on, rule.escalate_on]
    return [a for atoms in lists + [atoms for atoms, _ in rule.unless] for a in atoms]
