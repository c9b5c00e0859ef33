"""aggregates.py: what an aggregate says of a list of events: those bound to a step, or those in a window."""
import math
from fractions import Fraction


def is_percentile(fn):
    return fn[0] == "p" and fn[1:].isdigit()


def middle(values):
    """The mean of the one or two values in the middle."""
    values, n = sorted(Fraction(v) for v in values), len(values)
    return float((values[(n - 1) // 2] + values[n // 2]) / 2)


def percentile(percent, values):
    """Nearest rank: the smallest value that so many of a hundred are not above."""
    return next(v for v in sorted(values) if sum(w <= v for w in values) * 100 >= percent * len(values))


def line(points):
    """By least squares: value at time 0 and growth a millisecond, exactly; None when there is no such line."""
    n, times, values = len(points), [Fraction(t) for t, _ in points], [Fraction(v) for _, v in points]
    mean_t, mean_v = sum(times) / n, sum(values) / n
    spread = sum((t - mean_t) ** 2 for t in times)
    if not spread:
        return None
    growth = sum((t - mean_t) * (v - mean_v) for t, v in zip(times, values)) / spread
    return mean_v - growth * mean_t, growth


def shape(fn, name, events, at):
    """slope, or forecast at that time (ms)."""
    points = [(e.time, e.f[name]) for e in events if e.f.get(name) is not None]
    found = line(points) if points else None
    if found is None:
        return None
    return float(found[1] * 1000) if fn == "slope" else float(found[0] + found[1] * at)


def aggregate(fn, name, events):
    if fn == "count":
        return len(events)
    values = [e.f[name] for e in events if e.f.get(name) is not None]
    exact = [Fraction(v) for v in values] if fn in ("sum", "avg", "stddev") else None
    if fn == "sum":
        return float(sum(exact)) if values and isinstance(values[0], float) else sum(values)
    if fn == "distinct":
        return len(set(values))
    if not values:
        return None
    if fn == "avg":
        return float(sum(exact) / len(exact))
    if fn == "stddev":          # of the whole population
        mean = sum(exact) / len(exact)
        return math.sqrt(sum((v - mean) ** 2 for v in exact) / len(exact))
    if fn == "median":
        return middle(values)
    if is_percentile(fn):
        return percentile(int(fn[1:]), values)
    return {"min": lambda: min(values), "max": lambda: max(values),
            "first": lambda: values[0], "last": lambda: values[-1]}[fn]()
