"""branch.py: groups, alternatives, any order, branches."""
from operators.look import op
from meaning.branch import nullable
from rules import tree_parts


def some_part(test):
    return lambda look: any(test(part) for part in tree_parts(look.rule.shape))


def below(kind, test):
    """Does a part of this kind have one below it for which the test holds?"""
    return some_part(lambda part: part.kind == kind and any(test(p) for p in tree_parts(part)[1:]))


def is_round(part):
    return part.kind == "loop" and part.parts[0].kind != "step"


def forks(look):
    return any(p.any or p.every for p in tree_parts(look.rule.shape))


def clause(test):
    return lambda look: look.rule.shape is not None and bool(test(look.rule))


def gaps(test):
    return some_part(lambda p: any(test(gap) for gap in p.nots))


def beside_optional(look):
    return some_part(lambda p: p.kind == "seq" and any(b.nots and (nullable(a) or nullable(b)) for a, b in zip(p.parts, p.parts[1:])))(look)


OPERATORS = [
    op("match: or", some_part(lambda p: p.kind == "or"), "choice:or"),
    op("match: and", some_part(lambda p: p.kind == "some" and p.min == len(p.parts)), "choice:and"),
    op("match: any n of", some_part(lambda p: p.kind == "some" and p.min < len(p.parts)), "item:any", "item:of"),
    op("match: group", some_part(lambda p: p.kind == "seq" and len(p.parts) > 1)),
    op("match: group repeated", some_part(is_round)),
    op("match: group optional", some_part(lambda p: is_round(p) and p.min == 0)),
    op("match: group strict", some_part(lambda p: is_round(p) and p.strict)),
    op("match: group greedy", some_part(lambda p: is_round(p) and p.greedy)),
    op("match: group within", some_part(lambda p: p.kind == "seq" and p.within is not None)),
    op("match: then any", some_part(lambda p: p.every), "link:any"),
    op("match: any loop", some_part(lambda p: p.any), "quant:any"),
    op("match: any loop of a group", some_part(lambda p: p.any and is_round(p))),
    op("match: or in a repeated group", below("loop", lambda p: p.kind == "or")),
    op("match: and in a repeated group", below("loop", lambda p: p.kind == "some")),
    op("match: group in or", below("or", lambda p: p.kind == "seq")),
    op("match: group in and", below("some", lambda p: p.kind == "seq")),
    op("match: loop in or", below("or", lambda p: p.kind == "loop")),
    op("match: loop in and", below("some", lambda p: p.kind == "loop")),
    op("match: then any in or", below("or", lambda p: p.every)),
    op("match: any loop in or", below("or", lambda p: p.any)),
    op("match: any loop in an operand", below("some", lambda p: p.any)),
    op("match: then any in and", below("some", lambda p: p.every)),
    op("match: not in a tree", some_part(lambda p: bool(p.nots))),
    op("match: not inside and", some_part(lambda p: bool(p.during))),
    op("match: not for in a tree", gaps(lambda gap: gap.time is not None)),
    op("match: next not in a tree", gaps(lambda gap: gap.next)),
    op("match: optional beside not in a tree", beside_optional),
    op("match: not at the start of a group", some_part(lambda p: p.kind == "seq" and bool(p.parts[0].nots))),
    op("match: not for in or", below("or", lambda p: p.kind == "silence")),
    op("match: not for in and", below("some", lambda p: p.kind == "silence")),
    op("match: not at the end of a group", some_part(lambda p: p.kind == "seq" and p.parts[-1].kind == "silence" and p.parts[-1].time is not None)),
    op("match: not to the end of a group", some_part(lambda p: p.kind == "silence" and p.time is None)),
    op("match: not for in a repeated group", below("loop", lambda p: p.kind == "silence")),
    op("match: until in a tree", some_part(lambda p: bool(p.until))),
    op("match: until of a group", some_part(lambda p: is_round(p) and bool(p.until))),
    op("match: on timeout of a tree", clause(lambda rule: rule.timeout is not None)),
    op("match: two at the end of a tree", clause(lambda rule: len(rule.absence) > 1)),
    op("match: time looked up in a tree", some_part(lambda p: any(isinstance(x, tuple) for x in (p.within, p.link_within, p.time)))),
    op("match: next in a tree", some_part(lambda p: p.link == "next")),
    op("match: link within in a tree", some_part(lambda p: p.link_within is not None)),
    op("match: tree with not at the end", clause(lambda rule: rule.absence)),
    op("match: tree with when", clause(lambda rule: rule.when)),
    op("match: tree with unless", clause(lambda rule: rule.unless)),
    op("match: tree with within", clause(lambda rule: rule.within is not None)),
    op("match: tree with idle", clause(lambda rule: rule.idle is not None)),
    op("match: branches and no skip", lambda look: forks(look) and look.rule.skip[0] == "no"),
    op("match: branches and skip to", lambda look: forks(look) and look.rule.skip[0] in ("next", "first", "last")),
]
