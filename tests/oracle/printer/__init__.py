"""printer: the structures of rules.py as rule text, by subject. A subject gives the clauses it is about, as lines."""
from generator.choices import STREAMS
from printer import alert, known, sequence, silence, window

FIELDS = "k: string?  g: int?  v: int  w: int?  m: decimal  s: string  x: number"


def by_text(rule):
    by = ", ".join(rule.keys)
    if rule.alias:
        by += " = " + " | ".join(f"{stream}.{name}" for stream, name in sorted(rule.alias.items()))
    return by


def rule_text(rule):
    by = by_text(rule)
    lines = sequence.head(rule) + window.head(rule)
    lines += [f"by {by}"] if by else []
    lines += [f"by {', '.join(rule.also_by)}"] if rule.also_by else []
    for subject in (window, sequence, silence):
        lines += subject.clauses(rule)
    lines += alert.said(rule) + alert.clauses(rule)
    return "\n".join(known.declarations(rule, by) + [f"rule {rule.name} {{"] + ["  " + line for line in lines] + ["}"])


def file_text(rules):
    """The whole file: streams, then each rule and what it brings."""
    return "\n".join([f"stream {s} {{ {FIELDS} }}" for s in STREAMS] + [rule_text(rule) for rule in rules]) + "\n"
