"""alert.py: from matches to alerts: severity, except, throttle, and the life of an alert that was told (resolve, escalate, repeat, open).

Whatever a rule finds comes here as a match of a key at an instant. The desk of a rule tells it, or counts it and is silent.
"""
from dataclasses import dataclass, replace

from meaning.hours import in_entries
from meaning.place import TIMER
from meaning.values import fits, means, value
from rules import said


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
        self.last, self.held, self.open, self.may_escalate = {}, {}, set(), set()
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
        last = self.last.get(key)
        if key in self.open or (self.rule.throttle is not None and last is not None and time - last <= self.rule.throttle):
            self.held[key] = self.held.get(key, 0) + 1
            return
        fields = [value(x, view) for _, x in said(self.rule, kind)]
        severity = (value(self.rule.severity, view) if self.rule.severity else None) or "medium"
        alert = self.tell(kind, key, time, fields, evidence, started, self.held.pop(key, 0), severity, limited)
        self.run.told.put(alert, dict(zip((name for name, _ in said(self.rule, kind)), fields)))
        self.last[key] = time
        if self.rule.repeat is not None:
            self.again[key] = (time + self.rule.repeat, alert)
        if self.resolves:
            self.open.add(key)
        if self.rule.escalate_on:
            self.may_escalate.add(key)

    def is_active(self, time):
        return self.rule.active is None or in_entries([self.rule.active], time)

    def on_event(self, key, event, view):
        """What was told before this event may be raised or ended by it; the matches it makes come after."""
        rule = self.rule
        in_time = rule.escalate_within is None or (key in self.last and event.time - self.last[key] <= rule.escalate_within)
        if key in self.may_escalate and in_time and fits(rule.escalate_on, event, view):
            self.may_escalate.discard(key)
            self.tell("escalated", key, event.time, held=self.held.get(key, 0), severity="critical")
            if key in self.again:
                due, alert = self.again[key]
                self.again[key] = (due, replace(alert, severity="critical"))
        if key in self.open and fits(rule.resolve_on, event, view):
            self.resolve(key, event.time)

    def resolve(self, key, time):
        self.open.discard(key)
        self.may_escalate.discard(key)
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
