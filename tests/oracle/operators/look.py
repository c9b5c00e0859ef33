"""look.py: what one asks of a rule to say which operators it exercises, and what an operator is.

An operator is whatever of the language has a meaning of its own: a word, a clause, an aggregate, and each combination that the language page
tells apart ("a loop at the end, with when"). It has a name, the words of the grammar it stands for (production:word, as words.py
reads them from the reference), and a test that says whether a rule has it.
"""
from dataclasses import dataclass
from typing import Callable

from rules import all_atoms, all_expressions, all_gaps


def nodes_of(x):
    if isinstance(x, tuple) and x and isinstance(x[0], str):
        yield x
    if isinstance(x, tuple):
        for y in x:
            yield from nodes_of(y)


class Look:
    """A rule, with its atoms and all parts of its expressions."""

    def __init__(self, rule, late):
        self.rule, self.late = rule, late
        self.items = rule.items
        self.atoms = all_atoms(rule)
        self.gaps = all_gaps(rule)
        members = [x for _, x in rule.profile[1]] + [rule.profile[0].cond] if rule.profile else []
        self.nodes = [node for x in all_expressions(rule) + members for node in nodes_of(x)]
        self.tags = {(node[0], node[1] if len(node) > 1 and isinstance(node[1], str) else None) for node in self.nodes}
        self.tags |= {(tag, None) for tag, _ in self.tags}      # whatever its name is

    def has(self, tag, name=None):
        """Does an expression of this tag (and name) stand in the rule?"""
        return (tag, name) in self.tags

    def any_node(self, tag, test):
        return any(node[0] == tag and test(node) for node in self.nodes)


@dataclass
class Operator:
    name: str
    has: Callable       # of Look: does the rule exercise it?
    words: tuple = ()   # of the grammar


def op(name, has, *words):
    return Operator(name, has, words)


def expr(tag, *words):
    """An operator of expressions that is its tag."""
    return Operator("expr: " + tag, lambda look: look.has(tag), words)
