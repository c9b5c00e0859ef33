"""kept.py: a long run in pieces. The result of each piece is a file of its own, so that a run that was ended goes on where it stood, and what was found
with another build of the engine is told from what was found with this one.

A file is named by the piece's seeds. Pieces with a difference are not kept: after the mend they are judged again.
"""
import json
import os
from collections import Counter

from table import Table


def path_of(folder, seeds):
    return os.path.join(folder, f"{seeds[0]}-{seeds[-1]}.json")


def keep(folder, seeds, result, build):
    """Written beside and put in place whole."""
    path, table = path_of(folder, seeds), result.table
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump({"build": build, "pairs": table.pairs, "alerts": table.alerts, "seen": table.seen, "hit": table.hit, "told": table.told,
                   "passed": result.passed}, file)
    os.replace(path + ".new", path)


def kept(folder, seeds):
    """(table, seeds passed over, build) of a piece that was judged before and agreed; None: it was not."""
    try:
        with open(path_of(folder, seeds), encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return None
    table = Table()
    table.pairs, table.alerts = found["pairs"], found["alerts"]
    table.seen, table.hit, table.told = (Counter(found[name]) for name in ("seen", "hit", "told"))
    return table, found["passed"], found["build"]
