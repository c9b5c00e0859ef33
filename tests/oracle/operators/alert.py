"""alert.py: the key, what is said of a match, and the life of an alert."""
from operators.look import op


def parts(n):
    return lambda look: look.rule.alias is None and len(look.rule.keys) == n


OPERATORS = [
    op("by: none", parts(0)),
    op("by: one", parts(1), "clause:by"),
    op("by: two", parts(2)),
    op("by: alias", lambda look: bool(look.rule.alias)),
    op("by: twice", lambda look: bool(look.rule.also_by)),
    op("by: in table", lambda look: bool(look.rule.known_keys), "keys:in"),
    op("by: from a table", lambda look: any(isinstance(x, tuple) for x in (look.rule.alias or {}).values())),
    op("events that come too late", lambda look: look.late),
    op("limits: attempts", lambda look: "attempts" in look.rule.limits, "clause:limits"),
    op("limits: values", lambda look: "values" in look.rule.limits),
    op("active", lambda look: look.rule.active is not None, "clause:active"),
    op("let", lambda look: bool(look.rule.lets), "clause:let"),
    op("alert", lambda look: bool(look.rule.fields), "clause:alert"),
    op("signal", lambda look: look.rule.signal, "clause:signal"),
    op("rules as streams", lambda look: any(a.stream[:1] == "r" for a in look.atoms)),
    op("all alerts", lambda look: any(a.stream == "alert" for a in look.atoms)),
    op("profile: fed by a rule", lambda look: bool(look.rule.profile) and look.rule.profile[0].stream[:1] == "r"),
    op("except", lambda look: bool(look.rule.exempt), "clause:except"),
    op("throttle", lambda look: look.rule.throttle is not None, "clause:throttle"),
    op("resolve on", lambda look: bool(look.rule.resolve_on), "clause:resolve", "clause:on"),
    op("resolve when", lambda look: bool(look.rule.resolve_when) and look.rule.resolve_for is None),
    op("resolve when for", lambda look: look.rule.resolve_for is not None),
    op("escalate", lambda look: any(bound is None for _, bound, _ in look.rule.escalate), "clause:escalate"),
    op("repeat", lambda look: look.rule.repeat is not None, "clause:repeat"),
    op("severity", lambda look: look.has("level"), "clause:severity"),
    op("open: in a condition", lambda look: look.has("open"), "form:open"),
    op("open: at the end", lambda look: look.has("open at end")),
    op("escalate within", lambda look: any(bound is not None for _, bound, _ in look.rule.escalate)),
    op("escalate twice", lambda look: len(look.rule.escalate) > 1),
    op("throttle per", lambda look: bool(look.rule.per), "clause:per"),
    op("warm up", lambda look: look.rule.warm_up is not None, "clause:warm", "clause:up"),
]
