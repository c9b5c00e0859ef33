"""rules.py: a rule as a small structure. For the random tests (naive.py tells why).

The idea: a rule never reaches the oracle as text, so that it shares no parser with the engine. The generator makes these structures, the
printer writes them as rule text for the engine, and meaning/ says what they do. An int is an int here, a decimal a Fraction, a number a float.

Expressions are tuples, by subject. None is null.

sequence  ("before", fn, stream, field, where, over, item) ("step", item, field) ("stepstream", item) ("agg", fn, item, field, where)
("of", item, field) ("of stream", item): of each event the aggregate around it looks at; in place of its field may stand an expression
window    ("win", fn, label, field, where, over) ("win", "forecast", label, field, where, over, ms); `over` is ("sliding", ms),
          ("ever",), ("last", n), ("tumbling", ms), ("tumbling", ms, zone), ("hopping", ms, from start to start), ("session", ms), or None for
          the rule's own
known     ("prev", field) ("changed", field) ("new", field, ms) ("prof", member) ("prof of", member, key…) ("cell", table, column, key…) ("in list", list, x)
hours     ("local", function, t, zone) ("during", t, (from, to) in minutes of the day, zone) ("in calendar", calendar, x)
          ("now",) ("now at end",)
alert     ("open", rule) ("open at end", rule) ("level", name) ("key", number of the part)
values    ("const", c) ("f", field) ("let", name) ("which", let, let…) ("null?", x) ("not", x) ("and", x…) ("or", x…) ("in", x, (c…))
          ("call", function, x…) ("+" "-" "*" "/" "%" "==" "!=" "<" "<=" ">" ">=", x, y) ("minus", x) ("like", x, pattern)
          ("matches", x, expression of re)
"""
from dataclasses import dataclass, field, replace


class Time(int):
    """An instant in a field of an event, in ms since 1970."""


class Duration(int):
    """A constant length of time, in ms."""


@dataclass
class Hours:                    # an entry of a calendar, or `active`; None: not written
    without: bool = False       # begins with `not`
    weekdays: tuple = None      # (first, last), Monday 1
    dates: tuple = None         # (first, last) as datetime.date
    clock: tuple = None         # (from, to) in minutes of the day
    zone: str = None


@dataclass
class Table:
    key: tuple                  # names of columns
    columns: dict               # name -> type as it is declared
    rows: list                  # of dicts


@dataclass
class Content:                  # what the rules of a pair may know, by name
    lists: dict = field(default_factory=dict)
    tables: dict = field(default_factory=dict)
    calendars: dict = field(default_factory=dict)   # name -> list of Hours


@dataclass
class Atom:                     # "label: stream [cond]"
    stream: str
    cond: tuple = None
    label: str = ""


@dataclass
class Absence:                  # "then not a [c] | b for 5s", "next not a"
    atoms: list
    time: object = None         # for: ms, or an expression; None: as long as the gap, at the end to the end of `within`
    next: bool = False


@dataclass
class Item:                     # one step of a sequence, or a loop of one; max None: no bound
    name: str
    atoms: list
    min: int = 1
    max: int = 1
    strict: bool = False
    greedy: bool = False
    own_within: object = None      # (x: s {3,} within 5s)
    link: str = "then"          # from the item before
    link_within: object = None
    nots: list = field(default_factory=list)    # absences between the item before and this one
    until: list = field(default_factory=list)   # the atom that ends the loop
    until_own: bool = False     # until [c], on all of the loop's own streams


@dataclass
class Part:                     # of a pattern that is no line; see meaning/branch.py
    kind: str                   # "step", "loop", "seq", "or", "some", "silence"
    parts: list = field(default_factory=list)
    item: int = None            # step: number of its Item, which has a name and atoms alone
    min: int = 1                # loop; some: how many are needed
    max: int = 1
    strict: bool = False
    greedy: bool = False
    any: bool = False
    within: object = None       # seq
    link: str = "then"          # in a seq, from the part before
    every: bool = False         # then any
    link_within: object = None
    nots: list = field(default_factory=list)    # absences between the part before and this one
    during: list = field(default_factory=list)  # some, silence: what must not come until it is complete
    time: object = None         # silence: how long; None: until the `within` of the group around it is over
    until: list = field(default_factory=list)   # loop: the atom that ends it
    until_own: bool = False     # until [c], on all streams of its steps


def tree_parts(part):
    """The part and all below it."""
    found, todo = [], [part] if part else []
    while todo:
        found.append(todo.pop())
        todo += found[-1].parts[::-1]
    return found


