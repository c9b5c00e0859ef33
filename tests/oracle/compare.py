"""compare.py: do the alerts of the engine say what the naive matcher found? In all that has a meaning: kind, rule, key, time, values, evidence, order."""
from fractions import Fraction

from rules import said

NEW = ("alert", "timeout")      # kinds that are told of something new; the others follow on one of these


def same_value(ours, theirs, x=()):
    """x: the expression; roots and sines may differ in their last digits."""
    if ours is None or theirs == "n":
        return ours is None and theirs == "n"
    kind, text = theirs[0], theirs[1:]
    if isinstance(ours, str):
        return kind == "s" and ours.replace(" ", "~") == text
    if isinstance(ours, bool):
        return kind == "b" and text == str(int(ours))
    if kind == "f":
        return float(ours) == float(text) or (x[1:2] in (("stddev",), ("distance_km",)) and abs(ours - float(text)) <= 1e-12 * ours)
    return kind in "idtu" and Fraction(text) == ours


def same_evidence(ours, shown):
    """Of many events the engine shows some of the first and some of the last; which is not part of the meaning."""
    if len(shown) == len(ours):
        return shown == ours
    rest = len(ours) - len(shown)
    return rest > 0 and bool(shown) and any(shown == ours[:n] + ours[n + rest:] for n in range(len(shown) + 1))


def same_key(rule, key, text):
    words = [word.partition("=") for word in text.split()]
    return [name for name, _, _ in words] == rule.keys and len(words) == len(key) and all(same_value(k, v) for k, (_, _, v) in zip(key, words))


def same_fields(alert, text):
    words = [word.partition("=") for word in text.split()]
    named = said(alert.rule, alert.kind)
    return ([name for name, _ in named] == [name for name, _, _ in words]
            and all(same_value(v, word[2], x) for v, word, (_, x) in zip(alert.fields, words, named)))


def same_alert(alert, line):
    if alert.kind == "late":
        return line == f"L {alert.evidence}"
    if not line.startswith("A "):
        return False
    head, key, fields, evidence = line[2:].split("|")
    kind, rule, at, started, bound, held, limited, _, severity, repeat = head.split()
    if (kind, rule, int(at)) != (alert.kind, alert.rule.name, alert.time) or not same_key(alert.rule, alert.key, key):
        return False
    if kind in NEW and alert.limited is not None and limited != str(int(alert.limited)):
        return False
    if (severity, int(repeat), int(held)) != (alert.severity, alert.repeat, alert.held):
        return False
    if kind not in NEW:
        return True
    if not same_fields(alert, fields):
        return False
    if not alert.evidence:      # windows and silence: which events are shown is not part of the meaning
        return True
    events = [f"{step}:{pos}" for step, pos in alert.evidence]
    return int(started) == alert.started and int(bound) == len(events) and same_evidence(events, evidence.split())


def same_ids(theirs):
    """Each alert has an id of its own; what follows on an alert (told again, raised, resolved) has that alert's."""
    told = set()
    for line in theirs:
        words = line.split(" ", 11)
        if words[0] == "A" and (words[8] in told) == (words[1] in NEW and words[10] == "0"):
            return False
        told.add(words[8] if words[0] == "A" else "")
    return True


def same(ours, theirs):
    return (len(ours) == len(theirs) and same_ids(theirs)
            and all(same_alert(alert, line) for alert, line in zip(ours, theirs)))
