"""shrink.py: from a pair of a rule and events that shows a difference, pairs that are a little smaller. run.py keeps those that still differ.

A candidate need not make sense (a condition may name a step that is gone): the compiler then refuses it, which is no difference.
"""
import copy
from dataclasses import MISSING, fields

from rules import Event, Item, Rule, all_atoms, all_gaps, tree_parts


def renumbered(x, gone):
    """The expression after item number `gone` went away; ValueError when it names that item."""
    if not isinstance(x, tuple):
        return x
    at = {"step": 1, "stepstream": 1, "of": 1, "of stream": 1, "agg": 2, "before": 6}.get(x[0])
    if at is None:
        return tuple(renumbered(y, gone) for y in x)
    if x[at] == gone:
        raise ValueError("names the item")
    rest = tuple(renumbered(y, gone) for y in x[at + 1:])
    return x[:at] + (x[at] - (x[at] > gone),) + rest


def without_item(rule, gone):
    rule = copy.deepcopy(rule)
    del rule.items[gone]
    for atom in all_atoms(rule):
        atom.cond = renumbered(atom.cond, gone)
    for gap in all_gaps(rule):
        gap.time = renumbered(gap.time, gone)
    rule.when = renumbered(rule.when, gone)
    rule.exempt = renumbered(rule.exempt, gone)
    rule.severity = renumbered(rule.severity, gone)
    rule.fields = [(name, renumbered(x, gone)) for name, x in rule.fields]
    rule.timeout = rule.timeout and [(name, renumbered(x, gone)) for name, x in rule.timeout]
    rule.lets = [(name, renumbered(x, gone)) for name, x in rule.lets]
    if any(after == gone for _, after in rule.unless) or rule.skip[1:] == (gone,):
        raise ValueError("names the item")
    rule.unless = [(atoms, after - (after > gone) if after is not None else None) for atoms, after in rule.unless]
    if len(rule.skip) > 1:
        rule.skip = (rule.skip[0], rule.skip[1] - (rule.skip[1] > gone))
    rule.items[0].nots, rule.items[0].link, rule.items[0].link_within = [], "then", None
    return rule


def simpler_conditions(x):
    """Nothing, or one side of an `and` or `or`."""
    yield None
    if x[0] in ("and", "or"):
        yield from x[1:]


def plain_values(kind, frame):
    """For each field, but for those of the frame, what it is when nobody writes it."""
    return {f.name: f.default if f.default is not MISSING else f.default_factory() for f in fields(kind) if f.name not in frame}


PLAIN = plain_values(Rule, ("kind", "name", "keys", "alias", "items", "watch", "over", "silence_for", "content", "shape"))
PLAIN_ITEM = plain_values(Item, ("name", "atoms"))


PLAIN_PART = {"strict": False, "greedy": False, "any": False, "every": False, "within": None, "link": "then", "link_within": None, "nots": [],
              "during": [], "until": [], "time": 1000}


def smaller_shapes(rule):
    """With one part fewer, or one plainer. Items that no part holds any more stay: nothing but numbers would change."""
    for i, part in enumerate(tree_parts(rule.shape)):
        for name, plain in PLAIN_PART.items():
            keep = (name == "during" and part.kind == "silence") or (name == "time" and part.kind != "silence")
            if getattr(part, name) != plain and not keep:
                twin = copy.deepcopy(rule)
                setattr(tree_parts(twin.shape)[i], name, copy.copy(plain))
                yield twin
        for j, inner in enumerate(part.parts):
            twin = copy.deepcopy(rule)
            here = tree_parts(twin.shape)[i]
            if len(part.parts) > 1:
                del here.parts[j]
                here.min = here.min if here.kind == "loop" else min(here.min, len(here.parts))
                if [p.kind for p in here.parts] == ["silence"]:
                    continue        # in brackets alone it is another thing
            elif inner.kind in ("loop", "seq") and len(inner.parts) == 1:
                here.parts[j] = here.parts[j].parts[0]
            else:
                continue
            if all(p.link == "then" or n for q in tree_parts(twin.shape) for n, p in enumerate(q.parts)):
                yield twin
        if part.kind == "loop" and part.max != 1:
            twin = copy.deepcopy(rule)
            here = tree_parts(twin.shape)[i]
            here.min, here.max = max(here.min, 1), 1
            yield twin


def smaller_rules(rule):
    yield from smaller_shapes(rule)

    def changed(change):
        twin = copy.deepcopy(rule)
        change(twin)
        return twin

    for name, plain in PLAIN.items():
        if getattr(rule, name) != plain:
            yield changed(lambda r, name=name, plain=plain: setattr(r, name, copy.copy(plain)))
    for i, item in enumerate(rule.items):
        if len(rule.items) > 1 and not rule.shape:
            try:
                yield without_item(rule, i)
            except ValueError:
                pass
        if (item.min, item.max) != (1, 1):
            yield changed(lambda r, i=i: (setattr(r.items[i], "min", 1), setattr(r.items[i], "max", 1), setattr(r.items[i], "own_within", None),
                                          setattr(r.items[i], "strict", False), setattr(r.items[i], "greedy", False), setattr(r.items[i], "until", [])))
        for name, plain in PLAIN_ITEM.items():
            if getattr(item, name) != plain and name not in ("min", "max"):
                yield changed(lambda r, i=i, name=name, plain=plain: setattr(r.items[i], name, copy.copy(plain)))
    for i, atom in enumerate(all_atoms(rule)):
        if atom.cond:
            for x in simpler_conditions(atom.cond):
                yield changed(lambda r, i=i, x=x: setattr(all_atoms(r)[i], "cond", x))
    for name in ("when", "resolve_when"):
        if getattr(rule, name):
            for x in simpler_conditions(getattr(rule, name)):
                yield changed(lambda r, name=name, x=x: setattr(r, name, x))
    for i, item in enumerate(rule.items):
        if len(item.atoms) > 1:
            for j in range(len(item.atoms)):
                yield changed(lambda r, i=i, j=j: r.items[i].atoms.pop(j))
    for i, gaps in enumerate([item.nots for item in rule.items] + [rule.absence]):
        for j in range(len(gaps)):
            if len(gaps) > 1:
                yield changed(lambda r, i=i, j=j: ([item.nots for item in r.items] + [r.absence])[i].pop(j))
    for i in range(len(rule.fields)):
        yield changed(lambda r, i=i: r.fields.pop(i))
    if len(rule.watch) > 1:
        for i in range(len(rule.watch)):
            yield changed(lambda r, i=i: r.watch.pop(i))
    if rule.keys and not rule.also_by:
        yield changed(lambda r: r.keys.pop())


def smaller(rules, events):
    """Halves and single events first: they are what costs the reader most."""
    size = len(events)
    while size >= 1:
        for start in range(0, len(events), size):
            if size < len(events):
                yield rules, [Event(e.pos, e.stream, e.time, e.f) for e in events[:start] + events[start + size:]]
        size //= 2
    for i, rule in enumerate(rules):
        if len(rules) > 1:
            yield rules[:i] + rules[i + 1:], events
        for candidate in smaller_rules(rule):
            yield rules[:i] + [candidate] + rules[i + 1:], events
