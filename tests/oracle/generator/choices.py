"""choices.py: what values, times and bounds are drawn from, and the draw itself.

Times come from a small grid that the bounds of the rules share, so that events fall exactly on deadlines and into equal instants; values are
few, so that conditions hold often.
"""
from datetime import datetime
from random import Random

STREAMS = ("a", "b", "c", "d")
STEPS_MS = (0, 0, 1000, 1000, 1000, 2000, 2000, 3000, 5000)
SLOW_STEPS_MS = (0, 1, 900_000, 899_999, 1_800_000, 2_700_000, 3_600_000)
SLOWER_STEPS_MS = (0, 900_000, 3_599_999, 3_600_000, 7_200_000, 14_400_000, 43_200_000)
BOUNDS_MS = (1000, 2000, 3000, 5000, 8000)
WITHIN_MS = (3000, 5000, 8000, 8000, 12000, 20000)
START_MS = (1_767_225_600_000, 1_767_225_603_000, 0)
# Where hours, days, weeks, months and the clocks of some zones change, or one second before.
TURNS_MS = tuple(int(datetime.fromisoformat(t + "+00:00").timestamp() * 1000) for t in (
    "2026-03-29T01:00:00", "2026-03-29T00:59:59", "2026-10-25T00:59:59", "2026-11-01T05:59:58", "2026-04-04T14:59:59", "2026-02-28T22:59:58",
    "2026-12-31T22:59:59", "2026-12-24T07:00:00", "2026-01-02T16:59:58", "2026-01-04T23:00:00", "2026-07-03T16:00:00", "2026-07-04T03:59:57",
    "2024-02-28T18:29:59", "1969-12-31T23:59:59"))
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
CENTS = (10, 20, 30, 100)
NUMBERS = (0.1, 0.2, 0.25, 0.7, 1e6, 3.0)
TEXTS = ("p", "q", "a_text_longer_than_sixteen_bytes", "")
ODD_TEXTS = (*TEXTS, " Q p ", "dÉjà", "7", "-12", "12.50", "10.1.2.3", "10.200.0.1", "::1", "2001:db8::7", "Mon.exe", "MON", "a.b*c")
NETS = ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "::/0", "2001:db8::/32", "0.0.0.0/0", "none")
QUANTIFIERS = ((2, 2), (2, None), (2, 3), (1, 3), (0, 2), (0, 1), (1, None), (0, None), (3, None))


class Choices:
    def __init__(self, seed):
        self.r = Random(seed)
        self.forks = 0
        self.slow = self.chance(0.04)   # hours and days pass, not seconds
        self.bare = self.chance(0.3)    # few conditions: all the weight on the shape of sequences

        self.gappy = self.chance(0.1)   # many absences between steps

    def chance(self, p):
        return self.r.random() < p

    def bound(self):
        return self.r.choice(BOUNDS_MS)
