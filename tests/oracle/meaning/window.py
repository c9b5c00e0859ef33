"""window.py: threshold rules. What is in a window is chosen from all events of the key, each time it is asked."""
import math

from meaning.aggregates import aggregate, shape
from meaning.frames import window_of
from meaning.place import CLOSE, EVENT, TIMER, View
from meaning.values import fits, means, value
from rules import all_expressions, parts_of


CLOSING = ("tumbling", "hopping", "session")


def session_of(counted, gap, now):
    """The session that is open at this instant."""
    events = []
    for c in reversed(counted):
        apart = (events[0][0].time if events else now[0]) - c[0].time
        if apart > gap or (not events and apart == gap and now[1] == TIMER):
            break
        events.insert(0, c)
    return events


def events_in(over, view):
    (time, phase), rule = view.now, view.rule
    if over[0] == "ever":
        return view.counted
    if over[0] == "last":
        return view.counted[-over[1]:]
    if over[0] == "session":
        return view.session if over == rule.over and view.session is not None else session_of(view.counted, over[1], view.now)
    if over[0] == "hopping":
        start, end = view.hop or (time - over[1], time)
        return [c for c in view.counted if start <= c[0].time < end]
    if over[0] == "tumbling":   # at its end a window that closes sees others as they were the instant before
        closing = phase == CLOSE and rule.over is not None and rule.over[0] in CLOSING
        start, end = window_of(over, time - closing)
        return [c for c in view.counted if start <= c[0].time < end]
    # An event exactly `size` ago counts until the timer at that instant.
    return [c for c in view.counted if time - c[0].time < over[1] or (time - c[0].time == over[1] and phase != TIMER)]


@means("win")
def window_value(x, view):
    _, fn, label, name, where, over, *ahead = x
    events = events_in(over or view.rule.over or ("ever",), view)
    if fn == "duration":
        return events[-1][0].time - events[0][0].time if events else 0
    chosen = [e for e, its_label in events if not label or its_label == label]
    if where:
        chosen = [e for e in chosen if value(where, View(view.desk, e, view.history))]
    if fn in ("slope", "forecast"):
        return shape(fn, name, chosen, view.now[0] + sum(ahead))
    return aggregate(fn, name, chosen)


def windows_of(x, lets):
    """All windows that an expression looks at, by way of lets, too; None stands for the rule's own."""
    if not isinstance(x, tuple):
        return set()
    if x and x[0] == "let":
        return windows_of(lets[x[1]], lets)
    own = {x[5]} if x and x[0] == "win" else set()
    return own.union(*(windows_of(y, lets) for y in x[1:]))


