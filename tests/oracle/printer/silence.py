"""silence.py: absence and idle."""
from printer.values import atoms_text, duration


def at_start(rule):
    return [f"not {atoms_text(rule.silence, rule)} for {duration(rule.silence_for)} then"] if rule.silence else []


def at_end(rule):
    if not rule.absence:
        return []
    parts = [("then " if rule.items else "") + "not " + atoms_text(rule.absence, rule)]
    return parts + ([f"for {duration(rule.absence_for)}"] if rule.absence_for is not None else [])


def clauses(rule):
    return [f"idle {duration(rule.idle)}"] if rule.idle is not None else []
