"""known.py: profiles, and what the key's earlier events say."""
from printer.values import atoms_text, duration, pairs, writes


def profile_name(rule):
    return "of_" + rule.name


@writes("prev", "changed")
def of_field(x, rule):
    return f"{x[0]}({x[1]})"


@writes("new")
def new(x, rule):
    return f"new({x[1]} over {duration(x[2])})"


@writes("prof")
def profile_member(x, rule):
    return f"{profile_name(rule)}.{x[1]}"


def declarations(rule, by):
    """What stands outside the rule, and is its own."""
    if not rule.profile:
        return []
    source, members = rule.profile
    return [f"profile {profile_name(rule)} {{ from {atoms_text([source], rule)} by {by}  {pairs(members, rule)} }}"]
