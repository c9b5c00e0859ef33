#!/usr/bin/env python3
"""The table of functions in docs/language.md is the table in compiler/functions.c.

    functions_table.py SOURCE_DIR            says whether they differ
    functions_table.py SOURCE_DIR --write    writes the table into the page
"""
import os
import re
import sys

HEAD = "| function | gives |\n|---|---|\n"


def table_of(source):
    """The rows of functions.c as a Markdown table."""
    rows = []
    for row in re.findall(r"\[EGRET_FN_\w+\] = \{(.*?)\},\n", source, re.S):
        text = {}
        for field in ("signature", "help"):
            match = re.search(rf'\.{field} =\s*((?:"(?:\\.|[^"\\])*"\s*)+)', row)
            text[field] = re.sub(r"\\(.)", r"\1", "".join(re.findall(r'"((?:\\.|[^"\\])*)"', match.group(1))))
        rows.append(f"| `{text['signature']}` | {text['help']} |\n")
    return HEAD + "".join(rows)


def main(arguments):
    page_path = os.path.join(arguments[1], "docs", "language.md")
    with open(page_path, encoding="utf-8") as file:
        page = file.read()
    with open(os.path.join(arguments[1], "compiler", "functions.c"), encoding="utf-8") as file:
        wanted = table_of(file.read())
    found = re.search(re.escape(HEAD) + r"(\|.*\n)*", page)
    if found is None or wanted == HEAD:
        print("docs/language.md or compiler/functions.c has no table of functions")
        return 1
    if found.group(0) == wanted:
        return 0
    if "--write" in arguments:
        with open(page_path, "w", encoding="utf-8") as file:
            file.write(page[: found.start()] + wanted + page[found.end() :])
        return 0
    print("the functions of docs/language.md are not those of compiler/functions.c; to write them:")
    print("    python3 tests/docs/functions_table.py . --write")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
