"""branch.py: patterns that are a tree of parts: `or`, `and`, `any n of`, groups, `then any`, `any` loops.

What an attempt has done with a part is a value, never changed:

    step   the event     silence   its end    seq    the states of its parts up to where it stands
    loop   (complete rounds, running round)      or   ("run", states of all alternatives) or ("won", number, state)
    some   (the states of its operands, all events that one of them took at the time, the one with which it went on when it was complete)
    None: it has not begun

Of a part and an event one asks for its ways, in order of preference: ("take", state after it, forks, choices), or ("leave", state, choices): here
what stands behind the part may take the event instead. Who is made of parts puts the ways of what follows in the place of "leave". `choices`
names the choices a way belongs to: of each, one way is gone at most.

Three things are offered to attempts: an event (Offer); an instant at which nothing comes (Quiet), which silences take that are over by then; and,
to know how long an attempt may live, an event that fits everything (Ahead).
"""
import math
from itertools import count, product

from meaning import silence
from meaning.place import TIMER, View
from meaning.sequence import SequenceKey
from meaning.values import fits, value
from rules import Event, stops_of, tree_parts


class Over:
    """The end of a silence that is a part: for what stands around it like an event of that instant, but nothing is bound to it."""

    def __init__(self, time, idx):
        self.time, self.idx = time, idx     # idx: of the last event before it


def age(x):
    return x.idx, isinstance(x, Over), x.time


# ---- what a state says ----

def nullable(part):
    if part.kind == "loop":
        return part.min == 0
    return part.kind == "seq" and all(nullable(p) for p in part.parts)


def whole(part, state):
    """Is it complete, running rounds given up?"""
    if state is None:
        return nullable(part)
    if part.kind == "loop":
        return len(state[0]) >= part.min and (state[1] is None or not part.any)
    if part.kind == "seq":
        at = len(state) - 1
        return whole(part.parts[at], state[at]) and all(nullable(p) for p in part.parts[at + 1:])
    if part.kind == "or":
        return state[0] == "won"
    if part.kind == "some":
        return sum(s is not None and whole(p, s) for p, s in zip(part.parts, state[0])) >= part.min
    return True


def held(part, state):
    """(item, event) of all that it has taken; ends of silences have no item."""
    if state is None:
        return []
    if part.kind in ("step", "silence"):
        return [(part.item, state)]
    if part.kind == "loop":
        return [b for s in (*state[0], state[1]) for b in held(part.parts[0], s)]
    if part.kind == "or":
        return held(part.parts[state[1]], state[2]) if state[0] == "won" else [b for p, s in zip(part.parts, state[1]) for b in held(p, s)]
    return [b for p, s in zip(part.parts, state[0] if part.kind == "some" else state) for b in held(p, s)]


def bound(part, state):
    return [b for b in held(part, state) if b[0] is not None]


def settled(part, state):
    """The same without running rounds, and without operands that are not complete."""
    if state is None or part.kind in ("step", "silence"):
        return state
    if part.kind == "loop":
        rounds = tuple(settled(part.parts[0], s) for s in state[0])
        return (rounds, None) if rounds else None
    if part.kind == "seq":
        states = tuple(settled(p, s) for p, s in zip(part.parts, state))
        return states if any(s is not None for s in states) else None
    if part.kind == "or":
        return ("won", state[1], settled(part.parts[state[1]], state[2])) if state[0] == "won" else None
    return tuple(settled(p, s) if s is not None and whole(p, s) else None for p, s in zip(part.parts, state[0])), *state[1:]


def events_of(part, state):
    return [event for _, event in held(part, state)]


def newest(part, state):
    return max(events_of(part, state), key=age, default=None)


def surroundings(part, state, item):
    """The events around a step that has just taken one, and those of each part around it; of alternatives not decided, its own alone."""
    if part.kind == "step":
        return [state], []
    if part.kind == "loop":
        inner, around = surroundings(part.parts[0], state[1] if state[1] is not None else state[0][-1], item)
        events = [e for s in state[0] for e in events_of(part.parts[0], s)] + inner
        return events, around + [(part, events)]
    won = part.kind == "or" and state[0] == "won"
    states = (state[2],) if won else state[1] if part.kind == "or" else state[0] if part.kind == "some" else state
    parts = [part.parts[state[1]]] if won else part.parts
    at = next(n for n, p in enumerate(parts) if any(q.item == item for q in tree_parts(p)))
    events, around = surroundings(parts[at], states[at], item)
    if part.kind != "or":
        events = events + [e for n, (p, s) in enumerate(zip(parts, states)) if n != at for e in events_of(p, s)]
    return events, around + [(part, events)]


