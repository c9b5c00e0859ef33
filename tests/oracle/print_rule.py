"""print_rule.py: the structures of rules.py as rule text, and the list of operators a rule exercises (for the table of run.py)."""
from fractions import Fraction

STREAMS = ("a", "b", "c", "d")
FIELDS = "k: string?  g: int?  v: int  w: int?  m: decimal  s: string  x: number"
INFIX = ("==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/")


def profile_name(rule):
    return "of_" + rule.name


def duration(ms):
    return f"{ms // 1000}s" if ms % 1000 == 0 else f"{ms}ms"


def decimal_text(x):
    cents = x * 100
    assert cents == int(cents)
    return f"{int(cents) // 100}.{int(cents) % 100:02d}"


def window(over):
    return {"sliding": "", "tumbling": "tumbling ", "session": "session "}[over[0]] + duration(over[1]) if over[0] != "ever" else "ever"


def expression(x, rule):
    op = x[0]
    if op in INFIX:
        return f"{operand(x[1], rule)} {op} {operand(x[2], rule)}"
    if op in ("and", "or"):
        return f" {op} ".join(operand(y, rule) for y in x[1:])
    if op == "const":
        return decimal_text(x[1]) if isinstance(x[1], Fraction) else f'"{x[1]}"' if isinstance(x[1], str) else str(x[1])
    if op in ("f", "let"):
        return x[1]
    if op == "not":
        return f"not {operand(x[1], rule)}"
    if op == "null?":
        return f"{operand(x[1], rule)} is null"
    if op == "step":
        return f"{rule.items[x[1]].name}.{x[2]}"
    if op == "stepstream":
        return f"{rule.items[x[1]].name}.stream"
    if op == "agg":
        name = rule.items[x[2]].name
        where = f" where {expression(x[4], rule)}" if x[4] else ""
        return f"{x[1]}({name}.{x[3]}{where})" if x[3] else f"{x[1]}({name}{where})"
    if op == "in":
        return f"{operand(x[1], rule)} in ({', '.join(str(c) for c in x[2])})"
    if op == "call":
        return f"{x[1]}({', '.join(expression(y, rule) for y in x[2:])})"
    if op == "which":
        return f"which({', '.join(x[1:])})"
    if op in ("prev", "changed"):
        return f"{op}({x[1]})"
    if op == "new":
        return f"new({x[1]} over {duration(x[2])})"
    if op == "prof":
        return f"{profile_name(rule)}.{x[1]}"
    _, fn, label, name, where, over = x
    what = ".".join(part for part in (label, name) if part)
    parts = [what] if what else []
    parts += [f"where {expression(where, rule)}"] if where else []
    parts += [f"over {window(over)}"] if over else []
    return f"{fn}({' '.join(parts)})"


def operand(x, rule):
    text = expression(x, rule)
    return f"({text})" if x[0] in INFIX + ("and", "or", "not", "null?") else text


def condition(x, rule):
    return f" [{expression(x, rule)}]" if x else ""


def atoms_text(atoms, rule):
    return " | ".join((f"{a.label}: " if a.label else "") + a.stream + condition(a.cond, rule) for a in atoms)


def quantifier(item):
    low, high = item.min, item.max
    if (low, high) == (1, 1):
        return ""
    short = {(0, 1): " ?", (1, None): " +", (0, None): " *"}.get((low, high))
    text = short or (" {%d}" % low if low == high else " {%d,}" % low if high is None else " {%d,%d}" % (low, high))
    return text + " strict" * item.strict + " greedy" * item.greedy


def item_text(item, rule):
    text = f"{item.name}: " + atoms_text(item.atoms, rule) + quantifier(item)
    return f"({text} within {duration(item.own_within)})" if item.own_within is not None else text


def match_text(rule):
    parts = []
    if rule.silence:
        parts.append(f"not {atoms_text(rule.silence, rule)} for {duration(rule.silence_for)} then")
    for i, item in enumerate(rule.items):
        if i:
            if item.nots:
                parts.append("then not " + atoms_text(item.nots, rule))
            parts.append(item.link + (f" within {duration(item.link_within)}" if item.link_within is not None else ""))
        parts.append(item_text(item, rule))
    if rule.absence:
        parts.append(("then " if rule.items else "") + "not " + atoms_text(rule.absence, rule))
        parts += [f"for {duration(rule.absence_for)}"] if rule.absence_for is not None else []
    return " ".join(parts)


def pairs(named, rule):
    return "  ".join(f"{name}: {expression(x, rule)}" for name, x in named)


def file_text(rules):
    """The whole file: streams, then each rule and its profile."""
    return "\n".join([f"stream {s} {{ {FIELDS} }}" for s in STREAMS] + [rule_text(rule) for rule in rules]) + "\n"


