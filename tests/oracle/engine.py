"""engine.py: the engine's side of a pair: the program built from pairs.c, its protocol, and its answers.

One process takes thousands of pairs, so that the cost of a pair is what the engine costs.
"""
import os
import subprocess
import tempfile
from fractions import Fraction

from printer import file_text, files_of
from rules import Time, windows

SLOW_AFTER_MS = 700_000_000     # where windows of a week are
MEMORY = "/dev/shm"      # the few files that rules name go there, where that exists: making them elsewhere costs as much as a pair
AFTER_MS = 100_000      # the clock goes this far beyond the last event: longer than all bounds of a rule together


def end_of(rules, events):
    slow = any(over[0] == "tumbling" and over[1] > AFTER_MS for rule in rules for over in windows(rule))
    return max((e.time for e in events), default=0) + (SLOW_AFTER_MS if slow else AFTER_MS)


def encode(x):
    if x is None:
        return "n"
    if isinstance(x, str):
        return "s" + x.replace(" ", "~")
    if isinstance(x, bool):
        return f"b{int(x)}"
    if isinstance(x, Time):
        return f"t{int(x)}"
    if isinstance(x, float):
        return f"f{x!r}"
    return f"d{int(x * 100)}e-2" if isinstance(x, Fraction) else f"i{x}"


def pair_text(rules, events):
    """In the protocol of pairs.c. Here and there the clock moves between events, which must change nothing."""
    text = file_text(rules)
    lines, before = [f"R {len(text.encode())}\n{text}"], None
    for e in events:
        if before is not None and e.pos % 4 == 0:
            lines.append(f"A {max(before, e.time - e.pos % 3 * 500)}")
        before = e.time if before is None else max(before, e.time)
        lines.append(f"E {e.time} {e.stream} {e.pos} " + " ".join(f"{name}={encode(x)}" for name, x in e.f.items()))
    lines.append(f"F {end_of(rules, events)}\n")
    return "\n".join(lines)


def split_results(out):
    """The lines of each pair; diagnostics (X) keep their text as one entry."""
    results, current, i = [], [], 0
    lines = out.split("\n")
    while i < len(lines):
        line = lines[i]
        if line == ".":
            results.append(current)
            current = []
        elif line.startswith("X "):
            size, start = int(line.split()[2]), i + 1
            text = ""
            while len(text.encode()) < size:
                i += 1
                text = "\n".join(lines[start:i + 1])
            current.append("X " + text)
        elif line:
            current.append(line)
        i += 1
    return results, current


def engine(harness, pairs):
    """Results of the pairs (rules, events), and what the program said when it died before the last of them."""
    with tempfile.TemporaryDirectory(dir=MEMORY if os.path.isdir(MEMORY) else None) as folder:
        for name, text in {k: v for rules, _ in pairs for k, v in files_of(rules).items()}.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        texts = [pair_text(rules, events) for rules, events in pairs]
        done = subprocess.run([os.path.abspath(harness)], input="".join(texts).encode(), capture_output=True, cwd=folder)
    results, rest = split_results(done.stdout.decode(errors="replace"))
    died = None
    if done.returncode != 0 or len(results) < len(texts):
        died = f"the harness ended with {done.returncode}\n" + "\n".join(rest) + done.stderr.decode(errors="replace")[-3000:]
    return results, died


def refused(theirs):
    return bool(theirs) and theirs[0].startswith("X ")
