"""sequence.py: steps, loops, links, unless, after match, and what looks back at steps."""
from meaning.aggregates import is_percentile
from operators.look import op
from rules import parts_of

AGGREGATES = ("count", "sum", "avg", "min", "max", "stddev", "distinct", "first", "last")
LOOPS = {"?": (0, 1), "*": (0, None), "+": (1, None), "{0,2}": (0, 2), "{1,3}": (1, 3), "{2}": (2, 2), "{2,3}": (2, 3), "{2,}": (2, None), "{3,}": (3, None)}


def is_loop(item):
    return (item.min, item.max) != (1, 1)


def any_item(test):
    return lambda look: any(test(item) for item in look.items)


def any_link(test):
    return lambda look: any(test(item) for item in look.items[1:])


def length(n):
    return lambda look: len(look.items) == n


def loop(bounds):
    return any_item(lambda item: (item.min, item.max) == bounds)


def unless_after(wanted):
    return lambda look: any((after is not None) == wanted for _, after in look.rule.unless)


def skip(how):
    return lambda look: bool(look.items) and look.rule.skip[0] == how


def lookings(test):
    """Is there such a part in an aggregate over a step?"""
    return lambda look: look.any_node("agg", lambda x: any(test(part) for inside in x[3:] for part in parts_of(inside)))


def step_aggregate(fn):
    return lambda look: look.any_node("agg", lambda x: x[1] == fn)


OPERATORS = [op(f"match: {n} items", length(n), "clause:match") for n in (1, 2, 3, 4)]
OPERATORS += [op(f"match: loop {text}", loop(bounds), *(["quant:" + text] if len(text) == 1 else [])) for text, bounds in LOOPS.items()]
OPERATORS += [
    op("match: greedy", any_item(lambda item: item.greedy), "quant:greedy"),
    op("match: strict", any_item(lambda item: item.strict), "quant:strict"),
    op("match: until", any_item(lambda item: item.until_own), "quant:until"),
    op("match: until another stream", any_item(lambda item: bool(item.until) and not item.until_own)),
    op("match: loop within", any_item(lambda item: item.own_within is not None), "seq:within"),
    op("match: link then", any_link(lambda item: item.link == "then"), "link:then"),
    op("match: link next", any_link(lambda item: item.link == "next"), "link:next"),
    op("match: link within", any_link(lambda item: item.link_within is not None), "link:within"),
    op("match: step over two streams", any_item(lambda item: len(item.atoms) > 1)),
    op("match: within", lambda look: bool(look.items) and look.rule.within is not None, "clause:within"),
    op("match: unless", unless_after(False), "clause:unless"),
    op("match: unless after", unless_after(True), "clause:after"),
    op("match: within looked up", lambda look: isinstance(look.rule.within, tuple)),
    op("match: link within looked up", any_link(lambda item: isinstance(item.link_within, tuple))),
    op("match: loop within looked up", any_item(lambda item: isinstance(item.own_within, tuple))),
    op("match: when", lambda look: bool(look.items and look.rule.when), "clause:when"),
    op("match: when, loop at the end", lambda look: bool(look.items and look.rule.when) and is_loop(look.items[-1])),
    op("match: on timeout", lambda look: look.rule.timeout is not None, "clause:timeout"),
    op("match: on timeout alone", lambda look: look.rule.timeout is not None and not look.rule.fields),
    op("match: skip past last", skip("past"), "clause:match", "skip:skip", "skip:past", "skip:last"),
    op("match: skip to next", skip("next"), "skip:to", "skip:next"),
    op("match: skip to first", skip("first"), "skip:first"),
    op("match: skip to last", skip("last"), "skip:last"),
    op("match: no skip", skip("no"), "skip:no"),
    op("step: field", lambda look: look.has("step")),
    op("step: stream", lambda look: look.has("stepstream")),
    op("step: aggregate over another", lookings(lambda node: node[0] in ("step", "agg"))),
    op("step: stream in aggregate", lookings(lambda node: node[0] == "of stream")),
    op("step: aggregate before it", lambda look: look.has("before"), "args:before"),
    op("step: median", step_aggregate("median")),
    op("step: percentile", lambda look: look.any_node("agg", lambda x: isinstance(x[1], str) and is_percentile(x[1]))),
    op("step: slope", step_aggregate("slope")),
    op("step: forecast", lambda look: look.any_node("agg", lambda x: x[1][0] == "forecast")),
    op("step: aggregate where", lambda look: look.any_node("agg", lambda x: x[4] is not None)),
]
OPERATORS += [op(f"step: {fn}", step_aggregate(fn)) for fn in AGGREGATES]
