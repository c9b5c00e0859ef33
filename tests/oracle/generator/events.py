"""events.py: random streams of events, mostly of the streams that the rules name."""
from fractions import Fraction

from generator.choices import CENTS, NUMBERS, START_MS, STEPS_MS, STREAMS, TEXTS
from rules import Event, all_atoms


class Events:
    def events(self, rules):
        r = self.r
        named = sorted({a.stream for rule in rules for a in all_atoms(rule)})
        keys, size = [f"k{i + 1}" for i in range(r.choices((1, 2, 3), (60, 25, 15))[0])], int(5 + 35 * r.random() ** 2)
        pace = 1
        if self.chance(0.0015):     # long ones reach what the engine sweeps, and where a key's state outgrows its block
            keys, size = [f"k{i:02}" for i in range(r.choice((1, 2, 40)))], r.randint(150, 500)
            pace = len(keys)
        top = r.choice((2, 3, 3, 4))
        time, events = r.choice(START_MS), []
        for pos in range(size):
            time += r.choice(STEPS_MS) // pace
            stream = r.choice(named) if self.chance(0.94) else r.choice(STREAMS)
            fields = {"k": r.choice(keys) if self.chance(0.98) else None, "g": r.randint(0, 1), "v": r.randint(0, top),
                      "w": r.choice((None, 0, 1, 2)), "m": Fraction(r.choice(CENTS), 100), "s": r.choice(TEXTS), "x": r.choice(NUMBERS)}
            events.append(Event(pos, stream, time, fields))
        return events