def stands(part, state, after):
    """Had the part begun before the event that made `after` of it? Not where all it had was a running round that was given up: then the link that leads
    to the part bounds the gap to that event. What lost against another alternative or operand was there until then."""
    if state is None or part.kind in ("step", "silence"):
        return state is not None and state is after
    if part.kind == "loop":
        return bool(state[0]) or (after is not None and stands(part.parts[0], state[1], after[0][0] if after[0] else after[1]))
    if after is None:
        return False
    if part.kind == "seq":
        return any(stands(*which) for which in zip(part.parts, state, after))
    if part.kind == "some":
        return any(s is not None and (t is None or stands(p, s, t)) for p, s, t in zip(part.parts, state[0], after[0]))
    if state[0] == "won":
        return stands(part.parts[state[1]], state[2], after[2])
    outcomes = [after[2] if n == after[1] else s for n, s in enumerate(state[1])] if after[0] == "won" else after[1]
    return any(events_of(p, s) and (s is t or stands(p, s, t)) for p, s, t in zip(part.parts, state[1], outcomes))


def ends_in_silence(part, state):
    """Is the last item of the group, or of the group that it is, a silence, and over?"""
    while part.kind == "seq":
        if state is None or len(state) < len(part.parts) or state[-1] is None:
            return False
        part, state = part.parts[-1], state[-1]
    return part.kind == "silence"


class Attempt:
    def __init__(self, rule, state):
        self.state, self.rule = state, rule
        self.first = min((event for _, event in bound(rule.shape, state)), key=age, default=None)
        self.bound = self.lists(state)
        self.final = settled(rule.shape, state)
        self.events = sorted(bound(rule.shape, self.final), key=lambda b: b[1].idx)
        self.known = {}         # what was found out of it; a new event makes it worthless
        self.taken = sorted(bound(rule.shape, state), key=lambda b: (b[1].idx, b[0]))

    def lists(self, state):
        lists = [[] for _ in self.rule.items]
        for item, event in sorted(bound(self.rule.shape, state), key=lambda b: b[1].idx):
            lists[item].append(event)
        return lists

    order = property(lambda self: ([event.pos for _, event in self.events], [item for item, _ in self.events]))


# ---- one event, one attempt ----