class ThresholdKey:
    def __init__(self, rule, key, desk):
        self.rule, self.key, self.desk = rule, key, desk
        self.history, self.counted, self.session = [], [], []
        self.since = None       # `when` is true since then; None: false
        self.spent = False      # this edge has fired
        self.resolving = None   # `resolve when` is true since then
        self.asked = {o or rule.over for x in (rule.when, rule.resolve_when) for o in windows_of(x, dict(rule.lets))} - {None}
        self.at_close = rule.over is not None and rule.over[0] in CLOSING
        self.told = set()       # windows that fired early, by their end or first event
        # Each event is a match of its own, and its evidence.
        self.looks_at_one = rule.when is None and (rule.over or ("ever",)) == ("ever",) and not any(x[0] == "win" for y in all_expressions(rule) for x in parts_of(y))

    def view(self, now, hop=None):
        newest = self.counted[-1][0] if self.counted else None
        return View(self.desk, newest, self.history, (), self.counted, now, self.session, self.key, hop)

    def on_event(self, event):
        event.idx = len(self.history)
        self.history.append(event)
        atom = fits(self.rule.watch, event, View(self.desk, None, self.history))
        if not atom:
            return
        self.counted.append((event, atom.label))
        self.session.append((event, atom.label))
        self.keep_limit(event.time)
        if not self.at_close:
            self.change((event.time, EVENT))
        elif self.rule.early and self.rule.over[0] == "hopping":
            self.judge_hop((event.time, EVENT))
        elif self.rule.early:
            self.judge_window((event.time, EVENT), self.window_name(event.time))

    def window_name(self, time):
        """Of the window that holds the instant."""
        return self.session[0][0].pos if self.rule.over[0] == "session" else window_of(self.rule.over, time)[1]

    def judge_window(self, now, name, hop=None):
        if name not in self.told and (self.rule.when is None or value(self.rule.when, self.view(now, hop))):
            self.told.add(name)
            self.match(now, hop)
        self.judge_end(now, hop)

    def judge_hop(self, now):
        """Early: the oldest of the hopping windows that hold the instant."""
        _, size, every = self.rule.over
        start = (now[0] - size) // every * every + every
        if any(start <= e.time < start + size for e, _ in self.counted):
            self.judge_window(now, start + size, (start, start + size))

    def keep_limit(self, time):
        """More events are in a sliding window than the rule allows: the oldest goes."""
        while "values" in self.rule.limits:
            inside = [c for c in self.counted if time - c[0].time <= self.rule.over[1]]
            if len(inside) <= self.rule.limits["values"]:
                return
            self.counted.remove(inside[0])
            self.desk.dropped[self.key] = time

    def match(self, now, hop=None):
        alone = self.counted[-1:] if self.looks_at_one else []
        self.desk.match(self.key, now[0], self.view(now, hop), [("", e.pos) for e, _ in alone], now[0])

    def change(self, now):
        if self.rule.when is None:      # every fitting event is a match
            if now[1] == EVENT:
                self.match(now)
        elif not value(self.rule.when, self.view(now)):
            self.since, self.spent = None, False
        elif self.since is None:
            self.since = now[0]
            if self.lasts(self.rule.hold) == 0:
                self.spent = True
                self.match(now)
        self.judge_end(now)

    def lasts(self, span):
        """How long something must hold; inf: nobody knows."""
        if isinstance(span, tuple):
            found = value(span, View(self.desk, None, [], key=self.key))
            return math.inf if found is None else max(found, 0)
        return span or 0

    def judge_end(self, now, hop=None):
        """`resolve when`"""
        if self.rule.resolve_when and self.key in self.desk.open:
            if not value(self.rule.resolve_when, self.view(now, hop)):
                self.resolving = None
            elif self.lasts(self.rule.resolve_for) == 0:
                self.desk.resolve(self.key, now[0])
            elif self.resolving is None:
                self.resolving = now[0]

    def closes(self):
        """When the rule's own window closes."""
        over = self.rule.over
        if over[0] == "session":
            return {(self.session[-1][0].time + over[1], TIMER)} if self.session else set()
        if over[0] == "tumbling":
            return {(window_of(over, e.time)[1], CLOSE) for e, _ in self.counted}
        _, size, every = over
        return {(start + size, CLOSE) for e, _ in self.counted for start in range((e.time - size) // every * every + every, e.time + 1, every)}

    def leavings(self):
        """When something leaves a window that a condition looks at."""
        found = set()
        for over in self.asked:
            if over[0] == "sliding":
                found |= {(e.time + over[1], TIMER) for e, _ in self.counted}
            elif over[0] == "tumbling":
                found |= {(window_of(over, e.time)[1], CLOSE) for e, _ in self.counted}
            elif over[0] == "session" and self.counted:
                found.add((self.counted[-1][0].time + over[1], TIMER))
        return found

    def timers(self):
        timers = self.closes() if self.at_close else self.leavings()
        if self.since is not None and not self.spent and 0 < self.lasts(self.rule.hold) < math.inf:
            timers.add((self.since + self.lasts(self.rule.hold), TIMER))
        if self.resolving is not None and self.lasts(self.rule.resolve_for) < math.inf:
            timers.add((self.resolving + self.lasts(self.rule.resolve_for), TIMER))
        return list(timers)

    def on_timer(self, now):
        if self.at_close and now in self.closes():
            self.judge_window(now, self.session[0][0].pos if self.rule.over[0] == "session" else now[0])
            self.session = []
            if self.rule.early and self.rule.over[0] == "hopping":
                self.judge_hop(now)
        elif not self.at_close and now in self.leavings():
            self.change(now)
        if self.since is not None and not self.spent and self.lasts(self.rule.hold) > 0 and (self.since + self.lasts(self.rule.hold), TIMER) == now:
            self.spent = True
            self.match(now)
        if self.resolving is not None and (self.resolving + self.lasts(self.rule.resolve_for), TIMER) == now:
            self.resolving = None
            self.desk.resolve(self.key, now[0])
