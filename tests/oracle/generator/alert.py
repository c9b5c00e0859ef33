"""alert.py: the life of an alert: throttle, except, resolve, escalate."""
from generator.choices import STREAMS
from rules import Atom


class Alerts:
    def alert_life(self, rule, streams):
        if self.chance(0.18):
            rule.throttle = self.bound()
        if (rule.items or rule.watch) and self.chance(0.06):
            rule.exempt = (self.r.choice((">", "<")), ("f", "v") if rule.watch else self.step_value(rule, range(len(rule.items))),
                           ("const", self.r.randint(1, 2)))
        if not rule.resolve_when and self.chance(0.15):
            rule.resolve_on = [Atom(self.r.choice(streams + [self.r.choice(STREAMS)]), self.own_condition() if self.chance(0.5) else None)]
        if self.chance(0.06):
            rule.escalate_on = [Atom(self.r.choice(streams), self.own_condition() if self.chance(0.5) else None)]
            rule.escalate_within = self.bound() if self.chance(0.6) else None

    def resolve_when(self, rule, first):
        """A condition that cannot hold together with the first part of `when`."""
        opposite = {">=": "<", ">": "<=", "<": ">=", "==": "!="}[first[0]]
        rule.resolve_when = (opposite, first[1], first[2])
        rule.resolve_for = self.bound() if self.chance(0.5) else None
