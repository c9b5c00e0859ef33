"""silence.py: absence and idle."""
from printer.values import atoms_text, duration, expression, writes


@writes("seconds")
def seconds(x, rule):
    return f"{expression(x[1], rule)} * 1s"


def at_start(rule):
    return [f"not {atoms_text(rule.silence, rule)} for {duration(rule.silence_for)} then"] if rule.silence else []


def absence(gap, rule):
    link = "next " if gap.next else "then " if rule.items else ""
    text = link + "not " + atoms_text(gap.atoms, rule)
    if gap.time is None:
        return text
    return text + " for " + (expression(gap.time, rule) if isinstance(gap.time, tuple) else duration(gap.time))


def at_end(rule):
    return [absence(gap, rule) for gap in rule.absence]


def clauses(rule):
    return [f"idle {duration(rule.idle)}"] if rule.idle is not None else []
