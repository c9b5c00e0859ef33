"""values.py: values, windows, expressions and atoms as text. Each kind of expression is one function, said by @writes to write its tag."""
from fractions import Fraction

from rules import Duration

INFIX = ("==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%")
LOOSE = set(INFIX) | {"and", "or", "not", "minus", "null?", "in", "in list", "in calendar", "like", "matches"}  # in brackets where they are operands
TEXT = {}       # tag of an expression -> function of (expression, rule)


def writes(*tags):
    def take(function):
        for tag in tags:
            assert tag not in TEXT, tag
            TEXT[tag] = function
        return function
    return take


def expression(x, rule):
    return TEXT[x[0]](x, rule)


def operand(x, rule):
    return f"({expression(x, rule)})" if x[0] in LOOSE else expression(x, rule)


def duration(ms):
    return f"{ms // 1000}s" if ms % 1000 == 0 else f"{ms}ms"


def decimal_text(x):
    cents = x * 100
    assert cents == int(cents)
    return f"{int(cents) // 100}.{int(cents) % 100:02d}"


def condition(x, rule):
    return f" [{expression(x, rule)}]" if x else ""


def atoms_text(atoms, rule):
    return " | ".join((f"{a.label}: " if a.label else "") + a.stream + condition(a.cond, rule) for a in atoms)


def pairs(named, rule):
    return "  ".join(f"{name}: {expression(x, rule)}" for name, x in named)


@writes("const")
def constant(x, rule):
    c = x[1]
    if isinstance(c, Duration):
        return duration(c)
    return decimal_text(c) if isinstance(c, Fraction) else f'"{c}"' if isinstance(c, str) else str(c).lower()


@writes("f", "let")
def name(x, rule):
    return x[1]


@writes(*INFIX)
def infix(x, rule):
    return f"{operand(x[1], rule)} {x[0]} {operand(x[2], rule)}"


@writes("and", "or")
def joined(x, rule):
    return f" {x[0]} ".join(operand(y, rule) for y in x[1:])


NEGATED = {"in": "in", "in list": "in", "in calendar": "in", "like": "like", "matches": "matches"}


@writes("not")
def negation(x, rule):
    """With an odd number of letters in it, `x not in y` instead of `not x in y`: it means the same."""
    inner = x[1]
    plain = expression(inner, rule)
    if inner[0] in NEGATED and len(plain) % 2 == 1:
        return plain.replace(f" {NEGATED[inner[0]]} ", f" not {NEGATED[inner[0]]} ", 1)
    return f"not {operand(inner, rule)}"


@writes("minus")
def minus(x, rule):
    return f"-{operand(x[1], rule)}"


@writes("now", "now at end")
def now(x, rule):
    return "now()"


@writes("key")
def key_part(x, rule):
    return rule.keys[x[1]]


@writes("like")
def like(x, rule):
    return f'{operand(x[1], rule)} like "{x[2]}"'


@writes("matches")
def matches(x, rule):
    return f'{operand(x[1], rule)} matches r"{x[2]}"'


@writes("null?")
def is_null(x, rule):
    return f"{operand(x[1], rule)} is null"


@writes("in")
def among(x, rule):
    return f"{operand(x[1], rule)} in ({', '.join(str(c) for c in x[2])})"


@writes("call")
def call(x, rule):
    return f"{x[1]}({', '.join(expression(y, rule) for y in x[2:])})"


@writes("which")
def which(x, rule):
    return f"which({', '.join(x[1:])})"
