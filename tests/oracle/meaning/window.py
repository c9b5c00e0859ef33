"""window.py: threshold rules. What is in a window is chosen from all events of the key, each time it is asked."""
from meaning.aggregates import aggregate, shape
from meaning.place import CLOSE, EVENT, TIMER, View
from meaning.values import fits, means, value
from rules import all_expressions, parts_of


@means("win")
def window_value(x, view):
    _, fn, label, name, where, over, *ahead = x
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
        chosen = [e for e in chosen if value(where, View(view.desk, e, view.history))]
    if fn in ("slope", "forecast"):
        return shape(fn, name, chosen, time + sum(ahead))
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
        overs = {o or rule.over for x in (rule.when, rule.resolve_when) for o in windows_of(x, dict(rule.lets))}
        self.sizes = {o[1] for o in overs if o and o[0] == "sliding"}
        # Each event is a match of its own, and its evidence.
        self.looks_at_one = rule.when is None and (rule.over or ("ever",)) == ("ever",) and not any(x[0] == "win" for y in all_expressions(rule) for x in parts_of(y))
        self.at_close = rule.over and rule.over[0] in ("tumbling", "session")

    def view(self, now):
        newest = self.counted[-1][0] if self.counted else None
        return View(self.desk, newest, self.history, (), self.counted, now, self.session, self.key)

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

    def keep_limit(self, time):
        """More events are in a sliding window than the rule allows: the oldest goes."""
        while "values" in self.rule.limits:
            inside = [c for c in self.counted if time - c[0].time <= self.rule.over[1]]
            if len(inside) <= self.rule.limits["values"]:
                return
            self.counted.remove(inside[0])
            self.desk.dropped[self.key] = time

    def match(self, now):
        alone = self.counted[-1:] if self.looks_at_one else []
        self.desk.match(self.key, now[0], self.view(now), [("", e.pos) for e, _ in alone], now[0])

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
        if any(e.time + size == now[0] for e, _ in self.counted for size in self.sizes):
            self.change(now)
        if self.rule.hold is not None and self.since is not None and not self.spent and self.since + self.rule.hold == now[0]:
            self.spent = True
            self.match(now)
        if self.resolving is not None and self.resolving + self.rule.resolve_for == now[0]:
            self.resolving = None
            self.desk.resolve(self.key, now[0])
