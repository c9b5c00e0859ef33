#!/usr/bin/env python3
"""Reads texts by the grammar that docs/language.md prints, and compares with the parser, so that the page cannot lie about it.

    grammar.py EGRET SOURCE_DIR [RECOGNISER]

The grammar is taken from the page as it stands there and followed by Earley's algorithm, which takes any grammar and knows no precedence of its own. Then

- every example of the pages and every rule of the packs, of the tests and of the parser's golden files, is a sentence of it;
- random sentences of it are read by the parser without an error;
- of sentences with a token too few, too many, or in the wrong place, both say the same: a sentence, or none.

RECOGNISER is another reader of the language, if there is one, a program in Python that reads the files of its command line: it must take what the
pages show. Without it that is skipped.
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile

TOKENS = re.compile(r'''(?P<skip>\s+|\#[^\n]*)|(?P<REGEX>r"(?:\\.|[^"\\])*")|(?P<STRING>"(?:\\.|[^"\\])*")|(?P<DURATION>(?:\d+(?:ms|[smhdw]))+\b)
    |(?P<FLOAT>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)|(?P<INT>\d+)|(?P<IDENT>[A-Za-z_]\w*)|(?P<sign>==|!=|<=|>=|[{}()\[\]:,.|=<>+\-*/%?])''', re.X)
RESERVED = {"and", "or", "not", "in", "is", "like", "matches", "true", "false", "null"}
KINDS = {"IDENT", "INT", "FLOAT", "DURATION", "STRING", "REGEX"}
DECLARATIONS = {"stream", "source", "sink", "list", "table", "calendar", "profile", "define", "rule", "test"}
# What the parser refuses though each clause alone is right: the second of a kind, bounds in the wrong order, and what stands in no grammar (see the codes' stories).
BEYOND_GRAMMAR = {207, 210, 213}
# With these the arguments of a call do not begin, as the page says above the grammar.
NO_ARGUMENT = ("where", "over", "before")


def tokens_of(text):
    """[(kind, text)]; None: something is no token."""
    found, at = [], 0
    while at < len(text):
        m = TOKENS.match(text, at)
        if not m:
            return None
        if m.lastgroup != "skip":
            found.append((m.lastgroup, m.group()))
        at = m.end()
    return found


# ---- the grammar ----

class Grammar:
    """Rules of plain symbols: name -> list of alternatives, each a tuple of ("rule", name), ("word", text) or ("kind", KIND);
    ("unlike", words) takes nothing, and wants none of the words to be next."""

    def __init__(self, page):
        text = re.sub(r"\(\*.*?\*\)", "", re.search(r"```ebnf\n(.*?)```", page, re.S).group(1), flags=re.S)
        self.tokens = re.findall(r'"[^"]*"|\w+|[=|;{}\[\]()]', text)
        self.rules, self.at, self.fresh = {}, 0, 0
        while self.at < len(self.tokens):
            name = self.take()
            assert self.take() == "=", name
            self.rules[name] = self.alternatives(";")
        first = self.rules["args"][0][0][1]
        self.rules[first] = [(("unlike", NO_ARGUMENT),) + row if row else row for row in self.rules[first]]

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def alternatives(self, end):
        found, row = [], []
        while True:
            token = self.take()
            if token in ("|", end):
                found.append(tuple(row))
                row = []
                if token == end:
                    return found
            else:
                row.append(self.symbol(token))

    def symbol(self, token):
        if token.startswith('"'):
            return ("word", token[1:-1])
        if token in KINDS:
            return ("kind", token)
        if token not in "([{":
            return ("rule", token)
        inner = self.alternatives({"(": ")", "[": "]", "{": "}"}[token])
        self.fresh += 1
        name = f"#{self.fresh}"
        again = ("rule", name)
        self.rules[name] = inner if token == "(" else inner + [()] if token == "[" else [row + (again,) for row in inner] + [()]
        return again

    def unknown(self):
        return sorted({s[1] for rows in self.rules.values() for row in rows for s in row if s[0] == "rule" and s[1] not in self.rules})


def fits(symbol, token):
    kind, text = token
    if symbol[0] == "word":
        return kind not in ("STRING", "REGEX") and text == symbol[1]
    return kind == symbol[1] and not (kind == "IDENT" and text in RESERVED)


class Reader:
    def __init__(self, grammar):
        self.rules = grammar.rules
        self.empty = set()
        while True:
            more = {n for n, rows in self.rules.items() if any(all(s[0] == "rule" and s[1] in self.empty for s in row) for row in rows)}
            if more == self.empty:
                break
            self.empty = more

    def takes(self, start, tokens):
        """Earley: items are (rule, row, dot, origin)."""
        sets = [set() for _ in range(len(tokens) + 1)]
        waiting = [{} for _ in sets]        # rule -> items whose next symbol it is

        def close(at, todo):
            while todo:
                item = todo.pop()
                if item in sets[at]:
                    continue
                sets[at].add(item)
                name, row, dot, origin = item
                if dot == len(row):
                    todo += [(n, r, d + 1, o) for n, r, d, o in waiting[origin].get(name, ())]
                elif row[dot][0] == "unlike":
                    todo += [(name, row, dot + 1, origin)] if tokens[at:at + 1] and tokens[at][1] not in row[dot][1] else []
                elif row[dot][0] == "rule":
                    inner = row[dot][1]
                    waiting[at].setdefault(inner, []).append(item)
                    todo += [(inner, r, 0, at) for r in self.rules[inner]]
                    if inner in self.empty:
                        todo.append((name, row, dot + 1, origin))

        close(0, [(start, row, 0, 0) for row in self.rules[start]])
        for at, token in enumerate(tokens):
            moved = [(n, r, d + 1, o) for n, r, d, o in sets[at] if d < len(r) and r[d][0] in ("word", "kind") and fits(r[d], token)]
            if not moved:
                return False
            close(at + 1, moved)
        return any(n == start and d == len(r) and o == 0 for n, r, d, o in sets[-1])

    def reads(self, tokens):
        """A file, declaration by declaration: one begins where a word of them stands outside of brackets and begins a line of thought."""
        return tokens is not None and all(self.takes("file", part) for part in declarations(tokens))


def declarations(tokens):
    parts, depth = [[]], 0
    for n, (kind, text) in enumerate(tokens):
        ahead = tokens[n + 1][0] if n + 1 < len(tokens) else ""
        if depth == 0 and kind == "IDENT" and text in DECLARATIONS and ahead == "IDENT" and parts[-1] and parts[-1][-1][1] not in ("=", ":", ","):
            parts.append([])
        depth += (text in "{[(") - (text in "}])") if kind == "sign" else 0
        parts[-1].append((kind, text))
    return [part for part in parts if part]


# ---- sentences ----

WORDS = ("a", "b", "card", "amount", "user", "x1", "at", "count", "first", "time", "over", "where")
SAMPLES = {"INT": ("0", "3", "12"), "FLOAT": ("0.5", "9.99", "1e6"), "DURATION": ("5m", "1h30m", "500ms", "90d"), "STRING": ('"x"', '"Mon-Fri"'),
           "REGEX": ('r"^a"',)}


class Writer:
    """Random sentences; the deeper, the shorter."""

    def __init__(self, grammar, seed):
        self.rules, self.r = grammar.rules, random.Random(seed)
        self.least = {name: 99 for name in self.rules}
        for _ in range(len(self.rules)):
            for name, rows in self.rules.items():
                self.least[name] = min(1 + max((self.least[s[1]] for s in row if s[0] == "rule"), default=0) for row in rows)

    def sentence(self, name, room):
        rows = self.rules[name]
        fitting = [row for row in rows if all(self.least[s[1]] < room for s in row if s[0] == "rule")]
        row = self.r.choice(fitting) if fitting else min(rows, key=lambda row: max((self.least[s[1]] for s in row if s[0] == "rule"), default=0))
        words, unlike = [], ()
        for kind, what in row:
            if kind == "unlike":
                unlike = what
            elif kind == "rule":
                inner = self.sentence(what, room - 1)
                while inner[:1] and inner[0] in unlike:
                    inner = self.sentence(what, room - 1)
                words, unlike = words + inner, ()
            elif kind == "word":
                words.append(what)
            else:
                words.append(self.r.choice(WORDS if what == "IDENT" else SAMPLES[what]))
        return words

    def declaration(self):
        return self.sentence(self.r.choice(("stream", "source", "sink", "list", "table", "calendar", "profile", "define", "rule", "rule", "rule", "rule",
                                            "rule", "test")), self.r.choice((14, 18, 22, 26)))

    def spoilt(self, words):
        words, at = list(words), self.r.randrange(len(words))
        how = self.r.randrange(3)
        if how == 0:
            del words[at]
        elif how == 1:
            words.insert(at, self.r.choice(words))
        else:
            other = self.r.randrange(len(words))
            words[at], words[other] = words[other], words[at]
        return words


def refused_by_parser(egret, texts):
    """{number of the text: codes} of those in which the parser finds an error."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for n, text in enumerate(texts):
            names.append(os.path.join(folder, f"{n:05}.egret"))
            with open(names[-1], "w", encoding="utf-8") as file:
                file.write(text + "\n")
        out = subprocess.run([egret, "check", "--json", *names], stdout=subprocess.PIPE, check=False).stdout
        found = {}
        for diag in json.loads(out)["diagnostics"]:
            code = int(diag["code"][1:])
            if code < 300:
                found.setdefault(int(os.path.basename(diag["file"])[:5]), set()).add(code)
        return found


