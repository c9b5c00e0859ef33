"""generator: random rules and random streams of events, for run.py; by subject.

What makes a random test worth its time is where it aims: at bounds, at equal instants, at conditions that hold half the time, at the
combinations that share something in the engine. Everything follows from the seed.
"""
from generator.alert import Alerts
from generator.branch import Branches
from generator.choices import STREAMS, Choices
from generator.events import Events
from generator.hours import Times
from generator.known import Known
from generator.sequence import Sequences
from generator.silence import Silence
from generator.values import Values
from generator.window import Windows
from rules import Rule, all_atoms, looks_times_up


class Generator(Sequences, Branches, Silence, Windows, Alerts, Known, Times, Values, Events, Choices):
    """One seed, one pair: call rules() once, then events()."""

    def rules(self):
        """Mostly one; several have streams in common, so that the engine has something to share."""
        streams = self.r.sample(STREAMS, self.r.choice((2, 3, 3)))
        content = self.content()
        if self.chance(0.12):
            rules = self.tower(streams)
        else:
            rules = [self.rule(f"r{i + 1}", streams) for i in range(self.r.choices((1, 2, 3), (80, 12, 8))[0])]
            if len(rules) > 1 and self.chance(0.35):
                self.ask_open(rules)
        for rule in rules:
            rule.content = content
        return rules

    def rule(self, name, streams):
        rule = Rule("sequence" if self.chance(0.66) else "threshold", name)
        self.key(rule, streams)
        if rule.keys and not rule.alias and self.chance(0.15):
            self.profile(rule, streams)
        if rule.kind == "threshold":
            self.threshold(rule, streams)
        elif self.chance(0.06):
            self.lone_absence(rule, streams)
        elif self.chance(0.3):
            self.branch(rule, streams)
        else:
            self.sequence(rule, streams)
        self.alert_life(rule, streams)
        self.key_again(rule)
        return rule

    def key(self, rule, streams):
        rule.keys = list(self.r.choice((["k"], ["k"], ["k"], ["k"], ["k", "g"], [])))
        if rule.keys == ["k"] and self.chance(0.08):
            rule.keys, rule.alias = ["id"], {s: self.r.choice(("k", "s", "k", ("cell", "places", "owner", ("f", "k")))) for s in streams}
        elif rule.keys == ["k"] and self.chance(0.1):
            rule.keys, rule.known_keys = ["k"], "places"
        elif rule.keys == ["k", "g"] and self.chance(0.1):
            rule.known_keys = "grid"

    def key_again(self, rule):
        """What depends on the whole rule: an alias for each stream it names, and a second `by`."""
        if rule.alias:
            rule.alias = {s: rule.alias.get(s, "k") for s in {a.stream for a in all_atoms(rule)}}
        elif rule.keys == ["k"] and not rule.profile and not rule.known_keys and not looks_times_up(rule) and self.chance(0.05):
            rule.also_by = self.r.choice((["g"], ["g", "k"], ["s"]))
