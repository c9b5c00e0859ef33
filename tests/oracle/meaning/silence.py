"""silence.py: what must not come: absence at the start, at the end and alone, and attempts that die when the key is quiet (idle)."""
import math

from meaning.place import TIMER, View
from meaning.values import fits, value


# ---- of a sequence; `state` is its SequenceKey ----

def is_idle(state, time):
    """Has the key been quiet on the rule's streams for longer than attempts live?"""
    return time > quiet_until(state)


def quiet_until(state):
    """When `idle` ends all attempts, if nothing is heard until then."""
    heard = [x.time for x in state.history if x.stream in state.streams]
    return heard[-1] + state.rule.idle if state.rule.idle is not None and heard else math.inf


def was_silent(state, event):
    """`not x for D` at the start: heard of by nobody for longer, and listened to for longer."""
    rule = state.rule
    if not rule.silence:
        return True
    past = [x for x in state.history[:event.idx] if event.time - x.time <= rule.silence_for]
    return (event.time - state.desk.run.begin > rule.silence_for
            and not any(fits(rule.silence, x, View(state.desk, x, state.history[:x.idx + 1], state.blank)) for x in past))


def span_of(state):
    """How long an absence must last; None: what it is looked up in does not say, so it never ends."""
    span = state.rule.absence_for
    return value(span, View(state.desk, None, [], key=state.key)) if isinstance(span, tuple) else span


def deadline(state, attempt):
    """When an absence at the end has lasted; None: the attempt is not there yet."""
    if not state.at_end(attempt):
        return None
    if state.rule.absence_for is None:
        return attempt.first.time + state.rule.within
    span = span_of(state)
    return None if span is None else attempt.last.time + span


def lasts(state, attempt):
    """Does the attempt wait for an absence at the end, and has nothing come so far?"""
    came = any(fits(state.rule.absence, x, state.view(attempt)) for x in state.since(attempt))
    return bool(state.rule.absence) and state.at_end(attempt) and not came


def timers(state):
    if not state.rule.absence:
        return []
    return [(d, TIMER) for d in (deadline(state, a) for a in state.attempts) if d is not None]


def on_timer(state, now):
    if is_idle(state, now[0]):
        state.attempts = []
    silent = [a for a in state.attempts if lasts(state, a) and deadline(state, a) == now[0]]
    state.report([a for a in silent if state.when_holds(a)], now[0])
    state.attempts = [a for a in state.attempts if a not in silent]


class LoneAbsenceKey:
    """A rule that is nothing but `not x for D`: what one key has to do with it."""

    def __init__(self, rule, key, desk):
        self.rule, self.key, self.desk = rule, key, desk
        self.history = []
        self.armed = None       # since when there is silence

    def on_event(self, event):
        """Any event of the key on the rule's streams arms it; one that fits ends the silence and begins the next."""
        event.idx = len(self.history)
        self.history.append(event)
        if event.stream in {a.stream for a in self.rule.absence}:
            if self.armed is None or fits(self.rule.absence, event, View(self.desk, None, self.history)):
                self.armed = event.time

    def timers(self):
        return [(self.armed + span_of(self), TIMER)] if self.armed is not None and span_of(self) is not None else []

    def on_timer(self, now):
        self.desk.match(self.key, now[0], View(self.desk, None, self.history), [], None)
        self.armed = None
