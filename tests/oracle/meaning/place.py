"""place.py: where an expression stands: the event at hand, and all that it may look back at.

Instants. Time is a pair (ms, phase): a tumbling window closes in phase CLOSE of its end, events act in phase EVENT, every other
timer in phase TIMER. So a timer at T sees all events at T, and what is exactly at a bound is inside.
"""
from dataclasses import dataclass

CLOSE, EVENT, TIMER = 0, 1, 2


@dataclass
class View:
    """What an expression may look at. history: all events of the key so far, `event` is history[event.idx]."""
    desk: object                # of the rule that asks; it knows the rule and the run
    event: object
    history: list
    bound: list = ()            # for each item its bound events
    counted: list = ()          # (event, label): what the rule's own window may count
    now: tuple = (0, EVENT)
    session: list = None        # (event, label): of the rule's own session
    key: tuple = ()             # of the rule that asks
    hop: tuple = None           # (start, end) of the hopping window that is asked; None: the one that closes now
    later: int = None           # the event is looked at again at this instant

    rule = property(lambda self: self.desk.rule)
