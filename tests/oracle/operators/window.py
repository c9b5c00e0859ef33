"""window.py: threshold rules, their windows, and aggregates over these."""
from meaning.aggregates import is_percentile
from operators.look import op
from rules import windows

AGGREGATES = ("count", "sum", "avg", "min", "max", "stddev", "distinct", "first", "last", "duration", "median", "slope", "forecast")


def over(how):
    return lambda look: look.rule.over is not None and look.rule.over[0] == how


def own_over(how):
    return lambda look: look.any_node("win", lambda x: x[5] is not None and x[5][0] == how)


def aggregate(fn):
    return lambda look: look.any_node("win", lambda x: x[1] == fn)


def closes(rule):
    return rule.over is not None and rule.over[0] in ("tumbling", "hopping", "session")


def is_watch(look):
    return look.rule.kind == "threshold"


OPERATORS = [
    op("watch", is_watch, "clause:watch"),
    op("watch: over sliding", over("sliding"), "clause:over"),
    op("watch: over tumbling", over("tumbling"), "window:tumbling"),
    op("watch: over session", over("session"), "window:session"),
    op("watch: over hopping", over("hopping"), "window:hopping", "window:every"),
    op("watch: over last", over("last"), "window:last"),
    op("watch: early", lambda look: look.rule.early, "clause:early"),
    op("watch: early over hopping", lambda look: look.rule.early and look.rule.over[0] == "hopping"),
    op("window: of a zone", lambda look: any(o[0] == "tumbling" and len(o) > 2 for o in windows(look.rule)), "window:in"),
    op("watch: over ever", over("ever"), "window:ever"),
    op("watch: no over", lambda look: is_watch(look) and look.rule.over is None),
    op("watch: no when", lambda look: is_watch(look) and look.rule.when is None),
    op("time looked up", lambda look: isinstance(look.rule.hold, tuple) or isinstance(look.rule.resolve_for, tuple)),
    op("watch: when for", lambda look: look.rule.hold is not None, "clause:for"),
    op("watch: two streams", lambda look: len(look.rule.watch) > 1),
    op("window: its own over", own_over("sliding"), "args:over"),
    op("window: its own over ever", own_over("ever")),
    op("window: its own over last", own_over("last")),
    op("window: its own over tumbling", own_over("tumbling")),
    op("window: its own over session", own_over("session")),
    op("window: its own beside one that closes", lambda look: closes(look.rule) and look.any_node("win", lambda x: x[5] is not None)),
    op("window: where", lambda look: look.any_node("win", lambda x: x[4] is not None), "args:where"),
]
PERCENTILES = ("p50", "p90", "p95", "p99")
OPERATORS += [op("window: percentile", lambda look: look.any_node("win", lambda x: is_percentile(x[1])), *("form:" + fn for fn in PERCENTILES))]
OPERATORS += [op(f"window: {fn}", aggregate(fn), "form:" + fn) for fn in AGGREGATES]
