"""naive.py: what rules do with a stream of events, followed word by word: the judge of the engine in the random tests.

The problem: the engine shares state between attempts, keeps windows by increments and wakes up only when it must. All of that can be
wrong in ways that hand-written tests do not reach. So here is the same language once more, as slow and plain as possible, with
nothing shared: every attempt is an object with its own list of bound events, a window is chosen from all events of the key whenever it is
asked for, and a timer is found by asking everything that waits.

Here stands the run: the order of events, timers, rules and keys. What a rule does at each of them stands in meaning/, by subject; the rules
are those of rules.py.
"""
from meaning import functions   # noqa: F401  it says what its expressions mean
from meaning.alert import Alert, Desk
from meaning.branch import BranchKey
from meaning.known import row_of
from meaning.place import EVENT, TIMER, View
from meaning.sequence import SequenceKey
from meaning.silence import LoneAbsenceKey
from meaning.told import Told, asked_by
from meaning.values import value
from meaning.window import ThresholdKey
from rules import Event, instances


def state_of(rule):
    """The class that keeps what a key has to do with the rule."""
    if rule.kind == "threshold":
        return ThresholdKey
    if rule.shape:
        return BranchKey
    return SequenceKey if rule.items else LoneAbsenceKey


def key_order(key):
    """Timers of one instant act in the order of their keys: any fixed one would do, this has texts of few bytes first."""
    return [(len(part.encode()), part.encode()) if isinstance(part, str) else (0, part) for part in key]


def knows_its_keys(rule):
    """A lone absence over `by k in table`: its keys are those of the table. For other rules `in table` says nothing."""
    return bool(rule.known_keys) and state_of(rule) is LoneAbsenceKey


def key_of(rule, event):
    """The key that the event means to the rule; None: it means none."""
    names = rule.keys if rule.alias is None else [rule.alias.get(event.stream)]
    key = tuple(value(name, View(Desk(rule, None), event, [])) if isinstance(name, tuple) else event.f.get(name) for name in names)
    if knows_its_keys(rule) and row_of(rule.content.tables[rule.known_keys], key) is None:
        return None
    return None if None in key else key


class Run:
    """All rules over one stream of events. Rules meet an event, and timers of one instant, in order of their names, but after those they look at."""

    def __init__(self, rules, events):
        self.alerts = []
        self.told = Told(self, rules)
        self.pos = 0            # of the last event
        self.begin = events[0].time if events else None
        self.clock = (-1 << 62, EVENT)
        self.found = None       # all timers, as they are now
        self.desks = [Desk(rule, self) for rule in sorted(instances(rules), key=lambda rule: (self.told.levels[rule.name], rule.name))]
        for desk in self.desks:
            self.watch_known_keys(desk)
        self.asked = {name for rule in rules for name in asked_by(rule)}

    def watch_known_keys(self, desk):
        """A lone absence over `by k in table`: the keys of the table count from the first instant."""
        rule = desk.rule
        if not knows_its_keys(rule) or self.begin is None:
            return
        table = rule.content.tables[rule.known_keys]
        for row in table.rows:
            key = tuple(row[name] for name in table.key)
            desk.states[key] = state_of(rule)(rule, key, desk)
            desk.states[key].armed = self.begin

    def timers(self):
        """Asked again when something may have changed."""
        if self.found is None:
            self.found = [(t, i, key) for i, desk in enumerate(self.desks) for key, state in desk.states.items()
                          for t in state.timers() + desk.timers(key)]
        return self.found

    def run_timers(self, until):
        while True:
            due = [t for t, _, _ in self.timers() if self.clock < t < until]
            if not due:
                self.clock = until
                return
            self.clock = min(due)
            # A timer has seen what was told below it at this instant; a window closes before that.
            levels = sorted(set(self.told.levels.values())) if self.clock[1] == TIMER else [None]
            for level in levels:
                self.run_level(level)
            self.told.drain()

    def run_level(self, level):
        """The timers of this instant of rules of this level; None: of all."""
        if level is not None:
            self.told.drain(level)
        now = {(i, key) for t, i, key in self.timers() if t == self.clock and level in (None, self.told.levels[self.desks[i].rule.name])}
        for i, key in sorted(now, key=lambda pair: (pair[0], key_order(pair[1]))):
            desk, state = self.desks[i], self.desks[i].states[key]
            self.found = None
            if self.clock in state.timers():
                state.on_timer(self.clock)
            if self.clock in desk.timers(key):
                desk.on_timer(key)

    def is_open(self, name, event):
        return any(key_of(desk.rule, event) in desk.open for desk in self.desks if desk.rule.name == name)

    def on_event(self, event):
        if (event.time, EVENT) < self.clock:
            self.alerts.append(Alert(None, "late", (), event.time, evidence=event.pos))
            return
        self.run_timers((event.time, EVENT))
        self.pos = event.pos
        self.show(event)
        self.told.drain()

    def show(self, event):
        self.found = None
        for desk in self.desks:
            key = key_of(desk.rule, event)
            if key is None:
                continue
            state = desk.states.setdefault(key, None) or state_of(desk.rule)(desk.rule, key, desk)
            desk.states[key] = state
            own = Event(event.pos, event.stream, event.time, event.f)
            own.open = {name: self.is_open(name, event) for name in self.asked}
            desk.on_event(key, own, View(desk, None, state.history))
            state.on_event(own)


def run(rules, events, end):
    """Events in order of (time, position); at last the clock goes to `end`. Gives the alerts in order; each names its rule."""
    it = Run(rules, events)
    for event in events:
        it.on_event(event)
    it.run_timers((end, EVENT))
    return it.alerts
