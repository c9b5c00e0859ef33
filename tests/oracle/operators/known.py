"""known.py: what the key's earlier events say: prev, changed, new, profiles."""
from operators.look import expr, op

OPERATORS = [
    op("list", lambda look: look.has("in list"), "list:list"),
    op("table: cell", lambda look: look.has("cell"), "table:table", "table:key"),
    op("table: cell of two keys", lambda look: look.any_node("cell", lambda x: len(x) == 5)),
    expr("prev", "form:prev"), expr("changed", "form:changed"), expr("new", "form:new"),
    op("profile", lambda look: bool(look.rule.profile), "profile:profile", "profile:from", "profile:by"),
    op("profile: window of its own kind",
       lambda look: bool(look.rule.profile) and any(x[5] and x[5][0] in ("tumbling", "session", "last") for _, x in look.rule.profile[1])),
    op("profile: member", lambda look: look.has("prof")),
    op("profile: of another key", lambda look: look.has("prof of")),
]
