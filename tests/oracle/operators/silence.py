"""silence.py: absence at the start, at the end and alone, and idle."""
from operators.look import op



def at_end(test):
    return lambda look: bool(look.items) and any(test(gap) for gap in look.rule.absence)


def between(test):
    return lambda look: any(test(gap) for item in look.items for gap in item.nots)


def beside_optional(look):
    return any(item.nots and (item.min == 0 or before.min == 0) for before, item in zip(look.items, look.items[1:]))


def after_optional(look):
    return bool(look.items and look.rule.absence) and look.items[-1].min == 0


OPERATORS = [
    op("silence: lone not for", lambda look: bool(look.rule.absence) and not look.items, "item:for"),
    op("silence: not for at the end", at_end(lambda gap: gap.time is not None), "item:for"),
    op("silence: not to the end of within", at_end(lambda gap: gap.time is None and not gap.next)),
    op("silence: two at the end", lambda look: len(look.rule.absence) > 1),
    op("silence: two at the end, one with for", lambda look: len(look.rule.absence) > 1 and any(gap.time is None for gap in look.rule.absence)),
    op("silence: next not before one at the end", at_end(lambda gap: gap.next)),
    op("silence: not for at the start", lambda look: bool(look.rule.silence), "item:for"),
    op("silence: not in the middle", between(lambda gap: gap.time is None and not gap.next), "item:not"),
    op("silence: not for in the middle", between(lambda gap: gap.time is not None), "item:for"),
    op("silence: time looked up", lambda look: any(isinstance(gap.time, tuple) for gap in look.gaps)),
    op("silence: at the start, time looked up", lambda look: isinstance(look.rule.silence_for, tuple)),
    op("idle: time looked up", lambda look: isinstance(look.rule.idle, tuple)),
    op("silence: next not", between(lambda gap: gap.next)),
    op("silence: two in the middle", lambda look: any(len(item.nots) > 1 for item in look.items)),
    op("silence: optional step beside", beside_optional),
    op("silence: optional step before the end", after_optional),
    op("idle", lambda look: look.rule.idle is not None, "clause:idle"),
]
