#!/usr/bin/env python3
"""Shows that run_examples.py finds lies: small pages with one fault each, and one without any.

    test_run_examples.py EGRET
"""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import run_examples  # noqa: E402

EGRET = sys.argv.pop() if len(sys.argv) > 1 else "egret"

RULE = """stream tick { k: string  n: int  at: time } with time at
rule big { match t: tick [n > 5]  by k  alert { n: t.n } }
"""
TRUE_TEST = 'test big "six" { at 0s tick { k: "a" n: 6 }  expect alert at 0s { n: 6 }  expect no more alerts }\n'
FALSE_TEST = 'test big "five" { at 0s tick { k: "a" n: 5 }  expect alert at 0s { n: 5 } }\n'


class Pages(unittest.TestCase):
    def faults(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "page.md")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            page = run_examples.Page(EGRET, path)
            page.run()
            return page.faults

    def test_true_page(self):
        text = f"[here](page.md), [there](https://example.com/x)\n```egret\n{RULE}{TRUE_TEST}```\n```egret fragment\nnonsense\n```\n"
        text += "```egret error E0\nrule {\n```\n```egret refused\n# why\nE0311  match a  to nowhere\n```\n```console\n$ ls\nnot ours\n```\n"
        self.assertEqual(self.faults(text), [])

    def test_lies(self):
        for what, text in [
            ("a test that fails", f"```egret\n{RULE}{FALSE_TEST}```\n"),
            ("rules with an error", "```egret\nrule big { match t: tick }\ntest big { }\n```\n"),
            ("no test", f"```egret\n{RULE}```\n"),
            ("an error that is none", f"```egret error E0\n{RULE}```\n"),
            ("a refusal that is none", "```egret refused\nE0311  match a\n```\n"),
            ("a refusal for another reason", "```egret refused\nE0900  match a  to nowhere\n```\n"),
            ("unknown words", "```egret snippet\nx\n```\n"),
            ("a link to nowhere", "See [that](nowhere.md#there).\n"),
            ("no end", f"```egret\n{RULE}"),
            ("other output", "```console\n$ egret --version\negret nine\n```\n"),
            ("a command that fails", "```console\n$ egret no-such-command\n```\n"),
        ]:
            self.assertEqual(len(self.faults(text)), 1, what)

    def test_files_stand_beside_the_rules(self):
        rule = RULE.replace("[n > 5]", "[k in names and n > 5]")
        text = f'```text names.txt\na\n```\n```egret\nlist names: "names.txt"\n{rule}{TRUE_TEST}```\n'
        self.assertEqual(self.faults(text), [])

    def test_output(self):
        self.assertTrue(run_examples.same_output('{"a": 1,\n "b": 2}\n', '{"a":1,"b":2}\n'))
        self.assertFalse(run_examples.same_output('{"a": 1}\n', '{"a":2}\n'))
        self.assertTrue(run_examples.same_output("first\n…\nlast\n", "first\nx\ny\nlast\n"))
        self.assertFalse(run_examples.same_output("first\n…\nlast\n", "first\nx\ny\n"))


if __name__ == "__main__":
    unittest.main()
