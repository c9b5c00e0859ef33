"""aggregates.py: what an aggregate says of a list of events: those bound to a step, or those in a window."""
import math
from fractions import Fraction


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
    return {"min": lambda: min(values), "max": lambda: max(values),
            "first": lambda: values[0], "last": lambda: values[-1]}[fn]()