# ---- what is compared ----

def shown(source):
    """(name, text) of all that people see or the tests run."""
    for folder in ("docs", "."):
        for base, folders, names in os.walk(os.path.join(source, folder)):
            folders[:] = [f for f in folders if folder == "docs"]
            for name in names:
                if name.endswith(".md"):
                    with open(os.path.join(base, name), encoding="utf-8") as file:
                        page = file.read()
                    for n, (info, text) in enumerate(re.findall(r"^```egret ?(.*?)\n(.*?)^```$", page, re.M | re.S)):
                        if info.split(" ")[0] not in ("fragment", "refused", "error"):
                            yield f"{name}, example {n + 1}", text
    for folder in ("rules", "tests/packs", "tests/scenario", "tests/golden/plan", "tests/golden/run"):
        for base, _, names in os.walk(os.path.join(source, folder)):
            for name in sorted(names):
                if name.endswith(".egret"):
                    with open(os.path.join(base, name), encoding="utf-8") as file:
                        yield name, file.read()


def refused_by_other(recogniser, texts):
    """{number of the text: what it says}. It is a program that reads the files of its command line and says "<file> ERR …" of those that it cannot read."""
    with tempfile.TemporaryDirectory() as folder:
        for n, text in enumerate(texts):
            with open(os.path.join(folder, f"{n}.egret"), "w", encoding="utf-8") as file:
                file.write(text + "\n")
        ran = subprocess.run([sys.executable, os.path.abspath(recogniser), *[f"{n}.egret" for n in range(len(texts))]], cwd=folder, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False)
        found = dict(re.findall(r"^(\d+)\.egret (.*)$", ran.stdout.decode(errors="replace"), re.M))
        if len(found) != len(texts):
            return {0: f"it read {len(found)} of {len(texts)} texts: {ran.stdout.decode(errors='replace')[-300:]}"}
        return {int(n): said for n, said in found.items() if said.startswith("ERR ")}