class Offer:
    """An event is offered to an attempt."""

    def __init__(self, key, event, first):
        self.key, self.event, self.first = key, event, first
        self.choices = count()
        self.floor = -math.inf      # when the absences with a time on the way are over

    def view(self, root):
        lists = [[] for _ in self.key.rule.items]
        for item, event in sorted(bound(self.key.rule.shape, root), key=lambda b: b[1].idx):
            lists[item].append(event)
        return View(self.key.desk, None, self.key.history, lists, key=self.key.key)

    def between(self, last):
        return self.key.history[last.idx + 1:self.event.idx]

    def gap(self, last):
        return any(x.stream in self.key.streams for x in self.between(last))

    # What differs between the three that are offered.

    def at_hand(self):
        return [self.event]

    def is_over(self, until):
        """Does it come when an absence up to that instant is over?"""
        return self.event.time > until

    def may_fit(self, atoms):
        return any(a.stream == self.event.stream for a in atoms)

    def fits(self, atoms, view):
        return fits(atoms, self.event, view)

    def ends(self, until):
        """Is it the end of a silence that lasts until then?"""
        return False

    def possible(self, part, operands):
        """Can enough operands of a `some` become complete?"""
        return True

    def chosen(self, ways):
        """Those of the ways that are gone: the first, and before it all that fork."""
        gone, closed = [], set()
        for way in ways:
            if way[0] == "leave" or closed & set(way[3]):
                continue
            gone.append(way)
            if way[2]:
                continue
            if not way[3]:
                break
            closed.add(way[3][-1])
        return gone

    # root: from a state of the part to that of the whole. last: the event bound before the part.

    def ways(self, part, state, last, root, **more):
        return getattr(self, part.kind)(part, state, last, root, **more)

    def forks(self, part):
        return part.every

    def step(self, part, state, last, root):
        if state is not None:
            return [("leave", state, ())]
        atoms = self.key.rule.items[part.item].atoms
        fit = self.may_fit(atoms) and self.fits(atoms, self.view(root(None))) and self.bounds_allow(root(self.event), part.item)
        return [("take", self.event, False, ())] if fit else []

    def bounds_allow(self, state, item):
        """The bounds of the groups and strict loops around a step that would take the event."""
        for part, events in surroundings(self.key.rule.shape, state, item)[1]:
            if part.within is not None and self.event.time - min(e.time for e in events) > self.key.span(part.within):
                return False
            others = [e for e in events if e is not self.event]
            if part.strict and others and self.gap(max(others, key=age)):
                return False
        return True

    def link(self, part, last, time):
        bound = part.link_within
        return last is None or not ((part.link == "next" and self.gap(last))
                                    or (bound is not None and time - last.time > self.key.span(bound)))

    def leads(self, part, last, state):
        """Does the link that leads to the part let it begin with what it has just taken? A silence in brackets at the end is the end of the match, which no
        link bounds."""
        taken = newest(part, state)
        at_the_end = isinstance(taken, Over) and any(part is p for p in self.key.plain) and ends_in_silence(part, state)
        return at_the_end or self.link(part, last, taken.time)

    def until(self, gap, last, view):
        """Until when an absence forbids something; inf: as long as the gap, or nobody knows."""
        if gap.time is None:
            return math.inf
        span = silence.span_of(gap, view)
        return math.inf if span is None else last.time + span

    def passes(self, part, last, root):
        """Do the absences before the part let it pass?"""
        for gap in part.nots if last is not None else []:
            view = self.view(root(None))
            until = self.until(gap, last, view)
            between = self.between(last)
            if gap.next:
                between = [x for x in between + self.at_hand() if x.stream in self.key.streams][:1]
            if any(x.time <= until and fits(gap.atoms, x, view) for x in between) or (gap.time is not None and not self.is_over(until)):
                return False
        return True

    def silence(self, part, state, last, root, beside=(), end=None):
        """beside: events that other operands took. end: of the group's `within`."""
        if state is not None:
            return [("leave", state, ())]
        if last is None or not isinstance(self, Quiet):
            return []
        view = self.view(root(None))
        if part.time is not None:
            span = silence.span_of(part, view)
            end = math.inf if span is None else last.time + max(span, 1)
        broken = any(x.time <= end and fits(part.during, x, view) for x in self.between(last) if x not in beside)
        time = max(end, self.floor) if self.event.time == math.inf else self.event.time
        return [("take", Over(time, self.event.idx - 1), False, ())] if self.ends(end) and not broken else []

    def seq(self, part, state, last, root):
        def go_on(states, last):
            at = len(states)
            if at == len(part.parts):
                return [("leave", states, ())]
            inner, out = part.parts[at], []

            def here(s):
                return root(states + (s,))

            if not self.passes(inner, last, here):
                return []
            floor, self.floor = self.floor, max([self.floor] + [self.until(gap, last, self.view(here(None))) for gap in inner.nots
                                                                if gap.time is not None and last is not None])
            more = {}
            if inner.kind == "silence" and inner.time is None and last is not None:
                began = min((e for p, s in zip(part.parts, states) for e in events_of(p, s)), key=age, default=last)
                more = {"end": began.time + self.key.span(part.within)}
            for way in self.ways(inner, None, last, here, **more):
                if way[0] == "leave":
                    out += with_choices(way[2], go_on(states + (None,), last))
                elif at == 0 or self.leads(inner, last, way[1]):
                    out.append(("take", states + (way[1],), way[2] or (at > 0 and self.forks(inner) and last is not None), way[3]))
            self.floor = floor
            return out

        if state is None:
            out = go_on((), last)
        else:
            out, at = [], len(state) - 1
            before = self.newest_of(part.parts[:at], state[:at]) or last
            for way in self.ways(part.parts[at], state[at], before, lambda s: root(state[:at] + (s,))):
                if way[0] == "take":
                    anew = at > 0 and before is not None and not stands(part.parts[at], state[at], way[1])
                    if not anew or self.leads(part.parts[at], before, way[1]):
                        out.append(("take", state[:at] + (way[1],), way[2] or (anew and self.forks(part.parts[at])), way[3]))
                else:
                    here = newest(part.parts[at], settled(part.parts[at], way[1])) or before
                    out += with_choices(way[2], go_on(state[:at] + (way[1],), here))
        return out

    def newest_of(self, parts, states):
        events = [newest(p, settled(p, s)) for p, s in zip(parts, states)]
        return max((e for e in events if e is not None), key=age, default=None)

    def loop(self, part, state, last, root):
        body = part.parts[0]
        rounds, running = state or ((), None)

        def begun(rounds):
            if part.max is not None and len(rounds) >= part.max:
                return []
            before = newest(body, settled(body, rounds[-1])) if rounds else last
            ways = self.ways(body, None, before, lambda s: root((rounds, s)))
            return [("take", after(rounds, w[1]), *w[2:]) for w in ways]

        def after(rounds, s):
            return (rounds + (s,), None) if whole(body, s) else (rounds, s)

        def left(rounds):
            state = (rounds, None) if rounds else None
            return [("leave", state, ())] if len(rounds) >= part.min else []

        if state is not None and self.ended(part, state, root):
            may_leave = running is None or (not part.any and self.first not in events_of(body, running))
            return left(rounds) if may_leave else []
        if state is None:
            out = begun(()) + left(()) if part.greedy else left(()) + begun(())
        elif running is not None:
            before = newest(body, settled(body, rounds[-1])) if rounds else last
            out = [("take", after(rounds, w[1]), *w[2:]) for w in self.ways(body, running, before, lambda s: root((rounds, s)))]
            if not part.any and self.first not in events_of(body, running):
                out += left(rounds)
        else:
            before = newest(body, settled(body, rounds[-2])) if len(rounds) > 1 else last
            out = []
            for w in self.ways(body, rounds[-1], before, lambda s: root((rounds[:-1] + (s,), None))):
                if w[0] == "take":
                    out.append(("take", (rounds[:-1] + (w[1],), None), *w[2:]))
                else:
                    out += with_choices(w[2], self.turn(part, begun(rounds[:-1] + (w[1],)), left(rounds[:-1] + (w[1],))))
        return out

    def ended(self, part, state, root):
        """Has `until` come since its newest event?"""
        if not part.until:
            return False
        last = newest(part, state)
        view = self.view(root(state))
        return any(fits(stops_of(self.key.rule, part), x, view) for x in self.between(last) + self.at_hand())

    def turn(self, part, again, leave):
        """A round is complete: another one, or what stands behind the loop."""
        if part.any and again and self.at_hand():
            return with_choices((next(self.choices),), again) + with_choices((next(self.choices),), leave)
        return again + leave if part.greedy else leave + again

    def alternative(self, part, states, n, last, root):
        """All that may become of one alternative; None: it does not take the event."""
        ways = self.ways(part.parts[n], states[n], last, lambda s: root(("run", states[:n] + (s,) + states[n + 1:])))
        gone = self.chosen(ways)
        stays = [] if any(not w[2] and not w[3] for w in gone) else [None]
        return [w[1] for w in gone] + stays

    # `or` and `some` are words of Python or sound like it; the kinds are called so.

    def either(self, part, state, last, root):
        if state is not None and state[0] == "won":
            ways = self.ways(part.parts[state[1]], state[2], last, lambda s: root(("won", state[1], s)))
            return [(w[0], ("won", state[1], w[1]), *w[2:]) for w in ways]
        states = state[1] if state else (None,) * len(part.parts)
        began = state is not None and self.first in events_of(part, state)
        each = [[None] if began and s is None else self.alternative(part, states, n, last, root) for n, s in enumerate(states)]
        ways = [self.together(part, states, taken) for taken in product(*each) if any(t is not None for t in taken)]
        stays = all(None in outcomes for outcomes in each)
        return [("take", after, stays or n < len(ways) - 1, ()) for n, after in enumerate(ways)]

    def together(self, part, states, taken):
        after = tuple(s if t is None else t for s, t in zip(states, taken))
        won = [n for n, t in enumerate(taken) if t is not None and whole(part.parts[n], t)]
        return ("won", won[0], after[won[0]]) if won else ("run", after)

    def some(self, part, state, last, root):
        states, ever, since = state or ((None,) * len(part.parts), (), None)

        def put(n, s):
            after = states[:n] + (s,) + states[n + 1:]
            if whole(part, (after,)):
                after = tuple(x if x is not None and whole(p, x) else None for p, x in zip(part.parts, after))
            goes_on = state is not None and whole(part, state) and not whole(part, (after,))
            return after, ever + (self.event,), self.event if goes_on else since

        def operand(n, who=self):
            def here(s):
                return root((states[:n] + (s,) + states[n + 1:], ever, since))
            if part.parts[n].kind != "silence":
                return who.ways(part.parts[n], states[n], last, here)
            began = min(events_of(part, state), key=age, default=None)
            return who.silence(part.parts[n], states[n], last or began, here, beside=ever)

        def whole_or(n, who):
            if part.parts[n].kind == "silence" and last is None and not events_of(part, state):    # it begins with the first of the others
                return any(p.kind != "silence" and whole_or(m, who) for m, p in enumerate(part.parts))
            return (states[n] is not None and whole(part.parts[n], states[n])) or any(w[0] == "take" for w in operand(n, who))

        def takes(n, ways):
            return [("take", put(n, w[1]), *w[2:]) for w in ways if w[0] == "take"]

        if state is None or not whole(part, state):
            if self.forbidden(part, state, last, root) or not self.possible(part, [lambda who, n=n: whole_or(n, who) for n in range(len(states))]):
                return []
            return [w for n in range(len(states)) for w in takes(n, operand(n))]
        before, behind, out, may_leave = [], [], list(states), True
        for n, s in enumerate(states):
            ways = operand(n) if s is not None else []
            way_out = next((i for i, w in enumerate(ways) if w[0] == "leave"), len(ways))
            before += takes(n, ways[:way_out])
            behind += takes(n, ways[way_out + 1:])
            may_leave = may_leave and (s is None or way_out < len(ways))
            out[n] = ways[way_out][1] if s is not None and may_leave else None
        if not may_leave:       # one of them has ended in a round that cannot be given up
            return before + behind
        if any(w[3] for w in before):       # an `any` loop may go on: leaving it is one of its branches
            return before + [("leave", (tuple(out), ever, since), (next(self.choices),))]
        return before + [("leave", (tuple(out), ever, since), ())] + behind

    def forbidden(self, part, state, last, root):
        own, since = state[1:] if state else ((), None)
        start = since or last or (own[0] if own else None)
        if not part.during or start is None:
            return False
        view = self.view(root(state))
        return any(fits(part.during, x, view) for x in self.between(start) if x not in own)


