"""functions.py: the functions of the language, one small definition each, by name; like and matches."""
import ipaddress
import math
import re
from fractions import Fraction

from meaning.values import means, value

EARTH_KM = 6371.0088


def cut(x, digits, step):
    """x in whole units of 10^-digits, of which `step` says how many; a float stays one."""
    unit = Fraction(10) ** -digits
    result = step(Fraction(x) / unit) * unit
    return float(result) if isinstance(x, float) else int(result) if isinstance(x, int) else result


def half_away(q):
    return int(abs(q) + Fraction(1, 2)) * (1 if q >= 0 else -1)


def letters(s, first, last, other):
    return "".join(chr(ord(c) - ord(first) + ord(other)) if first <= c <= last else c for c in s)


def as_text(x):
    if isinstance(x, bool):
        return "true" if x else "false"
    if isinstance(x, Fraction):     # decimals come with two digits here
        cents = int(x * 100)
        return f"{'-' * (cents < 0)}{abs(cents) // 100}.{abs(cents) % 100:02d}"
    if isinstance(x, float):
        return str(int(x)) if x == int(x) else repr(x)
    return str(x)


def substring(s, start, count=None):
    """The characters whose numbers are from `start` on, the first being 1."""
    end = math.inf if count is None else start + count
    return "".join(c for number, c in enumerate(s, 1) if start <= number < end)


def number_of(x):
    if isinstance(x, str):
        return float(x) if re.fullmatch(r"-?[0-9]+([.][0-9]+)?", x) else None
    return float(x)


def int_of(x):
    if isinstance(x, str):
        return int(x) if re.fullmatch(r"-?[0-9]+", x) else None
    return int(x)


def distance_km(lat1, lon1, lat2, lon2):
    """On a sphere, by the angle between the two directions as seen from its middle."""
    if max(abs(lat1), abs(lat2)) > 90 or max(abs(lon1), abs(lon2)) > 360:
        return None

    def direction(lat, lon):
        a, b = math.radians(lat), math.radians(lon)
        return math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)

    one, two = direction(lat1, lon1), direction(lat2, lon2)
    apart = math.dist(one, two)
    return 2 * EARTH_KM * math.asin(min(1.0, apart / 2))


def ip_in(ip, net):
    try:
        return ipaddress.ip_address(ip) in ipaddress.ip_network(net, strict=False)
    except ValueError:
        return False


# A null argument gives null.
FUNCTIONS = {
    "abs": abs, "least": min, "greatest": max,
    "round": lambda x, digits=0: cut(x, digits, half_away), "floor": lambda x: cut(x, 0, math.floor), "ceil": lambda x: cut(x, 0, math.ceil),
    "sqrt": lambda x: math.sqrt(x) if x >= 0 else None,
    "lower": lambda s: letters(s, "A", "Z", "a"), "upper": lambda s: letters(s, "a", "z", "A"), "trim": lambda s: s.strip(" \t\r\n"),
    "length": len, "starts_with": str.startswith, "ends_with": str.endswith, "contains": lambda s, part: part in s,
    "substring": substring, "concat": lambda *args: "".join(map(as_text, args)), "to_string": as_text,
    "to_number": number_of, "to_int": int_of, "distance_km": distance_km, "ip_in": ip_in,
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


@means("like")
def like(x, view):
    """* is any run, ? one character; case does not matter."""
    text, pattern = value(x[1], view), x[2]
    signs = {"*": ".*", "?": "."}
    return text is not None and bool(re.fullmatch("".join(signs.get(c) or re.escape(c) for c in pattern), text, re.S | re.I | re.A))


@means("matches")
def matches(x, view):
    text = value(x[1], view)
    return text is not None and bool(re.search(x[2], text))
