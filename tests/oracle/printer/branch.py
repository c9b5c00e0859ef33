"""branch.py: patterns that are a tree."""
from printer.values import atoms_text, duration

LOOSE = ("or", "some")


def times(part):
    low, high = part.min, part.max
    short = {(0, 1): " ?", (1, None): " +", (0, None): " *"}.get((low, high))
    text = short or (" {%d}" % low if low == high else " {%d,}" % low if high is None else " {%d,%d}" % (low, high))
    return text + " strict" * part.strict + " any" * part.any + " greedy" * part.greedy


def operand(part, rule):
    """As one thing beside others: in brackets where it must be, and where it has a time of its own."""
    if part.kind == "step":
        return step(part, rule)
    if part.kind == "loop":
        body = part.parts[0]
        return (step(body, rule) if body.kind == "step" else f"({text(body, rule)})") + times(part)
    return f"({text(part, rule)})"


def step(part, rule):
    item = rule.items[part.item]
    return f"{item.name}: {atoms_text(item.atoms, rule)}"


def linked(part, rule):
    words = ["then not " + atoms_text(part.nots, rule)] if part.nots else []
    words.append(part.link + " any" * part.every + (f" within {duration(part.link_within)}" if part.link_within is not None else ""))
    return " ".join(words)


def text(part, rule):
    if part.kind == "seq":
        words = []
        for at, inner in enumerate(part.parts):
            words += [linked(inner, rule)] if at else []
            words.append(operand(inner, rule))
        return " ".join(words) + (f" within {duration(part.within)}" if part.within is not None else "")
    if part.kind == "some" and (part.min < len(part.parts) or not part.during and len(part.parts) % 2):
        return f"any {part.min} of ({', '.join(text(p, rule) for p in part.parts)})"
    if part.kind in LOOSE:
        words = [operand(p, rule) for p in part.parts] + (["not " + atoms_text(part.during, rule)] if part.during else [])
        return {"or": " or ", "some": " and "}[part.kind].join(words)
    return operand(part, rule)