setattr(Offer, "or", Offer.either)


class Quiet(Offer):
    """An instant at which nothing comes; inf: is there a silence that may end some time?"""

    def __init__(self, key, time, first):
        super().__init__(key, Event(None, None, time, {}), first)
        self.event.idx = len(key.history)

    def at_hand(self):
        return []

    def is_over(self, until):
        return self.event.time >= until

    def may_fit(self, atoms):
        return False

    def ends(self, until):
        return until <= self.event.time

    def forks(self, part):
        return False

    def possible(self, part, operands):
        ahead = Ahead(self.key, self.event.time, self.first)
        return self.event.time < math.inf or sum(can(self) or can(ahead) for can in operands) >= part.min


class Ahead(Quiet):
    """An event that fits every step. What a silence keeps out of reach runs out at its bound like anything else."""

    def is_over(self, until):
        return True

    def may_fit(self, atoms):
        return True

    def fits(self, atoms, view):
        within = self.key.rule.within
        return within is None or self.event.time - self.first.time <= self.key.span(within)

    def ends(self, until):
        return False

    def possible(self, part, operands):
        for_ever = Quiet(self.key, math.inf, self.first)
        return sum(can(self) or can(for_ever) for can in operands) >= part.min


def with_choices(choices, ways):
    return [(*w[:-1], choices + w[-1]) for w in ways]


