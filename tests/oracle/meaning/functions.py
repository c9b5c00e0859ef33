"""functions.py: the functions of the language, one small definition each, by name."""
from meaning.values import means, value

# A null argument gives null.
FUNCTIONS = {
    "abs": abs,
    "least": min,
    "greatest": max,
}

# These say themselves what null does.
NULL_SAFE = {
    "if": lambda c, a, b: a if c else b,
    "coalesce": lambda *args: next((a for a in args if a is not None), None),
}


@means("call")
def call(x, view):
    args = [value(y, view) for y in x[2:]]
    if x[1] in NULL_SAFE:
        return NULL_SAFE[x[1]](*args)
    return None if None in args else FUNCTIONS[x[1]](*args)
