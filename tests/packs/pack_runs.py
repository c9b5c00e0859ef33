"""What the tests of the rule packs share: where things are, and running egret on them."""
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("EGRET_SOURCE", os.path.dirname(os.path.dirname(HERE)))
RULES = os.path.join(SOURCE, "rules")
FRAUD = os.path.join(RULES, "fraud")
MONITORING = os.path.join(RULES, "monitoring")


def egret(*args):
    """Runs a command to its end: code, stdout, stderr as text."""
    return subprocess.run([os.environ.get("EGRET", "egret"), *args], capture_output=True, text=True, timeout=300, check=False)


def replay(rules, *events):
    """The alerts of a replay, in order. events: NAME=FILE each."""
    done = egret("replay", "--rules", *rules, "--events", *events)
    if done.returncode != 0:
        raise AssertionError("egret replay ended with %d:\n%s" % (done.returncode, done.stderr))
    return [json.loads(line) for line in done.stdout.splitlines()]
