"""silence.py: absence at the start, at the end and alone."""


class Silence:
    def lone_absence(self, rule, streams):
        rule.absence = self.atoms(rule, streams)
        rule.absence_for = self.bound()

    def silence_at_end(self, rule, streams):
        rule.absence = self.atoms(rule, streams, range(len(rule.items)))
        rule.absence_for = self.bound() if rule.within is None or self.chance(0.6) else None

    def silence_at_start(self, rule, streams):
        rule.silence, rule.silence_for = self.atoms(rule, streams, range(0)), self.bound()
