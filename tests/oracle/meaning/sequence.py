"""sequence.py: attempts. Every one is an object with its own list of bound events; each event is offered to each of them."""
import math

from meaning import silence
from meaning.aggregates import aggregate, shape
from meaning.place import EVENT, TIMER, View
from meaning.values import fits, means, value
from rules import Event, stops


@means("step")
def step_field(x, view):
    events = view.bound[x[1]]
    return events[-1].f.get(x[2]) if events else None


@means("stepstream")
def step_stream(x, view):
    events = view.bound[x[1]]
    return events[-1].stream if events else None


@means("agg")
def step_aggregate(x, view):
    _, fn, item, name, where = x

    def at(event):
        return View(view.desk, event, view.history, view.bound, key=view.key, later=view.desk.run.clock[0])

    chosen = [e for e in view.bound[item] if where is None or value(where, at(e))]
    if isinstance(name, tuple):
        chosen, name = [Event(e.pos, e.stream, e.time, {"": value(name, at(e))}) for e in chosen], ""
    if fn[0] == "forecast":     # ("forecast", ms): so long behind the last of them
        return shape("forecast", name, chosen, chosen[-1].time + fn[1] if chosen else None)
    return shape("slope", name, chosen, None) if fn == "slope" else aggregate(fn, name, chosen)


@means("of")
def of_each(x, view):
    return view.event.f.get(x[2])


@means("of stream")
def of_each_stream(x, view):
    return view.event.stream


@means("before")
def before_step(x, view):
    """An aggregate over a window that ends at the first event of a step, which is not in it."""
    _, fn, stream, name, where, over, item = x
    if not view.bound[item]:
        return None
    first = view.bound[item][0]
    counted = [(y, "") for y in view.history[:first.idx] if y.stream == stream]
    return value(("win", fn, None, name, where, over or ("ever",)), View(view.desk, first, view.history, (), counted, (first.time, EVENT)))


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


def streams_of(rule):
    """What `next`, `strict` and `idle` count: the streams of `match` and `unless`."""
    atoms = [a for item in rule.items for a in item.atoms + item.until] + rule.silence
    atoms += [a for gaps in [item.nots for item in rule.items] + [rule.absence] for gap in gaps for a in gap.atoms]
    return {a.stream for a in atoms} | {a.stream for atoms, _ in rule.unless for a in atoms}


