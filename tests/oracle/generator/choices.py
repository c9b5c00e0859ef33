"""choices.py: what values, times and bounds are drawn from, and the draw itself.

Times come from a small grid that the bounds of the rules share, so that events fall exactly on deadlines and into equal instants; values are
few, so that conditions hold often.
"""
from random import Random

STREAMS = ("a", "b", "c", "d")
STEPS_MS = (0, 0, 1000, 1000, 1000, 2000, 2000, 3000, 5000)
BOUNDS_MS = (1000, 2000, 3000, 5000, 8000)
WITHIN_MS = (3000, 5000, 8000, 8000, 12000, 20000)
START_MS = (1_767_225_600_000, 1_767_225_603_000, 0)
CENTS = (10, 20, 30, 100)
NUMBERS = (0.1, 0.2, 0.25, 0.7, 1e6, 3.0)
TEXTS = ("p", "q", "a_text_longer_than_sixteen_bytes", "")
QUANTIFIERS = ((2, 2), (2, None), (2, 3), (1, 3), (0, 2), (0, 1), (1, None), (0, None), (3, None))


class Choices:
    def __init__(self, seed):
        self.r = Random(seed)
        self.bare = self.chance(0.3)    # few conditions: all the weight on the shape of sequences

    def chance(self, p):
        return self.r.random() < p

    def bound(self):
        return self.r.choice(BOUNDS_MS)
