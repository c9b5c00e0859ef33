"""silence.py: what must not come: absence at the start, at the end and alone, and attempts that die when the key is quiet (idle)."""
import math

from meaning.place import TIMER, View
from meaning.values import fits, means, value


@means("seconds")
def seconds(x, view):
    n = value(x[1], view)
    return None if n is None else 1000 * n


# ---- of a sequence; `state` is its SequenceKey ----

def is_idle(state, time):
    """Has the key been quiet on the rule's streams for longer than attempts live?"""
    return time > quiet_until(state)


def quiet_until(state):
    """When `idle` ends all attempts, if nothing is heard until then."""
    heard = [x.time for x in state.history if x.stream in state.streams]
    return heard[-1] + state.span(state.rule.idle) if state.rule.idle is not None and heard else math.inf


def was_silent(state, event):
    """`not x for D` at the start: heard of by nobody for longer, and listened to for longer."""
    rule = state.rule
    if not rule.silence:
        return True
    span = state.span(rule.silence_for)
    past = [x for x in state.history[:event.idx] if event.time - x.time <= span]
    return (span > 0 and event.time - state.desk.run.begin > span
            and not any(fits(rule.silence, x, View(state.desk, x, state.history[:x.idx + 1], state.blank)) for x in past))


def span_of(gap, view):
    """How long an absence must last; None: what it is looked up in does not say, so it never ends."""
    return value(gap.time, view) if isinstance(gap.time, tuple) else gap.time


def ends(state, attempt, gap):
    """Until when an absence forbids something; inf: as long as the attempt waits there."""
    if gap.time is not None:
        span = span_of(gap, state.view(attempt))
        return math.inf if span is None else attempt.last.time + span
    return attempt.first.time + state.span(state.rule.within) if has_end(state, gap) else math.inf


def broken(state, attempt, gap, between):
    """Has what the absence forbids come, among these events after the last one bound?"""
    heard = [x for x in between if x.stream in state.streams]
    looked_at = heard[:1] if gap.next else heard
    return any(x.time <= ends(state, attempt, gap) and fits(gap.atoms, x, state.view(attempt)) for x in looked_at)


def lets_pass(state, attempt, gap, event):
    """May the event follow, as far as this absence goes?"""
    if gap.next:
        return not broken(state, attempt, gap, state.since(attempt))
    return gap.time is None or event.time > ends(state, attempt, gap)


def to_the_end(state, attempt):
    """All absences that must hold for a match that binds nothing more."""
    return state.crossed(attempt, len(state.rule.items)) + state.rule.absence


def has_end(state, gap):
    at_the_end = any(gap is x for x in state.rule.absence)
    return gap.time is not None or (at_the_end and not gap.next and state.rule.within is not None)


def deadline(state, attempt):
    """When the absences at the end have lasted; None: the attempt is not there yet."""
    if not state.at_end(attempt):
        return None
    return max((ends(state, attempt, gap) for gap in to_the_end(state, attempt) if has_end(state, gap)), default=None)


def lasts(state, attempt):
    """Does the attempt wait for an absence at the end, and has nothing come so far?"""
    return (bool(state.rule.absence) and state.at_end(attempt)
            and not any(broken(state, attempt, gap, state.since(attempt)) for gap in to_the_end(state, attempt)))


def timers(state):
    if not state.rule.absence:
        return []
    return [(d, TIMER) for d in (deadline(state, a) for a in state.attempts) if d not in (None, math.inf)]


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
        gap = self.rule.absence[0]
        if event.stream in {a.stream for a in gap.atoms}:
            if self.armed is None or fits(gap.atoms, event, View(self.desk, None, self.history)):
                self.armed = event.time

    def timers(self):
        if self.armed is None:
            return []
        span = span_of(self.rule.absence[0], View(self.desk, None, [], key=self.key))
        return [(self.armed + span, TIMER)] if span is not None else []

    def on_timer(self, now):
        self.desk.match(self.key, now[0], View(self.desk, None, self.history), [], None)
        self.armed = None
