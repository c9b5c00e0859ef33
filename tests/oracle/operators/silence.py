"""silence.py: absence at the start, at the end and alone, and idle."""
from operators.look import op

OPERATORS = [
    op("silence: lone not for", lambda look: bool(look.rule.absence) and not look.items, "item:for"),
    op("silence: not for at the end", lambda look: bool(look.items and look.rule.absence) and look.rule.absence_for is not None, "item:for"),
    op("silence: not to the end of within", lambda look: bool(look.items and look.rule.absence) and look.rule.absence_for is None),
    op("silence: not for at the start", lambda look: bool(look.rule.silence), "item:for"),
    op("silence: time looked up", lambda look: isinstance(look.rule.absence_for, tuple)),
    op("idle", lambda look: look.rule.idle is not None, "clause:idle"),
]
