"""alert.py: from matches to alerts: severity, except, throttle, and the life of an alert that was told (resolve, escalate, repeat, open).

Whatever a rule finds comes here as a match of a key at an instant. The desk of a rule tells it, or counts it and is silent.
"""
from dataclasses import dataclass, replace

from meaning.hours import in_entries
from meaning.place import TIMER
from meaning.values import fits, means, value
from rules import said

LEVELS = ("info", "low", "medium", "high", "critical")


@means("level")
def level(x, view):
    return x[1]


@means("open")
def open_of_event(x, view):
    """In the condition of a stream: as it was when the rule met the event."""
    return view.event.open[x[1]]


@means("open at end")
def open_of_key(x, view):
    """At the end of a rule: now, for the parts of its own key that have the names of the other's."""
    parts = dict(zip(view.rule.keys, view.key))
    return any(tuple(parts[name] for name in desk.rule.keys) in desk.open for desk in view.desk.run.desks if desk.rule.name == x[1])


@dataclass
class Alert:
    rule: object
    kind: str                   # "alert", "timeout", "resolved" or "escalated"
    key: tuple
    time: int
    fields: list = ()
    evidence: list = ()         # (step, position of the event)
    started: int = None
    held: int = 0
    severity: str = "info"
    limited: bool = False       # None: a limit has dropped something of the key before; whether the alert still says so is left open
    repeat: int = 0             # it is told again, for this time


class Desk:
    """From matches to alerts: throttle, and the one open alert of a key where the rule has `resolve`."""

    def __init__(self, rule, run):
        self.rule, self.run = rule, run
        self.states = {}        # key -> what it has to do with the rule
        self.last, self.held, self.open = {}, {}, set()
        self.last_per, self.held_per = {}, {}       # the same by (key, what `per` says)
        self.standing = {}      # key -> severity of its alert, while it may be raised
        self.dropped = {}       # key -> when a limit last dropped something of it
        self.again = {}         # key -> (when it is told again, the alert as it was last told)
        self.resolves = bool(rule.resolve_on or rule.resolve_when)

    def tell(self, kind, *what, **more):
        alert = Alert(self.rule, kind, *what, **more)
        if not self.rule.signal:
            self.run.alerts.append(alert)
        return alert

    def match(self, key, time, view, evidence, started, kind="alert"):
        if kind == "alert" and self.rule.timeout is not None and not self.rule.fields:
            return              # it has `on timeout alert` alone
        view = replace(view, key=key)
        limited = key in self.dropped and (self.dropped[key] == time or None)
        view.now = (time, view.now[1])
        if (self.rule.exempt and value(self.rule.exempt, view)) or not self.is_active(time):
            return
        if self.rule.warm_up is not None and time - self.run.begin <= self.rule.warm_up:
            return
        place = (key, value(self.rule.per, view)) if self.rule.per else key
        told, held = (self.last_per, self.held_per) if self.rule.per else (self.last, self.held)
        if key in self.open:
            self.held[key] = self.held.get(key, 0) + 1
            return
        if self.rule.throttle is not None and place in told and time - told[place] <= self.rule.throttle:
            held[place] = held.get(place, 0) + 1
            return
        fields = [value(x, view) for _, x in said(self.rule, kind)]
        severity = (value(self.rule.severity, view) if self.rule.severity else None) or "medium"
        held_back = self.held.pop(key, 0) + self.held_per.pop(place, 0)
        alert = self.tell(kind, key, time, fields, evidence, started, held_back, severity, limited)
        self.run.told.put(alert, dict(zip((name for name, _ in said(self.rule, kind)), fields)))
        self.last[key] = told[place] = time
        if self.rule.repeat is not None:
            self.again[key] = (time + self.rule.repeat, alert)
        if self.resolves:
            self.open.add(key)
        self.standing[key] = severity

    def is_active(self, time):
        return self.rule.active is None or in_entries([self.rule.active], time)

    def on_event(self, key, event, view):
        """What was told before this event may be raised or ended by it; the matches it makes come after."""
        rule = self.rule
        rungs = [severity for severity, within, atoms in rule.escalate if key in self.standing and fits(atoms, event, view)
                 and LEVELS.index(severity) > LEVELS.index(self.standing[key]) and (within is None or event.time - self.last[key] <= within)]
        if rungs:
            self.standing[key] = severity = max(rungs, key=LEVELS.index)
            self.tell("escalated", key, event.time, held=self.held.get(key, 0), severity=severity)
            if key in self.again:
                due, alert = self.again[key]
                self.again[key] = (due, replace(alert, severity=severity))
        if key in self.open and fits(rule.resolve_on, event, view):
            self.resolve(key, event.time)

    def resolve(self, key, time):
        self.open.discard(key)
        self.standing.pop(key, None)
        self.again.pop(key, None)
        self.tell("resolved", key, time, held=self.held.pop(key, 0))

    def timers(self, key):
        return [(self.again[key][0], TIMER)] if key in self.again else []

    def on_timer(self, key):
        """Still open: told again, as it was."""
        due, alert = self.again[key]
        if self.is_active(due):
            alert = replace(alert, time=due, repeat=alert.repeat + 1, held=self.held.get(key, 0))
            self.run.alerts.append(alert)
        self.again[key] = (due + self.rule.repeat, alert)
