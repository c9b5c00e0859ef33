"""frames.py: where tumbling windows begin and end, by the clocks of their zones.

A window begins whenever the clock shows a whole number of lengths since midnight, or has jumped over such a moment; windows of days only when a
later day begins than any before. Found by looking at the clock every quarter of an hour, which is where all of them change.
"""
from bisect import bisect_right
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
QUARTER, DAY = 900_000, 86_400_000
LOOK = 12 * DAY             # further than the longest window and a few changes of the clock


def shown(quarter, zone, size):
    """How many whole windows the clock shows, and whether it shows just a whole number."""
    t = EPOCH + timedelta(milliseconds=max(quarter, 0))
    ms = quarter + t.astimezone(ZoneInfo(zone)).utcoffset() // timedelta(milliseconds=1)
    return ms // size, ms % size == 0


@lru_cache(maxsize=None)
def begins(zone, size, chunk):
    """All instants around that chunk at which a window begins."""
    found, first = [], (chunk * LOOK - LOOK) // QUARTER * QUARTER
    highest = before = shown(first - QUARTER, zone, size)[0]
    for quarter in range(first, chunk * LOOK + 2 * LOOK, QUARTER):
        number, whole = shown(quarter, zone, size)
        if number > highest if size >= DAY else whole or number > before:
            found.append(quarter)
        highest, before = max(highest, number), number
    return found


def window_of(over, time):
    """(start, end) of the tumbling window that holds the instant."""
    size = over[1]
    if len(over) == 2:
        return time // size * size, time // size * size + size
    found = begins(over[2], size, time // LOOK)
    i = bisect_right(found, time)
    return found[i - 1], found[i]
