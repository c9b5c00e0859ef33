#!/usr/bin/env python3
"""Runs what the documentation shows, so that it cannot lie.

    run_examples.py EGRET PAGE.md…

A fenced block of a page is, by the words after its fence:

    ```egret                  a complete set of rules: must pass `egret check` without a word, and `egret test`, with a test
    ```egret fragment         a piece that cannot stand alone: not run
    ```egret error E0123      rules that must be refused with this code
    ```egret refused          a line each: a code, and declarations or clauses of a rule that must be refused with it and nothing else
    ```egret NAME.egret       must pass `egret check`; stands under that name for the console blocks of the page
    ```LANGUAGE FILE          a file (a list, a table, events) that stands beside the rules of the page
    ```console                lines "$ egret …" that must succeed, each followed by the output it must print; a line "…" stands for any
                              number of lines, and JSON may be laid out over several lines

A link to another file must lead to one.

Prints one line for each fault and exits with 1 when there is one.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

# What the lines of a block "egret refused" may speak of: clauses stand in a rule, declarations beside it.
REFUSED_AROUND = """stream a { k: string  n: int  t: string?  at: time } with time at
stream b { k: string  n: int  t: string?  at: time } with time at
profile p { from a  by k  count: count() }
rule other { match a  by k  alert { n: 1 } }
"""
DECLARATION = re.compile(r"(stream|source|sink|list|table|calendar|profile|define)\b")
FENCE = re.compile(r"^```(.*)$")


def blocks(text):
    """Yields (line of the fence, words of its info string, content) of every fenced block."""
    start, words, lines = 0, None, []
    for number, line in enumerate(text.split("\n"), 1):
        fence = FENCE.match(line)
        if words is None and fence:
            start, words, lines = number, fence.group(1).split(), []
        elif words is not None and line.rstrip() == "```":
            yield start, words, "\n".join(lines) + "\n"
            words = None
        elif words is not None:
            lines.append(line)
    if words is not None:
        yield start, ["unclosed"], ""


def is_file(words):
    return len(words) == 2 and "." in words[1]


class Page:
    def __init__(self, egret, path):
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.blocks = list(blocks(self.text))
        self.egret, self.path, self.faults, self.ran = os.path.abspath(egret), path, [], 0
        self.refused = set()

    def fault(self, line, message):
        self.faults.append(f"{self.path}:{line}: {message}")

    def run(self):
        with tempfile.TemporaryDirectory() as folder:
            for _, words, content in self.blocks:
                if is_file(words):
                    with open(os.path.join(folder, words[1]), "w", encoding="utf-8") as file:
                        file.write(content)
            for line, words, content in self.blocks:
                self.run_block(folder, line, words, content)
        self.follow_links()

    def follow_links(self):
        """Links between pages of the tree; what stands in blocks is no link."""
        inside = False
        for number, row in enumerate(self.text.split("\n"), 1):
            inside = inside != bool(FENCE.match(row))
            for target in [] if inside else re.findall(r"\]\(([^)#\s]+)", row):
                if "://" not in target and not os.path.exists(os.path.join(os.path.dirname(self.path), target)):
                    self.fault(number, f"there is no {target}")

    def run_block(self, folder, line, words, content):
        kind = " ".join(words[:2])
        if words[:1] == ["unclosed"]:
            self.fault(line, "this block has no end")
        elif words == ["console"]:
            self.run_console(folder, line, content)
        elif kind == "egret error" and len(words) == 3:
            self.run_refused(folder, line, words[2], content)
        elif words == ["egret", "refused"]:
            self.run_lines(folder, line, content)
        elif words == ["egret"]:
            self.run_complete(folder, line, content)
        elif words[:1] == ["egret"] and is_file(words):
            self.check(folder, line, words[1])
        elif words[:1] == ["egret"] and words != ["egret", "fragment"]:
            self.fault(line, f"what is a block of '{' '.join(words)}'?")

    def command(self, folder, arguments):
        self.ran += 1
        return subprocess.run([self.egret, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False)

    def write(self, folder, content):
        with open(os.path.join(folder, "example.egret"), "w", encoding="utf-8") as file:
            file.write(content)

    def check(self, folder, line, name):
        check = self.command(folder, ["check", name])
        said = (check.stdout + check.stderr).strip()
        good = check.returncode == 0 and not re.search(r"\b[EW]\d{4}\b", said)
        if not good:
            self.fault(line, "egret check:\n" + said)
        return good

    def run_complete(self, folder, line, content):
        self.write(folder, content)
        if not self.check(folder, line, "example.egret"):
            return
        if not re.search(r"^test\b", content, re.M):
            self.fault(line, "a complete example has a test; a piece is marked ```egret fragment")
            return
        test = self.command(folder, ["test", "example.egret"])
        if test.returncode != 0:
            self.fault(line, "egret test:\n" + (test.stdout + test.stderr).strip())

    def run_refused(self, folder, line, code, content):
        self.write(folder, content)
        check = self.command(folder, ["check", "example.egret"])
        said = check.stdout + check.stderr
        if check.returncode != 1 or code not in said:
            self.fault(line, f"egret check should refuse this with {code}, but ended with {check.returncode}:\n{said.strip()}")

    def run_lines(self, folder, line, content):
        self.refused |= set(re.findall(r"^E\d{4}", content, re.M))
        for number, row in enumerate(content.split("\n"), line + 1):
            code, _, text = row.partition("#")[0].strip().partition(" ")
            if not code:
                continue
            text = text.strip()
            rule = text if DECLARATION.match(text) else f"rule refused {{\n  {text}\n  by k\n  {'' if 'signal' in text else 'alert { n: 1 }'}\n}}\n"
            self.write(folder, REFUSED_AROUND + rule)
            check = self.command(folder, ["check", "example.egret"])
            said = check.stdout + check.stderr
            if check.returncode != 1 or set(re.findall(r"\bE\d{4}\b", said)) != {code}:
                self.fault(number, f"egret check should refuse this with {code} alone:\n{said.strip()}")

    def run_console(self, folder, line, content):
        parts = re.split(r"^\$ ", content, flags=re.M)
        for part in parts[1:]:
            command, _, wanted = part.partition("\n")
            words = shlex.split(command)
            if words[:1] != ["egret"]:
                continue
            done = self.command(folder, words[1:])
            if done.returncode != 0:
                self.fault(line, f"'{command}' ended with {done.returncode}:\n{done.stderr.strip()}")
            elif not same_output(wanted, done.stdout):
                self.fault(line, f"'{command}' prints something else:\n{done.stdout.strip()}")


def same_output(wanted, printed):
    """Equal but for blank lines, layout of JSON, and "…" for any number of lines."""
    if "…" in wanted:
        pattern = ".*".join(re.escape(piece.strip()) for piece in re.split(r"^…$", wanted, flags=re.M))
        return re.fullmatch(pattern, printed.strip(), re.S) is not None
    return normal(wanted) == normal(printed)


def normal(text):
    """The text as a list of JSON values where it is a run of them, else of lines."""
    values, at, decoder = [], 0, json.JSONDecoder()
    stripped = text.strip()
    try:
        while at < len(stripped):
            value, end = decoder.raw_decode(stripped, at)
            values.append(value)
            at = end + len(stripped[end:]) - len(stripped[end:].lstrip())
        return values
    except ValueError:
        return [row.rstrip() for row in stripped.split("\n") if row.strip()]


def missing_refusals(egret, shown):
    """What Egret says it does not evaluate yet must stand on some page."""
    known = subprocess.run([egret, "explain", "--code", "all"], capture_output=True, text=True, check=False).stdout
    codes = {"E" + number for number in re.findall(r"^E?(\d{4})  not evaluated yet", known, re.M)}
    return [f"{code} is not evaluated yet, and no page shows it" for code in sorted(codes - shown)]


def main(arguments):
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    faults, ran, refused = [], 0, set()
    for path in arguments[2:]:
        page = Page(arguments[1], path)
        page.run()
        faults += page.faults
        ran += page.ran
        refused |= page.refused
    faults += missing_refusals(arguments[1], refused)
    print("\n".join(faults))
    print(f"{ran} commands of the documentation run, {len(faults)} faults")
    return 1 if faults or ran == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