@dataclass
class Rule:
    kind: str                   # "sequence" or "threshold"
    name: str = "r1"
    # The key.
    keys: list = field(default_factory=list)    # names of fields; none: the whole stream is one key
    alias: dict = None          # stream -> field or expression: `by id = a.k | places[b.s].owner`; keys is then ["id"]
    known_keys: str = None      # the table of `by k in table`
    also_by: list = None        # a second `by`: one more rule of the same name
    # What is said of a match.
    lets: list = field(default_factory=list)    # (name, expression)
    fields: list = field(default_factory=list)  # (name, expression) of the alert block
    signal: bool = False        # `signal` stands for `alert`: only rules that look at this one are told
    timeout: list = None        # the same of `on timeout alert`; without fields beside it matches are not told
    when: tuple = None
    # The life of an alert.
    exempt: tuple = None        # except
    throttle: int = None
    per: tuple = None           # throttle … per
    warm_up: int = None
    escalate: list = field(default_factory=list)    # (severity, within or None, atoms)
    repeat: int = None
    severity: tuple = None
    active: Hours = None
    limits: dict = field(default_factory=dict)  # "attempts" or "values" -> how many
    resolve_on: list = field(default_factory=list)
    resolve_when: tuple = None
    resolve_for: object = None
    # What is known.
    content: Content = None     # the same of all rules of a pair
    profile: tuple = None       # (Atom, [(member, expression)]), by the rule's keys
    # A sequence. No items and an absence: a lone absence.
    items: list = field(default_factory=list)
    shape: Part = None          # None: the items are a line
    within: object = None
    unless: list = field(default_factory=list)      # (atoms, number of the item after which it holds, or None)
    skip: tuple = ("past",)     # ("past",) ("next",) ("no",) ("first", item) ("last", item)
    # Silence.
    absence: list = field(default_factory=list)     # absences at the end; a lone one, when there are no items
    silence: list = field(default_factory=list)     # atoms of `not x for D` at the start
    silence_for: object = None
    idle: object = None
    # A threshold.
    watch: list = field(default_factory=list)
    over: tuple = None
    early: bool = False
    hold: object = None         # when … for: ms, or an expression


class Event:
    __slots__ = ("pos", "stream", "time", "f", "idx", "open")

    def __init__(self, pos, stream, time, fields):
        self.pos, self.stream, self.time, self.f = pos, stream, time, fields
        self.idx = None     # its place in the history of the key
        self.open = {}      # rule -> was its alert open for the key, when the rule at hand met the event?


def said(rule, kind):
    """What an alert of this kind says: (name, expression)."""
    return (rule.timeout if kind == "timeout" else rule.fields) + rule.lets


def stops(item):
    """The atoms that end the loop."""
    return [Atom(a.stream, item.until[0].cond) for a in item.atoms] if item.until and item.until_own else item.until


def stops_of(rule, loop):
    """The same of a loop in a tree."""
    if not loop.until or not loop.until_own:
        return loop.until
    steps = [part.item for part in tree_parts(loop) if part.kind == "step"]
    return [Atom(stream, loop.until[0].cond) for stream in sorted({a.stream for n in steps for a in rule.items[n].atoms})]


def all_spans(rule):
    """All bounds of a sequence: ms, None, or an expression that looks them up by the key."""
    spans = [rule.within, rule.idle, rule.silence_for] + [span for item in rule.items for span in (item.own_within, item.link_within)]
    return spans + [span for part in tree_parts(rule.shape) for span in (part.within, part.link_within)]


def looks_times_up(rule):
    silences = [part.time for part in tree_parts(rule.shape)]
    held = [rule.hold, rule.resolve_for]
    return any(isinstance(x, tuple) for x in all_spans(rule) + [gap.time for gap in all_gaps(rule)] + silences + held)


def all_gaps(rule):
    """All absences between steps and at the end."""
    return [gap for item in rule.items for gap in item.nots] + [gap for part in tree_parts(rule.shape) for gap in part.nots] + rule.absence


def all_atoms(rule):
    """All places where a rule names a stream."""
    lists = [atoms for item in rule.items for atoms in (item.atoms, item.until)] + [gap.atoms for gap in all_gaps(rule)]
    lists += [rule.silence, rule.watch, rule.resolve_on] + [atoms for _, _, atoms in rule.escalate] + [atoms for atoms, _ in rule.unless]
    lists += [atoms for part in tree_parts(rule.shape) for atoms in (part.during, part.until)]
    return [a for atoms in lists for a in atoms]


def all_expressions(rule):
    """All expressions of a rule but those of its profile."""
    named = [x for _, x in rule.lets + rule.fields + (rule.timeout or [])] + list((rule.alias or {}).values()) + [gap.time for gap in all_gaps(rule)] + all_spans(rule)
    named += [part.time for part in tree_parts(rule.shape)] + [rule.hold, rule.resolve_for]
    named = [x for x in named if isinstance(x, tuple)]
    return [x for x in [a.cond for a in all_atoms(rule)] + [rule.when, rule.resolve_when, rule.exempt, rule.severity] + named if x is not None]


def parts_of(x):
    """An expression and all expressions in it."""
    if isinstance(x, tuple):
        if x and isinstance(x[0], str):
            yield x
        for y in x:
            yield from parts_of(y)


def windows(rule):
    """All windows that a rule and its profile name."""
    members = [x for _, x in rule.profile[1]] if rule.profile else []
    found, todo = {rule.over} - {None}, all_expressions(rule) + members
    while todo:
        x = todo.pop()
        if isinstance(x, tuple):
            found |= {x[5]} - {None} if x[:1] == ("win",) else set()
            todo += x
    return found


def instances(rules):
    """A rule with two `by` is two rules of one name."""
    return [replace(rule, keys=keys, also_by=None) for rule in rules for keys in ([rule.keys, rule.also_by] if rule.also_by else [rule.keys])]
