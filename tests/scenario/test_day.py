"""docs/day-with-curl.md, played: its commands in order, in one shell, against an appliance with its rules."""
import os
import re
import shutil
import subprocess
import unittest

from harness import DEADLINE_S, Daemon, Folder, egret

PAGE = os.path.join(os.environ.get("EGRET_SOURCE", "../.."), "docs", "day-with-curl.md")


def blocks(text):
    """(words after the fence, content) of every fenced block."""
    return [(words.split(), content) for words, content in re.findall(r"^```(\S[^\n]*)\n(.*?)^```$", text, re.S | re.M)]


class Shell:
    """A shell that lives over all blocks, so that they share their variables."""

    def __init__(self, folder, env):
        self.process = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder,
                                        env={**os.environ, **env})

    def run(self, commands):
        mark = "the end of the block"
        self.process.stdin.write(("%s\necho\necho %s\n" % (commands, mark)).encode())
        self.process.stdin.flush()
        said = b""
        while not said.rstrip().endswith(mark.encode()):
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError("the shell has ended: " + said.decode())
            said += line
        return said.decode().replace(mark, "")

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=DEADLINE_S)
        self.process.stdout.close()


@unittest.skipUnless(shutil.which("curl") and shutil.which("jq"), "curl and jq are needed")
class Day(Folder):
    def test_the_page(self):
        with open(PAGE, encoding="utf-8") as file:
            found = blocks(file.read())
        for words, content in found:
            if words[0] == "egret":
                self.write("rules/" + words[1], content)
        tokens = {}
        for name, role in (("TOKEN", "author"), ("INGEST", "ingest")):
            tokens[name] = egret("token", "create", "--data", self.path("data"), "--role", role, "--name", "ann" if role == "author" else "gate").stdout.strip()
        daemon = Daemon(self.path("rules"), self.path("data"))
        self.addCleanup(daemon.kill)
        daemon.wait_until_ready()
        shell = Shell(self.dir, {**tokens, "URL": "http://127.0.0.1:%d" % daemon.port})
        self.addCleanup(shell.close)
        said, ran = "", 0
        for words, content in found:
            if words == ["sh"]:
                said = shell.run(content)
                ran += 1
            elif words == ["text"]:
                at = 0
                for line in content.splitlines():
                    pattern = ".*?".join(re.escape(part) for part in line.split("…"))
                    match = re.compile(pattern).search(said, at)
                    self.assertIsNotNone(match, "'%s' does not follow in:\n%s" % (line, said))
                    at = match.start()
        self.assertGreater(ran, 10)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    os.environ.setdefault("EGRET", "egret")
    unittest.main()
