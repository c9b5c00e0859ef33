"""operators: the registry: all operators of the language that random pairs exercise, by subject.

run.py counts them; words.py checks that no word of the language is missing. Whoever adds a word to the language adds its operator to the list
of its subject, its meaning to meaning/, and makes generator/ and printer/ produce it.
"""
from operators import alert, branch, hours, known, sequence, silence, values, window
from operators.look import Look

SUBJECTS = {"sequence": sequence, "branch": branch, "silence": silence, "window": window, "alert": alert, "known": known, "hours": hours, "values": values}
OPERATORS = [operator for subject in SUBJECTS.values() for operator in subject.OPERATORS]
NAMES = [operator.name for operator in OPERATORS]
assert len(set(NAMES)) == len(NAMES), "an operator stands twice in the registry"


def operators_of(rule, late=False):
    """The names of the operators that a rule exercises; late: some events came too late."""
    look = Look(rule, late)
    return {operator.name for operator in OPERATORS if operator.has(look)}
