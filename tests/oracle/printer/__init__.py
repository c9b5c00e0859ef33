"""printer: the structures of rules.py as rule text, by subject. A subject gives the clauses it is about, as lines."""
from generator.choices import STREAMS
from printer import alert, hours, known, sequence, window

FIELDS = "k: string?  g: int?  v: int  w: int?  m: decimal  s: string  x: number  t: time  u: bool"


def by_text(rule):
    by = ", ".join(rule.keys)
    if rule.alias:
        by += " = " + " | ".join(key_text(stream, name, rule) for stream, name in sorted(rule.alias.items()))
    return by + (f" in {rule.known_keys}" if rule.known_keys else "")


def key_text(stream, x, rule):
    """A field of the stream, or a cell of a table that one leads to."""
    if isinstance(x, str):
        return f"{stream}.{x}"
    _, table, column, (_, name) = x
    return f"{table}[{stream}.{name}].{column}"


def rule_text(rule):
    by = by_text(rule)
    lines = sequence.head(rule) + window.head(rule)
    lines += [f"by {by}"] if by else []
    lines += [f"by {', '.join(rule.also_by)}"] if rule.also_by else []
    for subject in (window, sequence, hours):
        lines += subject.clauses(rule)
    lines += alert.said(rule) + alert.clauses(rule)
    return "\n".join(known.declarations(rule, by) + [f"rule {rule.name} {{"] + ["  " + line for line in lines] + ["}"])


def file_text(rules):
    """The whole file: streams, what is known, then each rule and what it brings."""
    streams = [f"stream {s} {{ {FIELDS} }}" for s in STREAMS]
    return "\n".join(streams + known.content_of(rules)[0] + sequence.span_defines(rules) + [rule_text(rule) for rule in rules]) + "\n"


def files_of(rules):
    """The files that the text names: name -> text."""
    return known.content_of(rules)[1]
