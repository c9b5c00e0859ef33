"""hours.py: times as clocks on the wall show them."""
from operators.look import op

PARTS = ("year", "month", "day", "hour", "minute", "weekday")


def part(name):
    return lambda look: look.any_node("local", lambda x: x[1] == name)


def zone(tag, at, kind):
    """A constant zone (const), or one that a table says (cell)."""
    return lambda look: look.any_node(tag, lambda x: x[at] is not None and x[at][0] == kind)


OPERATORS = [op(f"{name}()", part(name), "function:" + name) for name in PARTS]
OPERATORS += [
    op("hour() in a zone", zone("local", 3, "const")), op("hour() in a zone of a table", zone("local", 3, "cell")),
    op("during", lambda look: look.has("during"), "form:during"), op("during in a zone", zone("during", 3, "const")),
    op("calendar", lambda look: look.has("in calendar"), "calendar:calendar"),
    op("now", lambda look: look.has("now") or look.has("now at end"), "form:now"),
]
