"""branch.py: patterns that are a tree."""
from printer import sequence, silence
from printer.values import atoms_text

LOOSE = ("or", "some")


def times(part, rule):
    low, high = part.min, part.max
    short = {(0, 1): " ?", (1, None): " +", (0, None): " *"}.get((low, high))
    text = short or (" {%d}" % low if low == high else " {%d,}" % low if high is None else " {%d,%d}" % (low, high))
    return text + " strict" * part.strict + " any" * part.any + " greedy" * part.greedy + sequence.until_text(part, rule)


def operand(part, rule):
    """As one thing beside others: in brackets where it must be, and where it has a time of its own."""
    if part.kind == "step":
        return step(part, rule)
    if part.kind == "silence":
        return not_text(part.during, part.time, rule)
    if part.kind == "loop":
        body = part.parts[0]
        return (step(body, rule) if body.kind == "step" else f"({text(body, rule)})") + times(part, rule)
    return f"({text(part, rule)})"


def step(part, rule):
    item = rule.items[part.item]
    return f"{item.name}: {atoms_text(item.atoms, rule)}"


def not_text(atoms, time, rule):
    return f"not {atoms_text(atoms, rule)}" + (f" for {silence.silence_time(time, rule)}" if time is not None else "")


def linked(part, rule):
    words = [("next " if gap.next else "then ") + not_text(gap.atoms, gap.time, rule) for gap in part.nots]
    if part.kind == "silence":
        return " ".join(words + ["then"])
    bound = f" within {sequence.span(part.link_within, rule)}" if part.link_within is not None else ""
    return " ".join(words + [part.link + " any" * part.every + bound])


def text(part, rule):
    if part.kind == "seq":
        words = [f"{not_text(gap.atoms, gap.time, rule)} then" for gap in part.parts[0].nots]
        for at, inner in enumerate(part.parts):
            words += [linked(inner, rule)] if at else []
            words.append(operand(inner, rule))
        return " ".join(words) + (f" within {sequence.span(part.within, rule)}" if part.within is not None else "")
    if part.kind == "some" and (part.min < len(part.parts) or not part.during and len(part.parts) % 2):
        return f"any {part.min} of ({', '.join(text(p, rule) for p in part.parts)})"
    if part.kind in LOOSE:
        words = [operand(p, rule) for p in part.parts] + (["not " + atoms_text(part.during, rule)] if part.during else [])
        return {"or": " or ", "some": " and "}[part.kind].join(words)
    return operand(part, rule)

