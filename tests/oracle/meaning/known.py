"""known.py: lists and tables; and what the key's earlier events say: prev, changed, new, and profiles. All of these look at what was before the
event at hand, in order.
"""
from meaning.place import EVENT, View
from meaning.values import fits, means, value


def same_stream(view):
    """The key's events of the stream of the event at hand, before it."""
    return [y for y in view.history[:view.event.idx] if y.stream == view.event.stream]


@means("prev")
def prev(x, view):
    same = same_stream(view)
    return same[-1].f.get(x[1]) if same else None


@means("changed")
def changed(x, view):
    """A comparison like any other: false where one of the two is null."""
    same = same_stream(view)
    values = (same[-1].f[x[1]], view.event.f[x[1]]) if same else (None, None)
    return None not in values and values[0] != values[1]


@means("new")
def new(x, view):
    """Null is no value, so it is never a new one."""
    _, name, span = x
    return view.event.f[name] is not None and not any(y.f[name] == view.event.f[name] and view.event.time - y.time <= span for y in same_stream(view))


@means("prof")
def profile_member(x, view):
    return member_of(x[1], view, view.history[:view.event.idx])


@means("prof of")
def profile_of(x, view):
    """Of the key that is named: of its events those before the one at hand. Where a null stands in it, nothing is known."""
    key = tuple(value(y, view) for y in x[2:])
    state = view.desk.states.get(key)
    return None if None in key else member_of(x[1], view, [y for y in state.history if y.pos < view.event.pos] if state else [])


def member_of(name, view, events):
    source, members = view.rule.profile
    counted = [(y, "") for y in events if fits([source], y, view)]
    expr = dict(members)[name]
    over = expr[5] or ("ever",)     # never the window of the rule that asks
    return value((*expr[:5], over, *expr[6:]), View(view.desk, view.event, view.history, (), counted, (view.event.time, EVENT)))


@means("in list")
def in_list(x, view):
    return value(x[2], view) in view.rule.content.lists[x[1]]


def row_of(table, key):
    return next((row for row in table.rows if None not in key and tuple(row[name] for name in table.key) == key), None)


@means("cell")
def cell(x, view):
    row = row_of(view.rule.content.tables[x[1]], tuple(value(y, view) for y in x[3:]))
    return row[x[2]] if row else None
