"""known.py: what the key's earlier events say: prev, changed, new, profiles."""
from operators.look import expr, op

OPERATORS = [
    expr("prev", "form:prev"), expr("changed", "form:changed"), expr("new", "form:new"),
    op("profile", lambda look: bool(look.rule.profile), "profile:profile", "profile:from", "profile:by"),
    op("profile: member", lambda look: look.has("prof")),
]
