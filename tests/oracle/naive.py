"""naive.py: what a rule does with a stream of events, followed word by word: the judge of the engine in the random tests.

The problem: the engine shares state between attempts, keeps windows by increments and wakes up only when it must. All of that can be
wrong in ways that hand-written tests do not reach. So here is the same language once more, as slow and plain as possible, with
nothing shared: every attempt is an object with its own list of bound events, and a timer is found by asking everything that waits.
Rules and expressions are those of rules.py.
"""
from rules import CLOSE, EVENT, TIMER, View, Alert, fits, value, windows_of


class Desk:
    """From matches to alerts: throttle, and the one open alert of a key where the rule has `resolve`."""

    def __init__(self, rule):
        self.rule, self.alerts = rule, []
        self.last, self.held, self.open, self.may_escalate = {}, {}, set(), set()
        self.resolves = bool(rule.resolve_on or rule.resolve_when)

    def match(self, key, time, view, evidence, started):
        if key in self.open or (self.rule.exempt and value(self.rule.exempt, view)):
            return
        last = self.last.get(key)
        if self.rule.throttle is not None and last is not None and time - last <= self.rule.throttle:
            self.held[key] = self.held.get(key, 0) + 1
            return
        fields = [value(x, view) for _, x in self.rule.fields + self.rule.lets]
        self.alerts.append(Alert("alert", key, time, fields, evidence, started, self.held.pop(key, 0)))
        self.last[key] = time
        if self.resolves:
            self.open.add(key)
        if self.rule.escalate_on:
            self.may_escalate.add(key)

    def on_event(self, key, event, view):
        """What was told before this event may be raised or ended by it; the matches it makes come after."""
        rule = self.rule
        in_time = rule.escalate_within is None or (key in self.last and event.time - self.last[key] <= rule.escalate_within)
        if key in self.may_escalate and in_time and fits(rule.escalate_on, event, view):
            self.may_escalate.discard(key)
            self.alerts.append(Alert("escalated", key, event.time))
        if key in self.open and fits(rule.resolve_on, event, view):
            self.resolve(key, event.time)

    def resolve(self, key, time):
        self.open.discard(key)
        self.may_escalate.discard(key)
        self.alerts.append(Alert("resolved", key, time))


# ---- sequences ----

class Attempt:
    """One partial match: where it stands, and everything it has bound."""

    def __init__(self, n_items):
        self.item = -1
        self.bound = [[] for _ in range(n_items)]
        self.events = []        # (item, event) in order

    def bind(self, item, event):
        self.item = item
        self.bound[item].append(event)
        self.events.append((item, event))

    first = property(lambda self: self.events[0][1])
    last = property(lambda self: self.events[-1][1])
    order = property(lambda self: [event.pos for _, event in self.events])


