"""events.py: random streams of events, mostly of the streams that the rules name."""
from fractions import Fraction

from generator.choices import SLOW_STEPS_MS, SLOWER_STEPS_MS, CENTS, NUMBERS, ODD_TEXTS, START_MS, STEPS_MS, STREAMS, TEXTS, TURNS_MS
from rules import Event, Time, all_atoms


class Events:
    def instant(self, time):
        """Mostly that of the event; else some other, around which clocks change."""
        return Time(time if self.chance(0.6) else self.r.choice(TURNS_MS) + self.r.choice((0, 0, 1, 999, 1000, 3_600_000)))

    def events(self, rules):
        r = self.r
        named = sorted({a.stream for rule in rules for a in all_atoms(rule)} & set(STREAMS))
        keys, size = [f"k{i + 1}" for i in range(r.choices((1, 2, 3), (60, 25, 15))[0])], int(5 + 35 * r.random() ** 2)
        pace = 1
        if self.chance(0.0015):     # long ones reach what the engine sweeps, and where a key's state outgrows its block
            keys, size = [f"k{i:02}" for i in range(r.choice((1, 2, 40)))], r.randint(150, 500)
            pace = len(keys)
        size = self.branch_size(rules, size)
        top, texts = r.choice((2, 3, 3, 4)), TEXTS if self.chance(0.7) else ODD_TEXTS
        time, events, steps = r.choice(START_MS if self.chance(0.7) else TURNS_MS), [], STEPS_MS
        if self.slow:
            time, steps = r.choice(TURNS_MS) // 900_000 * 900_000 - r.choice((0, 1, 4, 24, 96)) * 900_000, r.choice((SLOW_STEPS_MS, SLOWER_STEPS_MS))
        late_ones = self.chance(0.05)
        for pos in range(size):
            time += r.choice(steps) // pace
            stream = r.choice(named) if self.chance(0.94) else r.choice(STREAMS)
            fields = {"k": r.choice(keys) if self.chance(0.98) else None, "g": r.randint(0, 1), "v": r.randint(0, top),
                      "w": r.choice((None, 0, 1, 2)), "m": Fraction(r.choice(CENTS), 100), "s": r.choice(texts), "x": r.choice(NUMBERS),
                      "t": self.instant(time), "u": self.chance(0.5)}
            late = late_ones and self.chance(0.1) and pos > 0
            events.append(Event(pos, stream, time - late * r.choice((1, 1000, 9000)), fields))
        return events