def rule_text(rule):
    by, lines = ", ".join(rule.keys), []
    if rule.alias:
        by += " = " + " | ".join(f"{stream}.{name}" for stream, name in sorted(rule.alias.items()))
    if rule.profile:
        source, members = rule.profile
        lines.append(f"profile {profile_name(rule)} {{ from {atoms_text([source], rule)} by {by}  {pairs(members, rule)} }}")
    lines.append(f"rule {rule.name} {{")
    lines.append("  match " + match_text(rule) if rule.kind == "sequence" else "  watch " + atoms_text(rule.watch, rule))
    lines += [f"  by {by}"] if by else []
    lines += [f"  by {', '.join(rule.also_by)}"] if rule.also_by else []
    lines += [f"  over {window(rule.over)}"] if rule.over else []
    lines += [f"  within {duration(rule.within)}"] if rule.within is not None else []
    lines += [f"  idle {duration(rule.idle)}"] if rule.idle is not None else []
    for atoms, after in rule.unless:
        lines.append(f"  unless {atoms_text(atoms, rule)}" + (f" after {rule.items[after].name}" if after is not None else ""))
    lines += [f"  let {name} = {expression(x, rule)}" for name, x in rule.lets]
    if rule.when:
        lines.append(f"  when {expression(rule.when, rule)}" + (f" for {duration(rule.hold)}" if rule.hold is not None else ""))
    if rule.skip[0] != "past":
        how = {"no": "no skip", "next": "skip to next"}.get(rule.skip[0])
        lines.append("  after match " + (how or f"skip to {rule.skip[0]} {rule.items[rule.skip[1]].name}"))
    lines += [f"  alert {{ {pairs(rule.fields, rule)} }}"] if rule.fields else []
    lines += [f"  except {expression(rule.exempt, rule)}"] if rule.exempt else []
    lines += [f"  throttle {duration(rule.throttle)}"] if rule.throttle is not None else []
    if rule.escalate_on:
        within = f" within {duration(rule.escalate_within)}" if rule.escalate_within is not None else ""
        lines.append(f"  escalate critical{within} on {atoms_text(rule.escalate_on, rule)}")
    lines += [f"  resolve on {atoms_text(rule.resolve_on, rule)}"] if rule.resolve_on else []
    if rule.resolve_when:
        held = f" for {duration(rule.resolve_for)}" if rule.resolve_for is not None else ""
        lines.append(f"  resolve when {expression(rule.resolve_when, rule)}{held}")
    return "\n".join(lines + ["}"])


NAMED = set(INFIX) | {"and", "or", "not", "null?", "in", "step", "stepstream", "prev", "changed", "new", "prof", "let", "which", "call"}


def operators_of(x):
    """Names of what an expression uses."""
    if not isinstance(x, tuple) or not x:
        return set()
    names = {"agg": "over a step: ", "win": "window: "}
    here = {names[x[0]] + x[1]} if x[0] in names else {x[0]} if x[0] in NAMED else set()
    here |= {"field x"} if x[-1:] == ("x",) and x[0] in ("f", "step") or x[0] in ("agg", "win") and x[3] == "x" else set()
    here |= {x[0] + " where"} if x[0] in ("win", "agg") and x[4] else set()
    here |= {"over " + x[5][0]} if x[0] == "win" and x[5] else set()
    return here.union(*(operators_of(y) for y in x[1:]))


def sequence_operators(rule):
    tags = {f"{len(rule.items)} items" if rule.items else "lone absence"}
    for i, item in enumerate(rule.items):
        tags |= {"loop" + quantifier(item).replace(" strict", "").replace(" greedy", "")} if (item.min, item.max) != (1, 1) else set()
        tags |= {"strict"} if item.strict else set()
        tags |= {"greedy"} if item.greedy else set()
        tags |= {"loop within"} if item.own_within is not None else set()
        tags |= {"link " + item.link} if i else set()
        tags |= {"link within"} if item.link_within is not None else set()
        tags |= {"not in the middle"} if item.nots else set()
        tags |= {"step over two streams"} if len(item.atoms) > 1 else set()
    if rule.absence and rule.items:
        tags.add("not for at the end" if rule.absence_for is not None else "not to the end of within")
    tags |= ({"not for at the start"} if rule.silence else set()) | ({"idle"} if rule.idle is not None else set())
    tags |= {"unless" + (" after" if after is not None else "") for _, after in rule.unless}
    tags |= {"skip " + rule.skip[0]} | ({"when"} if rule.when else set()) | ({"within"} if rule.within is not None else set())
    last = rule.items[-1] if rule.items else None
    tags |= {"when, loop at the end"} if rule.when and last and (last.min, last.max) != (1, 1) else set()
    return {"match: " + t for t in tags}


def operators(rule):
    """What the rule exercises, for the table."""
    if rule.kind == "sequence":
        tags = sequence_operators(rule)
        atoms = [a for i in rule.items for a in i.atoms + i.nots] + rule.absence + rule.silence + [a for atoms, _ in rule.unless for a in atoms]
    else:
        tags = {"watch: " + ("over " + rule.over[0] if rule.over else "no over")} | ({"watch: when for"} if rule.hold is not None else set())
        tags |= {"watch: no when"} if not rule.when else set()
        tags |= {"watch: two streams"} if len(rule.watch) > 1 else set()
        atoms = rule.watch
    for x in [a.cond for a in atoms] + [rule.when, rule.resolve_when, rule.exempt] + [x for _, x in rule.lets + rule.fields]:
        tags |= {"expr: " + t for t in operators_of(x)}
    tags |= {"key by alias"} if rule.alias else {f"{len(rule.keys)} key parts"}
    tags |= {"escalate" + (" within" if rule.escalate_within is not None else "")} if rule.escalate_on else set()
    tags |= {"throttle"} if rule.throttle is not None else set()
    tags |= {"except"} if rule.exempt else set()
    tags |= {"resolve on"} if rule.resolve_on else set()
    tags |= {"resolve when" + (" for" if rule.resolve_for is not None else "")} if rule.resolve_when else set()
    tags |= {"profile"} if rule.profile else set()
    return tags
