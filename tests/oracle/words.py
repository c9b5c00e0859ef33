#!/usr/bin/env python3
"""words.py: does the random test know every word that the language evaluates?

The words come from the compiler and the reference, not from here: the forms of compiler/check_call.c (count, prev, which …), the functions of
compiler/functions.c, and each quoted word of the grammar in docs/language.md with the production it stands in (link:any, quant:any), as the same
word means different things in different places. Each of them must stand

- in the registry (operators/), as a word of an operator; or
- in OUTSIDE, with the test that covers it instead, as it means nothing to the engine; or
- in REFUSED, beside the code with which the compiler still refuses it. When the code goes away, the operators named there must have come.

    words.py SOURCE_DIR
"""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from operators import OPERATORS

# Code of "not evaluated yet" -> the words or operators that must be in the registry once the code is gone.
REFUSED = {}

# Productions whose words say nothing about what a rule does with events, and what covers them.
OUTSIDE = {
    "stream": "ingest: tests/unit/ingest", "type": "ingest: tests/unit/ingest", "option": "ingest: tests/unit/ingest",
    "source": "ingest: tests/unit/ingest", "sink": "alerting: tests/unit/alerting", "value": "options of sources and sinks",
    "test": "app: tests/unit/app", "step": "app: tests/unit/app", "rule": "the frame of a rule",
    "clause:tags": "text on the alert", "clause:to": "alerting: tests/unit/alerting", "clause:mode": "app: counts and does not tell",
    "define": "a name for an expression, gone after the compiler: tests/golden/plan",
    "prim:true": "a constant", "prim:false": "a constant", "prim:null": "a constant",
}


def grammar_words(page):
    """production:word of each quoted word with a letter or a sign of arithmetic or repetition in it."""
    grammar = re.sub(r"\(\*.*?\*\)", "", re.search(r"```ebnf\n(.*?)```", page, re.S).group(1), flags=re.S)
    words = set()
    for name, body in re.findall(r'(\w+)\s+=\s((?:"[^"]*"|[^;"])*);', grammar):
        words |= {f"{name}:{word}" for word in re.findall(r'"([^"]+)"', body) if re.search(r"[a-z?+*/%<>!-]|==", word)}
    return words


def compiler_words(check_call, functions):
    forms = re.search(r"FORMS\[\] = \{(.*?)\}", check_call, re.S).group(1)
    words = {"form:" + name for name in re.findall(r'"(\w+)"', forms)}
    return words | {"function:" + name for name in re.findall(r'\[EGRET_FN_\w+\] = \{\s*"(\w+)"', functions)}


def refused_codes(codes):
    return {int(n) for n in re.findall(r'CODE\((\d+), "not evaluated yet', codes)}


def problems(words, codes, operators):
    """Sentences about what is missing or too much."""
    names = {o.name for o in operators}
    known = {word for o in operators for word in o.words}
    waiting = {word for code in codes for word in REFUSED.get(code, ())}
    for code in sorted(codes - set(REFUSED)):
        yield f"E{code:04} is refused, but REFUSED in words.py does not say which operators come when it is evaluated"
    for code in sorted(set(REFUSED) - codes):
        for need in REFUSED[code]:
            if need not in names | known:
                yield f"E{code:04} is gone: what it refused is evaluated, but the registry has no operator '{need}'"
    for word in sorted(words):
        outside = word in OUTSIDE or word.split(":")[0] in OUTSIDE
        if not outside and word not in known | waiting:
            yield f"'{word}' is in the language, but no operator of the registry stands for it"
    for word in sorted(known - words):
        yield f"an operator stands for '{word}', which is not in the language"


def read(source, *path):
    with open(os.path.join(source, *path), encoding="utf-8") as file:
        return file.read()


def main(source):
    words = grammar_words(read(source, "docs", "language.md"))
    words |= compiler_words(read(source, "compiler", "check_call.c"), read(source, "compiler", "functions.c"))
    codes = refused_codes(read(source, "compiler", "codes_check.def"))
    found = list(problems(words, codes, OPERATORS))
    already = len(found)
    for dropped in OPERATORS:       # the check itself: without any one that alone stands for a word, it complains
        rest = [o for o in OPERATORS if o is not dropped]
        alone = set(dropped.words) - {word for o in rest for word in o.words}
        if alone and len(list(problems(words, codes, rest))) <= already:
            found.append(f"the check does not notice when '{dropped.name}' is missing")
    print("\n".join(found) or f"{len(words)} words, {len(OPERATORS)} operators")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