def compared_with_other(recogniser, reader, texts):
    """Faults: what one of the two takes and the other does not. It knows no values in braces, so it is not asked about sources and sinks that have them."""
    texts = [text for text in texts if not re.search(r"\b(source|sink) \w+ ?: ?\w+ \{(?:[^{}]|\{[^{}]*\})*[:,] ?\{", text)]
    refused = refused_by_other(recogniser, texts)
    for n, text in enumerate(texts):
        mine = reader.reads(tokens_of(text))
        if mine == (n in refused):
            yield f"the grammar {'takes' if mine else 'refuses'}, the other reader says {refused.get(n, 'nothing against')}: {' '.join(text.split())[:300]}"


def main(egret, source, recogniser):
    with open(os.path.join(source, "docs", "language.md"), encoding="utf-8") as file:
        grammar = Grammar(file.read())
    faults = [f"the grammar does not say what '{name}' is" for name in grammar.unknown()]
    reader, texts = Reader(grammar), list(shown(source))
    faults += [f"{name} is no sentence of the grammar" for name, text in texts if not reader.reads(tokens_of(text))]

    writer = Writer(grammar, 1)
    good = [writer.declaration() for _ in range(600)]
    codes = refused_by_parser(egret, [" ".join(words) for words in good])
    faults += [f"the parser refuses a sentence of the grammar ({codes[n]}): {' '.join(good[n])}" for n in sorted(codes) if codes[n] - BEYOND_GRAMMAR]

    bad = [writer.spoilt(words) for words in good if words]
    codes = refused_by_parser(egret, [" ".join(words) for words in bad])
    for n, words in enumerate(bad):
        mine, refused = reader.reads(tokens_of(" ".join(words))), codes.get(n, set())
        if mine == bool(refused - BEYOND_GRAMMAR):
            faults.append(f"the grammar {'takes' if mine else 'refuses'}, the parser {refused or 'takes'}: {' '.join(words)}")

    if not 50 < len(codes) < len(bad) - 50:
        faults.append(f"{len(codes)} of {len(bad)} spoilt sentences are refused: that says nothing")
    if recogniser and os.path.exists(recogniser):
        other = list(compared_with_other(recogniser, reader, [text for _, text in texts] + [" ".join(words) for words in good + bad]))
        print(f"the other reader: {len(texts)} texts and {len(good) + len(bad)} sentences, {len(other)} differences")
        faults += other
    else:
        print("the other reader is not here: skipped")
    print("\n".join(faults[:40]))
    print(f"{len(texts)} texts, {len(good)} sentences, {len(bad)} spoilt ones, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else os.environ.get("EGRET_RECOGNISER", "")))
