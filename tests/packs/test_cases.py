"""The list of cases (cases.txt) is complete: each names tests that exist, and each that the catalogue of the rules states is in it.

The catalogue is no part of this tree: EGRET_CATALOGUE names it. Without the file only what the list says itself is checked.
"""
import os
import re
import sys
import unittest

SOURCE = os.environ["EGRET_SOURCE"]
CATALOGUE = os.environ.get("EGRET_CATALOGUE", "")
IDS = [f"F{n}" for n in range(1, 16)] + [f"M{n}" for n in range(1, 11)]


def listed():
    """[(rule, sign, case, [(rule of the test, its name)])]"""
    cases = []
    with open(os.path.join(SOURCE, "tests", "packs", "cases.txt"), encoding="utf-8") as file:
        for line in file:
            if line.startswith("  "):
                rule, _, name = line.strip().partition(": ")
                cases[-1][3].append((rule, name))
            elif line.strip() and not line.startswith("#"):
                cases.append((*line.strip().split(" ", 2), []))
    return cases


def tests_of_the_packs():
    found = set()
    for folder, _, names in os.walk(os.path.join(SOURCE, "rules")):
        for name in names:
            if name.endswith(".egret"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    found |= set(re.findall(r'^test (\w+) "(.*)" \{$', file.read(), re.M))
    return found


def stated(text):
    """{(rule, sign, case)} of the catalogue: behind [+] or [−], several with semicolons between."""
    cases = set()
    for rule, line in re.findall(r"^\*\*([FM]\d+) (.*)$", text, re.M):
        for sign, what in re.findall(r"\[([+−])\]\s*(.*?)(?=\s*\[[+−]\]|\s*$)", line):
            cases |= {(rule, sign.replace("−", "-"), case.strip().rstrip(".")) for case in what.split(";")}
    return cases


class Cases(unittest.TestCase):
    def test_each_test_exists(self):
        there = tests_of_the_packs()
        self.assertEqual([test for *_, tests in listed() for test in tests if test not in there], [])
        self.assertEqual([case for *case, tests in listed() if not tests], [])

    def test_each_rule_has_a_case_of_each_kind(self):
        self.assertEqual({(rule, sign) for rule, sign, _, _ in listed()}, {(rule, sign) for rule in IDS for sign in "+-"})

    def test_no_case_stands_twice(self):
        cases = [tuple(case) for *case, _ in listed()]
        self.assertEqual(len(cases), len(set(cases)))

    @unittest.skipUnless(os.path.exists(CATALOGUE), "the catalogue is not here")
    def test_the_list_is_the_catalogue(self):
        with open(CATALOGUE, encoding="utf-8") as file:
            cases = stated(file.read())
        self.assertGreater(len(cases), 20)
        self.assertEqual(cases, {tuple(case) for *case, _ in listed() if not case[2].startswith("(")})


if __name__ == "__main__":
    sys.exit(unittest.main())