class SequenceKey:
    def __init__(self, rule, key, desk):
        self.rule, self.key, self.desk = rule, key, desk
        self.history = []
        self.attempts = []
        self.armed = None       # lone absence: since when there is silence
        self.blank = [[] for _ in rule.items]
        atoms = [a for item in rule.items for a in item.atoms + item.nots] + rule.absence + rule.silence
        self.streams = {a.stream for a in atoms} | {a.stream for atoms, _ in rule.unless for a in atoms}

    def view(self, attempt, event=None):
        return View(self.rule, event, self.history, attempt.bound)

    def next_items(self, item):
        """Items that may take an event when all before `item` are done, the preferred first: the furthest, but for greedy."""
        if item == len(self.rule.items):
            return []
        if self.rule.items[item].min > 0:
            return [item]
        further = self.next_items(item + 1)
        return [item] + further if self.rule.items[item].greedy else further + [item]

    def choices(self, attempt):
        at = attempt.item
        if at < 0:
            return self.next_items(0)
        item, n = self.rule.items[at], len(attempt.bound[at])
        again = [at] if item.max is None or n < item.max else []
        further = self.next_items(at + 1) if n >= item.min else []
        return again + further if item.greedy else further + again

    def since(self, attempt):
        """Events of the key after the last one that the attempt has bound, but for the one at hand (the last of history)."""
        return self.history[attempt.last.idx + 1:]

    def takes(self, attempt, at, event):
        item = self.rule.items[at]
        if not fits(item.atoms, event, self.view(attempt)):
            return False
        if attempt.item < 0:
            return True
        if self.rule.within is not None and event.time - attempt.first.time > self.rule.within:
            return False
        between = self.since(attempt)[:-1]
        gap = any(x.stream in self.streams for x in between)
        if at == attempt.item:
            own = item.own_within is None or event.time - attempt.bound[at][0].time <= item.own_within
            return own and not (item.strict and gap)
        if item.link == "next" and gap:
            return False
        if item.link_within is not None and event.time - attempt.last.time > item.link_within:
            return False
        return not any(fits(item.nots, x, self.view(attempt)) for x in between)

    def advance(self, attempt, event):
        for at in self.choices(attempt):
            if self.takes(attempt, at, event):
                attempt.bind(at, event)
                return True
        return False

    def at_end(self, attempt):
        """All that must be bound is."""
        enough = len(attempt.bound[attempt.item]) >= self.rule.items[attempt.item].min
        return enough and all(item.min == 0 for item in self.rule.items[attempt.item + 1:])

    def when_holds(self, attempt):
        return self.rule.when is None or value(self.rule.when, self.view(attempt))

    def cancelled(self, attempt, event):
        return any((after is None or attempt.bound[after]) and fits(atoms, event, self.view(attempt))
                   for atoms, after in self.rule.unless)

    def is_idle(self, time):
        """Has the key been quiet on the rule's streams for longer than attempts live?"""
        heard = [x.time for x in self.history if x.stream in self.streams]
        return self.rule.idle is not None and bool(heard) and time - heard[-1] > self.rule.idle

    def was_silent(self, event):
        """`not x for D` at the start: heard of by nobody for longer, and listened to for longer."""
        if not self.rule.silence:
            return True
        past = [x for x in self.history[:event.idx] if event.time - x.time <= self.rule.silence_for]
        return (event.time - self.desk.begin > self.rule.silence_for
                and not any(fits(self.rule.silence, x, View(self.rule, x, self.history[:x.idx + 1], self.blank)) for x in past))

    def on_event(self, event):
        if event.stream in self.streams and self.is_idle(event.time):
            self.attempts = []
        event.idx = len(self.history)
        self.history.append(event)
        if event.stream not in self.streams:
            return
        if not self.rule.items:
            self.lone_absence_event(event)
            return
        moved, kept = [], []
        for attempt in self.attempts:
            if self.advance(attempt, event):
                moved.append(attempt)
                kept.append(attempt)
            elif not self.cancelled(attempt, event):
                kept.append(attempt)
        begun = Attempt(len(self.rule.items))
        if self.was_silent(event) and self.advance(begun, event):
            moved.append(begun)
            kept.append(begun)
        self.attempts = kept
        if not self.rule.absence:
            finished = [a for a in moved if self.at_end(a)]
            complete = [a for a in finished if self.when_holds(a)]
            if self.rule.items[-1].max == 1:    # no loop at the end that could make `when` true yet
                self.attempts = [a for a in self.attempts if a not in finished or a in complete]
            self.report(complete, event.time)

    def report(self, complete, time):
        for attempt in sorted(complete, key=lambda a: a.order):
            if attempt not in self.attempts:
                continue        # dropped by the report of one before it
            evidence = [(self.rule.items[i].name, e.pos) for i, e in attempt.events]
            self.desk.match(self.key, time, self.view(attempt), evidence, attempt.first.time)
            self.attempts.remove(attempt)
            self.skip(attempt)

    def skip(self, match):
        how = self.rule.skip[0]
        if how == "past":
            self.attempts = []
        elif how == "next":
            self.attempts = [a for a in self.attempts if a.first.pos > match.first.pos]
        elif how in ("first", "last"):
            events = match.bound[self.rule.skip[1]]
            if events:
                place = events[0 if how == "first" else -1].pos
                self.attempts = [a for a in self.attempts if a.first.pos >= place]

    # Absence at the end, and alone.

    def deadline(self, attempt):
        if not self.at_end(attempt):
            return None
        if self.rule.absence_for is None:
            return attempt.first.time + self.rule.within
        return attempt.last.time + self.rule.absence_for

    def timers(self):
        if self.armed is not None:
            return [(self.armed + self.rule.absence_for, TIMER)]
        if not self.rule.absence or not self.rule.items:
            return []
        return [(d, TIMER) for d in map(self.deadline, self.attempts) if d is not None]

    def on_timer(self, now):
        if self.armed is not None:
            self.desk.match(self.key, now[0], View(self.rule, None, self.history), [], None)
            self.armed = None
            return
        if self.is_idle(now[0]):
            self.attempts = []
        due = [a for a in self.attempts if self.deadline(a) == now[0]]
        silent = [a for a in due if not any(fits(self.rule.absence, x, self.view(a)) for x in self.since(a))]
        self.report([a for a in silent if self.when_holds(a)], now[0])
        self.attempts = [a for a in self.attempts if a not in silent]

    def lone_absence_event(self, event):
        """Any event of the key arms it; one that fits ends the silence and begins the next."""
        if self.armed is None or fits(self.rule.absence, event, View(self.rule, None, self.history)):
            self.armed = event.time


