"""window.py: windows and aggregates over them, and the clauses of a threshold rule."""
from printer.values import atoms_text, duration, expression, writes


def window(over):
    if over[0] in ("ever", "last"):
        return " ".join(str(part) for part in over)
    text = {"sliding": "", "tumbling": "tumbling ", "hopping": "hopping ", "session": "session "}[over[0]] + duration(over[1])
    if over[0] == "hopping":
        text += " every " + duration(over[2])
    return text + (f' in "{over[2]}"' if over[0] == "tumbling" and len(over) > 2 else "")


@writes("win")
def window_aggregate(x, rule):
    _, fn, label, name, where, over, *ahead = x
    what = ", ".join([".".join(part for part in (label, name) if part)] + [duration(ms) for ms in ahead])
    parts = [what] if what else []
    parts += [f"where {expression(where, rule)}"] if where else []
    parts += [f"over {window(over)}"] if over else []
    return f"{fn}({' '.join(parts)})"


def head(rule):
    return ["watch " + atoms_text(rule.watch, rule)] if rule.kind == "threshold" else []


def clauses(rule):
    return ([f"over {window(rule.over)}"] if rule.over else []) + (["early"] if rule.early else [])
