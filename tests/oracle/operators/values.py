"""values.py: expressions and functions."""
from operators.look import expr, op

FUNCTIONS = ("abs", "least", "greatest", "if", "coalesce", "round", "floor", "ceil", "sqrt", "lower", "upper", "trim", "length", "starts_with",
             "ends_with", "contains", "substring", "concat", "to_string", "to_number", "to_int", "distance_km", "ip_in")


def call(name):
    return lambda look: look.any_node("call", lambda x: x[1] == name)


def literal(kind):
    return lambda look: look.any_node("const", lambda x: isinstance(x[1], kind))


def field(name):
    """A field of that name, read bare, of a step, or under an aggregate."""
    return lambda look: any(x[0] in ("f", "step") and x[-1] == name or x[0] in ("agg", "win") and x[3] == name for x in look.nodes)


OPERATORS = [expr(tag, "rel:" + tag) for tag in ("==", "!=", "<", "<=", ">", ">=", "in")]
OPERATORS += [expr("+", "sum:+"), expr("-", "sum:-"), expr("*", "prod:*"), expr("/", "prod:/"), expr("%", "prod:%"), expr("minus", "unary:-")]
OPERATORS += [expr("like", "rel:like"), expr("matches", "rel:matches")]
OPERATORS += [
    expr("and", "conj:and"), expr("or", "expr:or"), expr("not", "neg:not", "rel:not"),
    expr("null?", "rel:is", "rel:null"), expr("which", "form:which"),
    op("expr: let", lambda look: look.has("let")),
    op("value: decimal", field("m")), op("value: number", field("x")), op("value: string", field("s")), op("value: time", field("t")), op("value: bool", field("u")),
]
OPERATORS += [op(f"{name}()", call(name), "function:" + name) for name in FUNCTIONS]
