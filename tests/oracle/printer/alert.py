"""alert.py: what is said of a match, and the life of an alert."""
from printer.silence import silence_time
from printer.values import atoms_text, duration, expression, pairs, writes


@writes("level")
def level(x, rule):
    return x[1]


@writes("open", "open at end")
def is_open(x, rule):
    return f"open({x[1]})"


def said(rule):
    lines = [f"let {name} = {expression(x, rule)}" for name, x in rule.lets]
    if rule.when:
        lines.append(f"when {expression(rule.when, rule)}" + (f" for {silence_time(rule.hold, rule)}" if rule.hold is not None else ""))
    lines += [f"on timeout alert {{ {pairs(rule.timeout, rule)} }}"] if rule.timeout is not None else []
    return lines + ([f"{'signal' if rule.signal else 'alert'} {{ {pairs(rule.fields, rule)} }}"] if rule.fields or rule.signal else [])


def clauses(rule):
    lines = [f"except {expression(rule.exempt, rule)}"] if rule.exempt else []
    per = f" per {expression(rule.per, rule)}" if rule.per else ""
    lines += [f"throttle {duration(rule.throttle)}{per}"] if rule.throttle is not None else []
    lines += [f"limits {{ {'  '.join(f'{name}: {n}' for name, n in rule.limits.items())} }}"] if rule.limits else []
    lines += [f"severity {expression(rule.severity, rule)}"] if rule.severity else []
    lines += [f"repeat {duration(rule.repeat)}"] if rule.repeat is not None else []
    for severity, bound, atoms in rule.escalate:
        within = f" within {duration(bound)}" if bound is not None else ""
        lines.append(f"escalate {severity}{within} on {atoms_text(atoms, rule)}")
    lines += [f"warm up {duration(rule.warm_up)}"] if rule.warm_up is not None else []
    lines += [f"resolve on {atoms_text(rule.resolve_on, rule)}"] if rule.resolve_on else []
    if rule.resolve_when:
        held = f" for {silence_time(rule.resolve_for, rule)}" if rule.resolve_for is not None else ""
        lines.append(f"resolve when {expression(rule.resolve_when, rule)}{held}")
    return lines