# ---- thresholds ----

class ThresholdKey:
    def __init__(self, rule, key, desk):
        self.rule, self.key, self.desk = rule, key, desk
        self.history, self.counted, self.session = [], [], []
        self.since = None       # `when` is true since then; None: false
        self.spent = False      # this edge has fired
        self.resolving = None   # `resolve when` is true since then
        judged = [rule.when, rule.resolve_when] + [x for _, x in rule.lets]
        overs = {o or rule.over for x in judged for o in windows_of(x)}
        self.sizes = {o[1] for o in overs if o and o[0] == "sliding"}
        self.at_close = rule.over and rule.over[0] in ("tumbling", "session")

    def view(self, now):
        newest = self.counted[-1][0] if self.counted else None
        return View(self.rule, newest, self.history, (), self.counted, now, self.session)

    def on_event(self, event):
        event.idx = len(self.history)
        self.history.append(event)
        atom = fits(self.rule.watch, event, View(self.rule, None, self.history))
        if not atom:
            return
        self.counted.append((event, atom.label))
        self.session.append((event, atom.label))
        if not self.at_close:
            self.change((event.time, EVENT))

    def match(self, now):
        self.desk.match(self.key, now[0], self.view(now), None, None)

    def change(self, now):
        view = self.view(now)
        if self.rule.when is None:      # every fitting event is a match
            if now[1] == EVENT:
                self.match(now)
        elif not value(self.rule.when, view):
            self.since, self.spent = None, False
        elif self.since is None:
            self.since = now[0]
            if self.rule.hold is None:
                self.spent = True
                self.match(now)
        if self.rule.resolve_when and self.key in self.desk.open:
            if not value(self.rule.resolve_when, view):
                self.resolving = None
            elif self.rule.resolve_for is None:
                self.desk.resolve(self.key, now[0])
            elif self.resolving is None:
                self.resolving = now[0]

    def timers(self):
        if self.rule.over and self.rule.over[0] == "tumbling":
            size = self.rule.over[1]
            return [((e.time // size + 1) * size, CLOSE) for e, _ in self.counted]
        if self.rule.over and self.rule.over[0] == "session":
            return [(self.session[-1][0].time + self.rule.over[1], TIMER)] if self.session else []
        timers = [(e.time + size, TIMER) for e, _ in self.counted for size in self.sizes]
        if self.rule.hold is not None and self.since is not None and not self.spent:
            timers.append((self.since + self.rule.hold, TIMER))
        if self.resolving is not None:
            timers.append((self.resolving + self.rule.resolve_for, TIMER))
        return timers

    def on_timer(self, now):
        if self.at_close:
            if self.rule.when is None or value(self.rule.when, self.view(now)):
                self.match(now)
            self.session = []
            return
        self.change(now)        # what leaves at this instant; nothing does: the same again
        if self.rule.hold is not None and self.since is not None and not self.spent and self.since + self.rule.hold == now[0]:
            self.spent = True
            self.match(now)
        if self.resolving is not None and self.resolving + self.rule.resolve_for == now[0]:
            self.resolving = None
            self.desk.resolve(self.key, now[0])


# ---- the run ----

def key_order(key):
    """Timers of one instant act in the order of their keys: any fixed one would do, this has short texts first."""
    return [(len(part) if isinstance(part, str) else 0, part) for part in key]


def run(rule, events, end):
    """Events in order of (time, position); at last the clock goes to `end`. Gives the alerts in order."""
    desk, states = Desk(rule), {}
    desk.begin = events[0].time if events else None
    make = SequenceKey if rule.kind == "sequence" else ThresholdKey
    clock = (-1 << 62, EVENT)

    def run_timers(until):
        nonlocal clock
        while True:
            due = [(t, key) for key, state in states.items() for t in state.timers() if clock < t < until]
            if not due:
                clock = until
                return
            clock = min(t for t, _ in due)
            for key in sorted({key for t, key in due if t == clock}, key=key_order):
                states[key].on_timer(clock)

    for event in events:
        names = rule.keys if rule.alias is None else [rule.alias.get(event.stream)]
        if any(event.f.get(name) is None for name in names):
            continue
        run_timers((event.time, EVENT))
        key = tuple(event.f[name] for name in names)
        if key not in states:
            states[key] = make(rule, key, desk)
        desk.on_event(key, event, View(rule, None, states[key].history))
        states[key].on_event(event)
    run_timers((end, EVENT))
    return desk.alerts
