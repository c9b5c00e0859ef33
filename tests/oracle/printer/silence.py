"""silence.py: absence."""
from printer.values import atoms_text, duration, expression, writes


@writes("seconds")
def seconds(x, rule):
    return f"{expression(x[1], rule)} * 1s"


def silence_time(x, rule):
    return expression(x, rule) if isinstance(x, tuple) else duration(x)


def at_start(rule):
    return [f"not {atoms_text(rule.silence, rule)} for {silence_time(rule.silence_for, rule)} then"] if rule.silence else []


def absence(gap, rule):
    link = "next " if gap.next else "then " if rule.items else ""
    text = link + "not " + atoms_text(gap.atoms, rule)
    if gap.time is None:
        return text
    return text + " for " + silence_time(gap.time, rule)


def at_end(rule):
    return [absence(gap, rule) for gap in rule.absence]
