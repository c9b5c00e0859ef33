#!/usr/bin/env python3
"""Shows that each check of check_tree.py can fail: small trees with one fault each, and one without any."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_tree  # noqa: E402


def long_function(lines, head="static int sum(int a)\n"):
    """A function of so many lines, head included."""
    return head + "{\n" + "    a++;\n" * (lines - 3 - head.count("\n")) + "    return a;\n}\n"


class Faults(unittest.TestCase):
    def faults(self, check, **tree):
        """The faults of a tree given as path=text, where "__" in a path stands for "/" and "_dot_" for "."."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in tree.items():
                path = os.path.join(root, path.replace("__", "/").replace("_dot_", "."))
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            return list(check_tree.CHECKS[check](root, "cc"))

    def test_clean(self):
        tree = {
            "compiler__a_dot_h": '#include "egret.h"\n#include <stdint.h>\n#include "compiler/b.h"\n',
            "nfa__a_dot_c": '#include "compiler/a.h"\n' + long_function(69),
            "ingest__shim_dot_cpp": "int one;\n",
            "app__main_dot_c": '#include "web/a.h"\n#include <curl/curl.h>\n',
        }
        for check in ("includes", "purity", "sizes", "language", "words"):
            self.assertEqual(self.faults(check, **tree), [], check)

    def test_arrows(self):
        for path, include in [
            ("compiler__a_dot_c", '"nfa/engine.h"'),
            ("nfa__a_dot_c", '"ingest/source.h"'),
            ("ingest__a_dot_c", '"alerting/sink.h"'),
            ("alerting__a_dot_h", '"ingest/source.h"'),
            ("web__a_dot_c", '"app/command.h"'),
            ("examples__a_dot_c", '"nfa/engine.h"'),
            ("include__egret_dot_h", '"compiler/ast.h"'),
            ("app__a_dot_c", '"command.h"'),
            ("app__a_dot_c", '"../web/a.h"'),
            ("compiler__a_dot_c", "<curl/curl.h>"),
            ("nfa__a_dot_c", "<pthread.h>"),
        ]:
            self.assertEqual(len(self.faults("includes", **{path: f"\n#include {include}\n"})), 1, include)

    def test_purity(self):
        self.assertEqual(len(self.faults("purity", nfa__a_dot_c="int f(void)\n{\n    return (int)time(NULL);\n}\n")), 1)
        self.assertEqual(len(self.faults("purity", compiler__a_dot_c='void f(void)\n{\n    printf("x");\n}\n')), 1)
        self.assertEqual(self.faults("purity", nfa__a_dot_c="/* time(NULL) */ int f(void) { return ev.time(1); }\n"), [])

    def test_sizes(self):
        self.assertEqual(self.faults("sizes", web__a_dot_c="int x;\n" * 900), [])
        self.assertEqual(len(self.faults("sizes", web__a_dot_c="int x;\n" * 901)), 1)
        self.assertEqual(self.faults("sizes", web__a_dot_c=long_function(70)), [])
        for head in [
            "static int sum(int a)\n",
            "int sum(int a,\n        int b)\n",
            "static int __attribute__((noinline)) sum(int a)\n",
            "static const char *sum(struct x a[static 2])\n",
        ]:
            faults = self.faults("sizes", web__a_dot_c="int before;\n" + long_function(71, head))
            self.assertEqual(len(faults), 1, head)
            self.assertIn("sum", faults[0][2])

    def test_sizes_spare_the_named_loop_and_tables(self):
        self.assertEqual(self.faults("sizes", nfa__eval_dot_c=long_function(400, "egret_value eval(int a)\n")), [])
        self.assertEqual(len(self.faults("sizes", nfa__eval_dot_c=long_function(400, "int other(int a)\n"))), 1)
        table = "static const int table[] = {\n" + "    1,\n" * 200 + "};\n"
        self.assertEqual(self.faults("sizes", web__a_dot_c=table + "struct s {\n" + "    int a;\n" * 100 + "};\n"), [])

    def test_sizes_see_through_braces_in_text_and_branches(self):
        text = 'int f(void)\n{\n    char c = \'{\';\n    const char *s = "}{{";\n    /* { */\n    return c + s[0];\n}\n'
        found = list(check_tree.functions(text + long_function(20)))
        self.assertEqual([(name, last - first + 1) for name, first, last in found], [("f", 7), ("sum", 20)])
        branches = "int f(void)\n{\n#if A\n    if (a) {\n#else\n    if (b) {\n#endif\n    }\n    return 0;\n}\nint g(void)\n{\n}\n"
        self.assertEqual([name for name, _, _ in check_tree.functions(branches)], ["f", "g"])

    def test_language(self):
        self.assertEqual(len(self.faults("language", nfa__a_dot_cpp="int x;\n")), 1)
        self.assertEqual(len(self.faults("language", ingest__a_dot_cpp="int x;\n", ingest__b_dot_cpp="int y;\n")), 1)
        self.assertEqual(len(self.faults("language", web__util_dot_c="int x;\n")), 1)

    def test_words(self):
        self.assertEqual(len(self.faults("words", docs__a_dot_md="TO" "DO: later\n")), 1)
        self.assertEqual(len(self.faults("words", script__run="cd /ro" "ot/egret\n")), 1)
        self.assertEqual(self.faults("words", docs__a_dot_md="see example.com/ro" "ot/x and mkstemp XX" "XXXX\n"), [])

    def test_headers(self):
        self.assertEqual(self.faults("headers", web__a_dot_h="#include <stdint.h>\nint32_t f(void);\n"), [])
        self.assertEqual(len(self.faults("headers", web__a_dot_h="int32_t f(void);\n")), 1)


if __name__ == "__main__":
    unittest.main()
