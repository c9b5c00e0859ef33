"""silence.py: absence at the start, at the end and alone."""


class Silence:
    def lone_absence(self, rule, streams):
        rule.absence = self.atoms(rule, streams)
        rule.absence_for = self.looked_up(rule)

    def silence_at_end(self, rule, streams):
        rule.absence = self.atoms(rule, streams, range(len(rule.items)))
        rule.absence_for = self.looked_up(rule) if rule.within is None or self.chance(0.6) else None

    def silence_at_start(self, rule, streams):
        rule.silence, rule.silence_for = self.atoms(rule, streams, range(0)), self.bound()

    def looked_up(self, rule):
        """Mostly a constant; else a time that a table knows for the key."""
        if rule.keys != ["k"] or rule.also_by or not self.chance(0.2):
            return self.bound()
        gap = ("cell", "places", "gap", ("key", 0))
        return gap if self.chance(0.5) else ("*", ("const", 2), gap)
