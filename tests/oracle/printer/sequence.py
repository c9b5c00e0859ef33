"""sequence.py: steps, loops, links, and the clauses of a sequence rule."""
import zlib

from printer import branch, silence
from printer.window import window_aggregate
from printer.values import atoms_text, condition, duration, expression, writes
from rules import all_spans


@writes("step")
def step_field(x, rule):
    return f"{rule.items[x[1]].name}.{x[2]}"


@writes("stepstream")
def step_stream(x, rule):
    return f"{rule.items[x[1]].name}.stream"


@writes("agg")
def step_aggregate(x, rule):
    name = rule.items[x[2]].name
    fn, ahead = (x[1], "") if isinstance(x[1], str) else (x[1][0], f", {duration(x[1][1])}")
    where = ahead + (f" where {expression(x[4], rule)}" if x[4] else "")
    if isinstance(x[3], tuple):
        return f"{fn}({expression(x[3], rule)}{where})"
    return f"{fn}({name}.{x[3]}{where})" if x[3] else f"{fn}({name}{where})"


@writes("of")
def of_each(x, rule):
    return f"{rule.items[x[1]].name}.{x[2]}"


@writes("of stream")
def of_each_stream(x, rule):
    return f"{rule.items[x[1]].name}.stream"


@writes("before")
def before_step(x, rule):
    _, fn, stream, name, where, over, item = x
    text = window_aggregate(("win", fn, stream, name, where, over), rule)
    return f"{text[:-1]} before {rule.items[item].name})"


def quantifier(item, rule):
    low, high = item.min, item.max
    if (low, high) == (1, 1):
        return ""
    short = {(0, 1): " ?", (1, None): " +", (0, None): " *"}.get((low, high))
    text = short or (" {%d}" % low if low == high else " {%d,}" % low if high is None else " {%d,%d}" % (low, high))
    return text + " strict" * item.strict + " greedy" * item.greedy + until_text(item, rule)


def until_text(item, rule):
    if not item.until:
        return ""
    return " until" + (condition(item.until[0].cond, rule) if item.until_own else " " + atoms_text(item.until, rule))


def span(x, rule):
    """A bound; one that is looked up has a name."""
    return span_name(x, rule) if isinstance(x, tuple) else duration(x)


def span_name(x, rule):
    return f"span_{zlib.crc32(expression(x, rule).encode()):08x}"


def span_defines(rules):
    named = {span_name(x, rule): expression(x, rule) for rule in rules for x in all_spans(rule) if isinstance(x, tuple)}
    return [f"define {name} = {text}" for name, text in sorted(named.items())]


def item_text(item, rule):
    text = f"{item.name}: " + atoms_text(item.atoms, rule) + quantifier(item, rule)
    return f"({text} within {span(item.own_within, rule)})" if item.own_within is not None else text


def head(rule):
    if rule.kind != "sequence":
        return []
    parts = silence.at_start(rule)
    if rule.shape:
        return ["match " + " ".join(parts + [branch.text(rule.shape, rule)] + silence.at_end(rule))]
    for i, item in enumerate(rule.items):
        if i:
            parts += [silence.absence(gap, rule) for gap in item.nots]
            parts.append(item.link + (f" within {span(item.link_within, rule)}" if item.link_within is not None else ""))
        parts.append(item_text(item, rule))
    return ["match " + " ".join(parts + silence.at_end(rule))]


def clauses(rule):
    lines = [f"within {span(rule.within, rule)}"] if rule.within is not None else []
    lines += [f"idle {span(rule.idle, rule)}"] if rule.idle is not None else []
    for atoms, after in rule.unless:
        lines.append(f"unless {atoms_text(atoms, rule)}" + (f" after {rule.items[after].name}" if after is not None else ""))
    if rule.skip[0] != "past":
        how = {"no": "no skip", "next": "skip to next"}.get(rule.skip[0])
        lines.append("after match " + (how or f"skip to {rule.skip[0]} {rule.items[rule.skip[1]].name}"))
    return lines
