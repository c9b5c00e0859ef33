"""known.py: profiles, what the key's earlier events say, lists and tables with their files."""
import zlib
from fractions import Fraction

from printer import hours
from printer.values import atoms_text, decimal_text, duration, expression, operand, pairs, writes
from rules import Duration


def profile_name(rule):
    return "of_" + rule.name


@writes("prev", "changed")
def of_field(x, rule):
    return f"{x[0]}({x[1]})"


@writes("new")
def new(x, rule):
    return f"new({x[1]} over {duration(x[2])})"


@writes("prof of")
def profile_of(x, rule):
    return f"{profile_name(rule)}[{', '.join(expression(y, rule) for y in x[2:])}].{x[1]}"


@writes("prof")
def profile_member(x, rule):
    return f"{profile_name(rule)}.{x[1]}"


def declarations(rule, by):
    """What stands outside the rule, and is its own."""
    if not rule.profile:
        return []
    source, members = rule.profile
    return [f"profile {profile_name(rule)} {{ from {atoms_text([source], rule)} by {by}  {pairs(members, rule)} }}"]


# ---- lists and tables ----

@writes("in list")
def member(x, rule):
    return f"{operand(x[2], rule)} in {x[1]}"


@writes("cell")
def cell(x, rule):
    return f"{x[1]}[{', '.join(expression(y, rule) for y in x[3:])}].{x[2]}"


def cell_text(x):
    if isinstance(x, Duration):
        return duration(x)
    return "" if x is None else decimal_text(x) if isinstance(x, Fraction) else str(x)


def table_text(table):
    return "".join(",".join(row) + "\n" for row in [list(table.columns)] + [[cell_text(row[c]) for c in table.columns] for row in table.rows])


def file_name(text):
    """Of its content, so that all pairs of a process may have their files in one folder."""
    return f"{zlib.crc32(text.encode()):08x}.txt"


def content_of(rules):
    """The text that declares what the rules know, and their files by name."""
    content = rules[0].content if rules else None
    if content is None:
        return [], {}
    lines, files = [], {}
    for name, items in content.lists.items():
        text = "".join(f"{item}\n" for item in items)
        files[file_name(text)] = text
        lines.append(f'list {name}: "{file_name(text)}"')
    for name, table in content.tables.items():
        text = table_text(table)
        files[file_name(text)] = text
        columns = "  ".join(f"{column}: {kind}" for column, kind in table.columns.items())
        lines.append(f'table {name}: "{file_name(text)}" key {", ".join(table.key)} {{ {columns} }}')
    return lines + [hours.declaration(name, entries) for name, entries in content.calendars.items()], files