class SequenceKey:
    """All attempts of one key."""

    def __init__(self, rule, key, desk):
        self.rule, self.key, self.desk = rule, key, desk
        self.history = []
        self.attempts = []
        self.blank = [[] for _ in rule.items]
        self.streams = streams_of(rule)

    def view(self, attempt):
        return View(self.desk, None, self.history, attempt.bound, key=self.key)

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

    def barred(self, attempt, at, between):
        """Do events that came between forbid that the item takes the next one?"""
        item = self.rule.items[at]
        gap = any(x.stream in self.streams for x in between)
        if at == attempt.item:
            return (item.strict and gap) or any(fits(stops(item), x, self.view(attempt)) for x in between)
        return (item.link == "next" and gap) or any(silence.broken(self, attempt, x, between) for x in self.crossed(attempt, at))

    def crossed(self, attempt, at):
        """The absences on the way to an item, or (behind the last) to the end."""
        return [gap for item in self.rule.items[attempt.item + 1:at + 1] for gap in item.nots]

    def span(self, x):
        """A bound; what a table does not know is no time at all."""
        return value(x, View(self.desk, None, [], key=self.key)) or 0 if isinstance(x, tuple) else x

    def until(self, attempt, at):
        """The last instant at which the item may take an event."""
        item = self.rule.items[at]
        bounds = [(attempt.first, self.rule.within)]
        bounds += [(attempt.bound[at][0], item.own_within)] if at == attempt.item else [(attempt.last, item.link_within)]
        return min((event.time + self.span(bound) for event, bound in bounds if bound is not None), default=math.inf)

    def takes(self, attempt, at, event):
        if not fits(self.rule.items[at].atoms, event, self.view(attempt)):
            return False
        if attempt.item < 0:
            return True
        if at == attempt.item and fits(stops(self.rule.items[at]), event, self.view(attempt)):
            return False        # the loop ends with what it has
        if at != attempt.item and not all(silence.lets_pass(self, attempt, gap, event) for gap in self.crossed(attempt, at)):
            return False
        return event.time <= self.until(attempt, at) and not self.barred(attempt, at, self.since(attempt)[:-1])

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

    def runs_out(self, attempt):
        """The last instant at which it may take an event; -inf: all is barred, inf: there is none, or it waits for silence."""
        if silence.lasts(self, attempt):
            return math.inf
        ways = [at for at in self.choices(attempt) if not self.barred(attempt, at, self.since(attempt))]
        return max((self.until(attempt, at) for at in ways), default=-math.inf)

    def when_holds(self, attempt):
        return self.rule.when is None or value(self.rule.when, self.view(attempt))

    def cancelled(self, attempt, event):
        return any((after is None or attempt.bound[after]) and fits(atoms, event, self.view(attempt))
                   for atoms, after in self.rule.unless)

    def on_event(self, event):
        if event.stream in self.streams and silence.is_idle(self, event.time):
            self.attempts = []
        event.idx = len(self.history)
        self.history.append(event)
        if event.stream not in self.streams:
            return
        moved, kept = [], []
        for attempt in self.attempts:
            if self.advance(attempt, event):
                moved.append(attempt)
                kept.append(attempt)
            elif not self.cancelled(attempt, event):
                kept.append(attempt)
        begun = Attempt(len(self.rule.items))
        if silence.was_silent(self, event) and self.advance(begun, event):
            moved.append(begun)
            kept.append(begun)
        self.attempts = kept
        if not self.rule.absence:
            finished = [a for a in moved if self.at_end(a)]
            complete = [a for a in finished if self.when_holds(a)]
            if self.rule.items[-1].max == 1:    # no loop at the end that could make `when` true yet
                self.attempts = [a for a in self.attempts if a not in finished or a in complete]
            self.report(complete, event.time)
            self.keep_limit(complete, event.time)
        self.attempts = [a for a in self.attempts if self.runs_out(a) >= event.time]

    def keep_limit(self, complete, time):
        """More attempts are open than the rule allows: the oldest goes."""
        while "attempts" in self.rule.limits and not complete and len(self.attempts) > self.rule.limits["attempts"]:
            self.attempts.remove(min(self.attempts, key=lambda a: a.first.pos))
            self.desk.dropped[self.key] = time

    def report(self, complete, time):
        for attempt in sorted(complete, key=lambda a: a.order):
            if attempt not in self.attempts:
                continue        # dropped by the report of one before it
            self.tell(attempt, time, "alert")
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

    def timers(self):
        if self.rule.timeout is None or not self.attempts:
            return silence.timers(self)
        ends = [self.runs_out(a) for a in self.attempts] + [silence.quiet_until(self)]
        return silence.timers(self) + [(end, TIMER) for end in ends if abs(end) != math.inf]

    def on_timer(self, now):
        silence.on_timer(self, now)
        if self.rule.timeout is not None:
            self.time_out(now[0])

    def time_out(self, time):
        """Those whose time ends now are told. What died of something else has gone before."""
        over = [a for a in self.attempts if silence.quiet_until(self) == time or self.runs_out(a) == time]
        for attempt in sorted(over, key=lambda a: a.order):
            self.tell(attempt, time, "timeout")
        self.attempts = [a for a in self.attempts if a not in over]

    def tell(self, attempt, time, kind):
        evidence = [(self.rule.items[i].name, e.pos) for i, e in attempt.events]
        self.desk.match(self.key, time, self.view(attempt), evidence, attempt.first.time, kind)
