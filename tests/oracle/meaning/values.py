"""values.py: what an expression says, and whether an event fits.

Each kind of expression is one function, said by @means to be the meaning of its tag; the subjects add theirs beside what they are about
(windows in window.py, what is remembered in known.py). Everything is computed afresh from the whole history whenever it is asked for; sums are exact
(fractions) and rounded once. Null (None) in gives null out in arithmetic, and makes every comparison false.
"""
import operator
from dataclasses import replace
from fractions import Fraction

MEANING = {}        # tag of an expression -> function of (expression, view)


def means(*tags):
    def take(function):
        for tag in tags:
            assert tag not in MEANING, tag
            MEANING[tag] = function
        return function
    return take


def value(x, view):
    return MEANING[x[0]](x, view)


def fits(atoms, event, view):
    """The atom that takes the event, or None. view: what is bound where the condition stands."""
    for atom in atoms:
        if atom.stream == event.stream and (atom.cond is None or value(atom.cond, replace(view, event=event))):
            return atom
    return None


@means("const")
def constant(x, view):
    return x[1]


@means("f")
def own_field(x, view):
    return view.event.f.get(x[1]) if view.event else None


@means("let")
def let(x, view):
    return value(dict(view.rule.lets)[x[1]], view)


@means("which")
def which(x, view):
    return ", ".join(name for name in x[1:] if value(("let", name), view))


@means("and")
def conjunction(x, view):
    return all(value(y, view) for y in x[1:])


@means("or")
def disjunction(x, view):
    return any(value(y, view) for y in x[1:])


@means("not")
def negation(x, view):
    return not value(x[1], view)


@means("null?")
def is_null(x, view):
    return value(x[1], view) is None


@means("in")
def among(x, view):
    return value(x[1], view) in x[2]


@means("now")
def now(x, view):
    """In the condition of a stream: the time of its event. Of events of a step: when they are asked."""
    return view.event.time if view.later is None else view.later


@means("now at end")
def now_at_end(x, view):
    return view.now[0]


@means("key")
def key_part(x, view):
    return view.key[x[1]]


COMPARE = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@means(*COMPARE)
def comparison(x, view):
    a, b = value(x[1], view), value(x[2], view)
    return a is not None and b is not None and COMPARE[x[0]](a, b)


ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": lambda a, b: float(Fraction(a) / Fraction(b)),
              "%": lambda a, b: a - b * int(Fraction(a, b))}    # what is left has the sign of a


@means(*ARITHMETIC)
def arithmetic(x, view):
    op, a, b = x[0], value(x[1], view), value(x[2], view)
    if a is None or b is None or (op in "/%" and b == 0):
        return None
    result = ARITHMETIC[op](a, b)
    return None if isinstance(result, int) and not -1 << 63 <= result < 1 << 63 else result


@means("minus")
def minus(x, view):
    a = value(x[1], view)
    return None if a is None else -a
