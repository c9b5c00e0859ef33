#!/usr/bin/env python3
"""The table of routes in docs/api.md is what `egret openapi` says.

    routes_table.py EGRET SOURCE_DIR            says whether they differ
    routes_table.py EGRET SOURCE_DIR --write    writes the table into the page
"""
import json
import os
import re
import subprocess
import sys

HEAD = "| request | role | what it is | answers |\n|---|---|---|---|\n"


def table_of(document):
    rows = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            good = ", ".join(sorted(status for status in operation["responses"] if status.startswith("2")))
            rows.append("| `%s %s` | %s | %s | %s |\n" % (method.upper(), path, operation["x-egret-role"], operation["summary"], good))
    return HEAD + "".join(rows)


def main(arguments):
    egret, page_path = arguments[1], os.path.join(arguments[2], "docs", "api.md")
    wanted = table_of(json.loads(subprocess.run([egret, "openapi"], capture_output=True, check=True).stdout))
    with open(page_path, encoding="utf-8") as file:
        page = file.read()
    found = re.search(re.escape(HEAD) + r"(\|.*\n)*", page)
    if found is None:
        print("docs/api.md has no table of routes")
        return 1
    if found.group(0) == wanted:
        return 0
    if "--write" in arguments:
        with open(page_path, "w", encoding="utf-8") as file:
            file.write(page[: found.start()] + wanted + page[found.end() :])
        return 0
    print("docs/api.md does not have the routes there are; write them with: tests/docs/routes_table.py EGRET . --write")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