# ---- all attempts of a key ----

def ends_in_loop(part):
    if part.kind == "loop" and part.max != 1:
        return True
    return any(ends_in_loop(p) for p in (part.parts[-1:] if part.kind == "seq" else part.parts))


def brackets_at_the_end(part):
    """Groups that end the match and say nothing but that."""
    last = part.parts[-1] if part.kind == "seq" else part
    return [last] + brackets_at_the_end(last) if last.kind == "seq" and last.within is None else []


class BranchKey(SequenceKey):
    def __init__(self, rule, key, desk):
        super().__init__(rule, key, desk)
        self.streams |= {a.stream for part in tree_parts(rule.shape) for gap in part.nots for a in gap.atoms}
        self.streams |= {a.stream for part in tree_parts(rule.shape) for a in part.during + stops_of(rule, part)}
        self.quiet = any(part.kind == "silence" for part in tree_parts(rule.shape))
        self.plain = [] if rule.absence else brackets_at_the_end(rule.shape)

    def view(self, attempt):
        return View(self.desk, None, self.history, attempt.lists(attempt.final), key=self.key)

    def at_end(self, attempt):
        return whole(self.rule.shape, attempt.state)

    def met(self, attempt, event):
        """What becomes of an attempt (None: of none) that meets the event: attempts that took it; and is there one that left it out?"""
        if attempt and self.rule.within is not None and event.time - attempt.first.time > self.span(self.rule.within):
            return [], True
        offer = Offer(self, event, attempt.first if attempt else event)
        gone = offer.chosen(offer.ways(self.rule.shape, attempt.state if attempt else None, None, lambda s: s))
        after = [Attempt(self.rule, way[1]) for way in gone]
        first = attempt.first if attempt else event
        after = [a for a in after if a.first is first]      # what it began with was given up
        return after, not any(not w[2] and not w[3] for w in gone)

    def on_event(self, event):
        if event.stream in self.streams and silence.is_idle(self, event.time):
            self.attempts = []
        event.idx = len(self.history)
        self.history.append(event)
        if event.stream not in self.streams:
            return
        kept, moved = [], []
        for attempt in self.attempts:
            after, stays = self.met(attempt, event)
            moved += after
            kept += after
            untrimmed = View(self.desk, None, self.history, attempt.bound, key=self.key)
            if stays and not any((n is None or attempt.bound[n]) and fits(atoms, event, untrimmed) for atoms, n in self.rule.unless):
                kept.append(attempt)
        if silence.was_silent(self, event):
            begun, _ = self.met(None, event)
            moved += begun
            kept += begun
        self.attempts = kept
        if self.rule.absence:
            self.forget_dead(event.time)
            return
        finished = [a for a in moved if self.at_end(a) and any(e is event for _, e in a.events)]
        complete = [a for a in finished if self.when_holds(a)]
        if not ends_in_loop(self.rule.shape):
            self.attempts = [a for a in self.attempts if a not in finished or a in complete]
        self.report(complete, event.time)
        self.forget_dead(event.time)

    def forget_dead(self, time):
        """Those that can take nothing more did not run out of time: something else ended them. Without `on timeout` nobody sees it."""
        if self.rule.timeout is not None:
            self.attempts = [a for a in self.attempts if self.runs_out(a) >= time]

    # What happens without an event.

    def ways(self, attempt, offer):
        return offer.ways(self.rule.shape, attempt.state, None, lambda s: s)

    def end_lasts(self, attempt, way, time):
        """The way leads to the end: have the absences there lasted until that instant? inf: does none of them stand broken?"""
        offer = Quiet(self, time, attempt.first)
        last = newest(self.rule.shape, settled(self.rule.shape, way[1]))
        view = offer.view(way[1])
        for gap in self.rule.absence:
            until = offer.until(gap, last, view)
            if gap.time is None and not gap.next and self.rule.within is not None:
                until = attempt.first.time + self.span(self.rule.within)
            heard = [x for x in offer.between(last) if x.stream in self.streams]
            if any(x.time <= until and fits(gap.atoms, x, view) for x in (heard[:1] if gap.next else heard)):
                return False
            if until > time and (gap.time is not None or (self.rule.within is not None and not gap.next)):
                return False
        return True

    def once(self, attempt, what, find):
        """The answer to a question of this name, asked once as long as no event comes."""
        if attempt.known.get("events") != len(self.history):
            attempt.known = {"events": len(self.history)}
        if what not in attempt.known:
            attempt.known[what] = find()
        return attempt.known[what]

    def ends_at(self, attempt, time):
        ways = self.ways(attempt, Quiet(self, time, attempt.first)) if self.rule.absence else []
        return any(w[0] == "leave" and self.end_lasts(attempt, w, time) for w in ways)

    def silence_ends(self, attempt, time):
        return next((w for w in self.ways(attempt, Quiet(self, time, attempt.first)) if w[0] == "take"), None)

    def waits(self, attempt):
        """For some silence, however long."""
        return self.ends_at(attempt, math.inf) or self.silence_ends(attempt, math.inf) is not None

    def instants(self, attempt):
        """When something may happen to it without an event."""
        parts = tree_parts(self.rule.shape)
        views = [self.view(attempt), View(self.desk, None, self.history, attempt.bound, key=self.key)]
        spans = [self.rule.within] + [x for p in parts for x in (p.within, p.link_within)]
        spans = [self.span(x) for x in spans if x is not None]
        times = [gap.time for p in parts for gap in p.nots] + [p.time for p in parts] + [gap.time for gap in self.rule.absence]
        for x in times:
            spans += [value(x, v) for v in views] if isinstance(x, tuple) else [x]
        spans = {s for s in spans if s is not None} | {1}
        return sorted({e.time + s for _, e in held(self.rule.shape, attempt.state) for s in spans})

    def runs_out(self, attempt):
        return self.once(attempt, "runs out", lambda: self.find_end(attempt))

    def find_end(self, attempt):
        if self.waits(attempt):
            return math.inf
        for time in [math.inf] + self.instants(attempt)[::-1]:
            if any(w[0] == "take" for w in self.ways(attempt, Ahead(self, time, attempt.first))):
                return time
        return -math.inf

    def timers(self):
        now, found = self.desk.run.clock, []
        for attempt in self.attempts:
            for time in self.once(attempt, "instants", lambda a=attempt: self.instants(a)) if self.quiet or self.rule.absence else []:
                if (time, TIMER) >= now and self.once(attempt, time, lambda a=attempt, t=time: self.ends_at(a, t) or self.silence_ends(a, t)):
                    found.append((time, TIMER))
                    break
        if self.rule.timeout is not None and self.attempts:
            ends = [self.runs_out(a) for a in self.attempts] + [silence.quiet_until(self)]
            found += [(end, TIMER) for end in ends if abs(end) != math.inf]
        return found

    def after_silences(self, attempt, time):
        """(what becomes of it, None: nothing; is that a match?)"""
        while True:
            way = self.silence_ends(attempt, time)
            if way is None:
                return attempt, False
            after = Attempt(self.rule, way[1])
            if after.first is not attempt.first:
                return None, False
            attempt = after
            if self.rule.absence or not self.at_end(attempt) or not self.is_new(attempt, time):
                continue
            if self.when_holds(attempt):
                return attempt, True
            if not ends_in_loop(self.rule.shape):
                return None, False

    def is_new(self, attempt, time):
        """Has what just ended counted, or is it in a round that is running?"""
        return any(isinstance(e, Over) and e.time == time for _, e in held(self.rule.shape, attempt.final))

    def on_timer(self, now):
        """When silences have ended inside, those at the end may be over at the same instant."""
        self.act(now[0])
        while any(self.ends_at(a, now[0]) for a in self.attempts):
            self.act(now[0])

    def act(self, time):
        if silence.is_idle(self, time):
            self.attempts = []
        ended = [a for a in self.attempts if self.ends_at(a, time)]
        complete = [a for a in ended if self.when_holds(a)]
        kept = []
        for attempt in self.attempts:
            if attempt in ended:
                kept.append(attempt)
                continue
            after, matched = self.after_silences(attempt, time)
            kept += [after] if after else []
            complete += [after] if matched else []
        self.attempts = kept
        self.report(complete, time)
        self.attempts = [a for a in self.attempts if a not in ended and a not in complete]
        self.forget_dead(time)
        if self.rule.timeout is not None:
            self.time_out(time)

    def time_out(self, time):
        over = [a for a in self.attempts if silence.quiet_until(self) == time or self.runs_out(a) == time]
        once = {}
        for attempt in over:
            once.setdefault(str([(i, e.pos) for i, e in attempt.taken]), attempt)
        for attempt in sorted(once.values(), key=lambda a: ([e.pos for _, e in a.taken], [i for i, _ in a.taken])):
            evidence = [(self.rule.items[i].name, e.pos) for i, e in attempt.taken]
            view = View(self.desk, None, self.history, attempt.bound, key=self.key)
            self.desk.match(self.key, time, view, evidence, attempt.first.time, "timeout")
        self.attempts = [a for a in self.attempts if a not in over]

    def skip(self, match):
        match.bound = match.lists(match.final)
        super().skip(match)

    def report(self, complete, time):
        """Attempts that differ in nothing but what they gave up are told once."""
        once = {}
        for attempt in complete:
            if attempt in self.attempts and once.setdefault(str(attempt.order), attempt) is not attempt:
                self.attempts.remove(attempt)
        super().report([a for a in complete if a in self.attempts], time)
