#!/usr/bin/env python3
"""Checks that the tree keeps its own rules: which folder may include which, how long files and functions may grow,
that the product is C, that no unfinished work is marked in it, and that every header compiles alone.

    check_tree.py SOURCE_DIR includes|sizes|language|purity|words|headers [COMPILER]

Prints one line for each fault, "file:line: what is wrong", and exits with 1 when there is one. The rules are the tables
right below; docs/architecture.md tells their reasons, and test_check_tree.py shows that each of them can fail.
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# Each folder of the product and what it may include besides itself. include/egret.h is open to all.
MAY_INCLUDE = {
    "include": set(),
    "compiler": {"include"},
    "nfa": {"include", "compiler"},
    "store": {"include", "compiler", "nfa"},
    "edge": {"include", "compiler"},
    "ingest": {"include", "compiler", "nfa", "store", "edge"},
    "alerting": {"include", "compiler", "nfa", "store", "edge"},
    "web": {"include", "compiler", "nfa", "store", "edge", "ingest", "alerting"},
    "app": {"include", "compiler", "nfa", "store", "edge", "ingest", "alerting", "web"},
    "examples": {"include"},
}
PRODUCT = [folder for folder in MAY_INCLUDE if folder != "examples"]
# The engine builds with the C library, PCRE2 and xxHash alone, and never touches the outside world.
ENGINE = ["compiler", "nfa"]
ENGINE_HEADERS = set(
    "arpa/inet assert ctype errno fcntl fenv float inttypes iso646 limits locale math setjmp stdalign stdarg stdatomic stdbool stddef "
    "stdint stdio stdlib stdnoreturn string strings time unistd sys/mman sys/stat sys/types".split()
) | {"pcre2", "xxhash"}
ENGINE_NEVER_CALLS = (
    "abort clock clock_gettime exit fprintf getaddrinfo getenv gettimeofday perror pthread_create putchar puts printf rand random "
    "socket srand strtok time vfprintf vprintf"
).split()

FILE_MAX_LINES = 900
FUNCTION_MAX_LINES = 70
# The dispatch loop: one switch over all operators of an expression. Nothing else may be long.
LONG_FUNCTIONS = {("nfa/eval.c", "eval")}

CODE_FOLDERS = list(MAY_INCLUDE) + ["tests", "bench"]
# Folders whose content is data, made to be strange.
DATA_FOLDERS = {"corpus", "malformed"}
NOT_SOURCE = re.compile(r"^(\.git|build.*|\.cache|__pycache__)$")


def files(root, folders, endings):
    """Paths relative to root of all files below the folders with one of the endings, sorted."""
    found = []
    for folder in folders:
        for here, below, names in os.walk(os.path.join(root, folder)):
            below[:] = [name for name in below if not NOT_SOURCE.match(name) and name not in DATA_FOLDERS]
            for name in names:
                if name.endswith(endings):
                    found.append(os.path.relpath(os.path.join(here, name), root))
    return sorted(set(found))


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def without_comments_and_strings(text):
    """The same lines with comments and the insides of literals gone, so that braces can be counted."""
    pattern = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)

    def blank(match):
        found = match.group(0)
        quote = found[0] if found[0] in "\"'" else ""
        return quote + "\n" * found.count("\n") + quote

    return pattern.sub(blank, text)


def functions(text):
    """Yields (name, first line, last line) of every function of a C file.

    What stands at depth 0 before a "{" and ends with a ")" (perhaps followed by attributes) is a function's head. A "}"
    in the first column closes whatever is open: with that, branches of #if that each open a brace do no harm.
    """
    head, head_line, depth, name = "", 0, 0, None
    continued = False
    for number, line in enumerate(without_comments_and_strings(text).split("\n"), 1):
        directive = continued or line.lstrip().startswith("#")
        continued = directive and line.rstrip().endswith("\\")
        if directive:
            continue
        for column, char in enumerate(line):
            if char == "{":
                if depth == 0 and re.search(r"^\s*(extern\s*\"\"|namespace(\s+\w+)?)\s*$", head):
                    head = ""
                    continue
                if depth == 0:
                    name, first = head_name(head), head_line
                depth += 1
            elif char == "}":
                depth = 0 if column == 0 else max(0, depth - 1)
                if depth == 0:
                    if name:
                        yield name, first, number
                    head, name = "", None
            elif depth == 0:
                if char == ";":
                    head = ""
                else:
                    if not head.strip() and not char.isspace():
                        head_line = number
                    head += char
        if depth == 0:
            head += " "


def head_name(head):
    """The function's name in what stands before its "{", None when that is no function."""
    head = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head).strip()
    if not head.endswith(")") or re.search(r"=", head.split("(")[0]):
        return None
    match = re.search(r"([A-Za-z_]\w*)\s*\(", head)
    return match.group(1) if match else None


