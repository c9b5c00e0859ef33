"""alert.py: from matches to alerts: except, throttle, and the life of an alert that was told (resolve, escalate).

Whatever a rule finds comes here as a match of a key at an instant. The desk of a rule tells it, or counts it and is silent.
"""
from dataclasses import dataclass

from meaning.values import fits, value
from rules import said


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


class Desk:
    """From matches to alerts: throttle, and the one open alert of a key where the rule has `resolve`."""

    def __init__(self, rule, run):
        self.rule, self.run = rule, run
        self.states = {}        # key -> what it has to do with the rule
        self.last, self.held, self.open, self.may_escalate = {}, {}, set(), set()
        self.resolves = bool(rule.resolve_on or rule.resolve_when)

    def tell(self, kind, *what):
        self.run.alerts.append(Alert(self.rule, kind, *what))

    def match(self, key, time, view, evidence, started, kind="alert"):
        if kind == "alert" and self.rule.timeout is not None and not self.rule.fields:
            return              # it has `on timeout alert` alone
        if key in self.open or (self.rule.exempt and value(self.rule.exempt, view)):
            return
        last = self.last.get(key)
        if self.rule.throttle is not None and last is not None and time - last <= self.rule.throttle:
            self.held[key] = self.held.get(key, 0) + 1
            return
        fields = [value(x, view) for _, x in said(self.rule, kind)]
        self.tell(kind, key, time, fields, evidence, started, self.held.pop(key, 0))
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
            self.tell("escalated", key, event.time)
        if key in self.open and fits(rule.resolve_on, event, view):
            self.resolve(key, event.time)

    def resolve(self, key, time):
        self.open.discard(key)
        self.may_escalate.discard(key)
        self.tell("resolved", key, time)
