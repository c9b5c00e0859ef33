#!/usr/bin/env python3
"""The pages of docs/sources and docs/sinks: one for each kind, with its options as `egret help` prints them.

    option_tables.py EGRET SOURCE_DIR            says which pages are missing or differ
    option_tables.py EGRET SOURCE_DIR --write    writes the tables into the pages

A page has its table between two lines:
    <!-- options -->
    <!-- end of options -->
"""
import os
import re
import subprocess
import sys

BEGIN, END = "<!-- options -->\n", "<!-- end of options -->\n"


def printed(egret, *words):
    done = subprocess.run([egret, "help", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit("egret help %s ended with %d:\n%s" % (" ".join(words), done.returncode, done.stderr))
    return done.stdout


def faults_of(egret, source, side, write):
    kinds = re.findall(r"^(\w+): ", printed(egret, side), re.M)
    folder, index = os.path.join(source, "docs", side), open(os.path.join(source, "docs", "README.md"), encoding="utf-8").read()
    faults = ["docs/%s/%s.md: there is no such kind" % (side, name[:-3]) for name in sorted(os.listdir(folder)) if name[:-3] not in kinds]
    for kind in kinds:
        name, path = "docs/%s/%s.md" % (side, kind), os.path.join(folder, kind + ".md")
        if not os.path.exists(path):
            faults.append(name + " is missing: every kind has a page")
            continue
        if "(%s/%s.md)" % (side, kind) not in index:
            faults.append("docs/README.md has no link to %s/%s.md" % (side, kind))
        with open(path, encoding="utf-8") as file:
            page = file.read()
        table = BEGIN + printed(egret, side, kind, "--markdown") + END
        found = re.search(re.escape(BEGIN) + ".*?" + re.escape(END), page, re.S)
        if found is None:
            faults.append(name + " has no place for its options")
        elif found.group(0) != table and write:
            with open(path, "w", encoding="utf-8") as file:
                file.write(page[:found.start()] + table + page[found.end():])
        elif found.group(0) != table:
            faults.append(name + ": its options are not those that `egret help` prints")
        if "```egret" not in page:
            faults.append(name + " has no example")
    return faults


def main(arguments):
    faults = [fault for side in ("sources", "sinks") for fault in faults_of(arguments[1], arguments[2], side, "--write" in arguments)]
    if not faults:
        return 0
    print("\n".join(faults))
    print("to write the tables: python3 tests/docs/option_tables.py EGRET . --write")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