def check_includes(root, _compiler):
    for path in files(root, MAY_INCLUDE, (".c", ".h", ".cpp", ".def")):
        folder = path.split(os.sep)[0]
        for number, line in enumerate(read(root, path).split("\n"), 1):
            own = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            foreign = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
            if own and own.group(1) not in ("egret.h", "include/egret.h"):
                target = own.group(1).split("/")[0] if "/" in own.group(1) else None
                if target is None or target in (".", ".."):
                    yield path, number, f'include "{own.group(1)}" does not say its folder'
                elif target != folder and target not in MAY_INCLUDE[folder]:
                    yield path, number, f'{folder}/ may not include {target}/: "{own.group(1)}"'
            if foreign and folder in ENGINE and foreign.group(1)[:-2] not in ENGINE_HEADERS:
                yield path, number, f"{folder}/ builds with the C library, PCRE2 and xxHash alone: <{foreign.group(1)}>"


def check_purity(root, _compiler):
    call = re.compile(r"(?<![\w.>])(" + "|".join(ENGINE_NEVER_CALLS) + r")\s*\(")
    for path in files(root, ENGINE, (".c", ".h")):
        for number, line in enumerate(without_comments_and_strings(read(root, path)).split("\n"), 1):
            for match in call.finditer(line):
                yield path, number, f"the engine is pure: no {match.group(1)}() in {path.split(os.sep)[0]}/"


def check_sizes(root, _compiler):
    for path in files(root, CODE_FOLDERS, (".c", ".h", ".cpp", ".def", ".py", ".sh")):
        text = read(root, path)
        lines = text.count("\n")
        if lines > FILE_MAX_LINES:
            yield path, lines, f"{lines} lines; a file may have {FILE_MAX_LINES}"
        if not path.endswith((".c", ".cpp", ".h")):
            continue
        for name, first, last in functions(text):
            length = last - first + 1
            if length > FUNCTION_MAX_LINES and (path.replace(os.sep, "/"), name) not in LONG_FUNCTIONS:
                yield path, first, f"{name} has {length} lines; a function may have {FUNCTION_MAX_LINES}"


def check_language(root, _compiler):
    foreign = files(root, PRODUCT, (".cpp", ".cc", ".cxx", ".hpp", ".hh"))
    for path in foreign[1:] if foreign and foreign[0].startswith("ingest" + os.sep) else foreign:
        yield path, 1, "the product is C, but for one C++ file in ingest/ (the door to simdjson)"
    for path in files(root, PRODUCT, (".c", ".h")):
        stem = os.path.basename(path).rsplit(".", 1)[0]
        if re.match(r"^(utils?|helpers?|common|misc)$", stem):
            yield path, 1, "a file is named after what it holds; this name says nothing"


def check_words(root, _compiler):
    marks = "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"])
    unfinished = re.compile(rf"\b({marks})\b")
    machine = re.compile(r"(?<![\w.])/(work|root|Users|home/\w+)/\w")
    endings = (".c", ".h", ".cpp", ".def", ".py", ".sh", ".md", ".txt", ".egret", ".cmake", ".json", ".yml")
    tops = [name for name in os.listdir(root) if not NOT_SOURCE.match(name) and name != "LICENSE"]
    paths = files(root, [name for name in tops if os.path.isdir(os.path.join(root, name))], endings)
    paths += [os.path.join(folder, name) for folder in ("script", ".ci") if os.path.isdir(os.path.join(root, folder))
              for name in sorted(os.listdir(os.path.join(root, folder)))]
    paths += sorted(name for name in tops if os.path.isfile(os.path.join(root, name)))
    for path in paths:
        for number, line in enumerate(read(root, path).split("\n"), 1):
            for match in unfinished.finditer(line):
                yield path, number, f"unfinished work is no comment: {match.group(1)}"
            for match in machine.finditer(line):
                yield path, number, f"a path of one machine: {match.group(0)}"


def check_headers(root, compiler):
    flags = ["-x", "c", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    flags += ["-I", root, "-I", os.path.join(root, "include")]

    def compile_alone(path):
        source = f'#include "{path}"\n'
        done = subprocess.run([compiler or "cc", *flags, "-"], input=source, capture_output=True, text=True, check=False)
        return path, done

    with ThreadPoolExecutor(2) as pool:
        for path, done in pool.map(compile_alone, files(root, PRODUCT, (".h",))):
            if done.returncode != 0:
                reason = next((line for line in done.stderr.split("\n") if "error" in line), done.stderr.strip())
                yield path, 1, f"does not compile alone: {reason}"


CHECKS = {
    "includes": check_includes,
    "purity": check_purity,
    "sizes": check_sizes,
    "language": check_language,
    "words": check_words,
    "headers": check_headers,
}


def main(arguments):
    if len(arguments) not in (3, 4) or arguments[2] not in CHECKS:
        print(__doc__, file=sys.stderr)
        return 2
    root, check = arguments[1], arguments[2]
    faults = list(CHECKS[check](root, arguments[3] if len(arguments) == 4 else None))
    for path, number, message in faults:
        print(f"{path}:{number}: {message}")
    print(f"{check}: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
