"""silence.py: absence and idle."""
from printer.values import atoms_text, duration, expression


def at_start(rule):
    return [f"not {atoms_text(rule.silence, rule)} for {duration(rule.silence_for)} then"] if rule.silence else []


def at_end(rule):
    if not rule.absence:
        return []
    parts = [("then " if rule.items else "") + "not " + atoms_text(rule.absence, rule)]
    if rule.absence_for is None:
        return parts
    return parts + ["for " + (expression(rule.absence_for, rule) if isinstance(rule.absence_for, tuple) else duration(rule.absence_for))]


def clauses(rule):
    return [f"idle {duration(rule.idle)}"] if rule.idle is not None else []
