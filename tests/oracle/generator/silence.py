"""silence.py: absence at the start, at the end and alone."""
from rules import Absence


class Silence:
    def lone_absence(self, rule, streams):
        rule.absence = [Absence(self.atoms(rule, streams), self.looked_up(rule))]

    def silence_at_end(self, rule, streams):
        everything = range(len(rule.items))
        rule.absence = [Absence(self.atoms(rule, streams, everything),
                                self.silence_time(rule, everything) if rule.within is None or self.chance(0.6) else None)]
        while self.chance(0.25):
            more = Absence(self.atoms(rule, streams, everything), self.silence_time(rule, everything) if self.chance(0.5) else None)
            more.next = more.time is None and self.chance(0.4)
            rule.absence.insert(0 if more.next else self.r.choice((0, len(rule.absence))), more)

    def silence_time(self, rule, before):
        """Mostly a constant; else what a step says, or a table."""
        return ("seconds", ("step", self.r.choice(before), "v")) if self.chance(0.1) else self.looked_up(rule)

    def silence_between(self, rule, i, streams):
        """Before item i."""
        gap = Absence(self.atoms(rule, streams, range(i)))
        kind = self.r.random()
        gap.next = kind < 0.2
        if 0.2 <= kind < 0.5 and any(item.min for item in rule.items[:i]):
            gap.time = self.silence_time(rule, range(i))
        rule.items[i].nots.append(gap)

    def silence_at_start(self, rule, streams):
        rule.silence, rule.silence_for = self.atoms(rule, streams, range(0)), self.span(rule)

    def looked_up(self, rule):
        """Mostly a constant; else a time that a table knows for the key."""
        if rule.keys != ["k"] or rule.also_by or not self.chance(0.2):
            return self.bound()
        gap = ("cell", "places", "gap", ("key", 0))
        return gap if self.chance(0.5) else ("*", ("const", 2), gap)
