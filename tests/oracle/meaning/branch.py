"""branch.py: patterns that are a tree of parts: `or`, `and`, `any n of`, groups, `then any`, `any` loops.

What an attempt has done with a part is a value, never changed:

    step   the event                          seq    the states of its parts up to where it stands
    loop   (complete rounds, running round)   some   (the states of its operands, all events that one of them took at the time)
    or     ("run", states of all alternatives) or ("won", number, state)         None: it has not begun

Of a part and an event one asks for its ways, in order of preference: ("take", state after it, forks, choices), or ("leave", state, choices): here
what stands behind the part may take the event instead. Who is made of parts puts the ways of what follows in the place of "leave". `choices`
names the choices a way belongs to: of each, one way is gone at most.
"""
from itertools import count

from meaning import silence
from meaning.place import View
from meaning.sequence import SequenceKey
from meaning.values import fits, value
from rules import tree_parts


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


def bound(part, state):
    """(item, event) of all that it has bound."""
    if state is None:
        return []
    if part.kind == "step":
        return [(part.item, state)]
    if part.kind == "loop":
        return [b for s in (*state[0], state[1]) for b in bound(part.parts[0], s)]
    if part.kind == "or":
        return bound(part.parts[state[1]], state[2]) if state[0] == "won" else [b for p, s in zip(part.parts, state[1]) for b in bound(p, s)]
    return [b for p, s in zip(part.parts, state[0] if part.kind == "some" else state) for b in bound(p, s)]


def settled(part, state):
    """The same without running rounds, and without operands that are not complete."""
    if state is None or part.kind == "step":
        return state
    if part.kind == "loop":
        rounds = tuple(settled(part.parts[0], s) for s in state[0])
        return (rounds, None) if rounds else None
    if part.kind == "seq":
        states = tuple(settled(p, s) for p, s in zip(part.parts, state))
        return states if any(s is not None for s in states) else None
    if part.kind == "or":
        return ("won", state[1], settled(part.parts[state[1]], state[2])) if state[0] == "won" else None
    return tuple(settled(p, s) if s is not None and whole(p, s) else None for p, s in zip(part.parts, state[0])), state[1]


def events_of(part, state):
    return [event for _, event in bound(part, state)]


def newest(part, state):
    return max(events_of(part, state), key=lambda e: e.idx, default=None)


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


class Attempt:
    def __init__(self, rule, state):
        self.state, self.rule = state, rule
        self.first = min(events_of(rule.shape, state), key=lambda e: e.idx)
        self.bound = self.lists(state)
        self.final = settled(rule.shape, state)
        self.events = sorted(bound(rule.shape, self.final), key=lambda b: b[1].idx)
        self.last = self.events[-1][1] if self.events else self.first

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

    def view(self, root):
        lists = [[] for _ in self.key.rule.items]
        for item, event in sorted(bound(self.key.rule.shape, root), key=lambda b: b[1].idx):
            lists[item].append(event)
        return View(self.key.desk, None, self.key.history, lists, key=self.key.key)

    def between(self, last):
        return self.key.history[last.idx + 1:self.event.idx]

    def gap(self, last):
        return any(x.stream in self.key.streams for x in self.between(last))

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

    def ways(self, part, state, last, root):
        return getattr(self, part.kind)(part, state, last, root)

    def step(self, part, state, last, root):
        if state is not None:
            return [("leave", state, ())]
        atoms = self.key.rule.items[part.item].atoms
        fit = fits(atoms, self.event, self.view(root(None))) and self.bounds_allow(root(self.event), part.item)
        return [("take", self.event, False, ())] if fit else []

    def bounds_allow(self, state, item):
        """The bounds of the groups and strict loops around a step that would take the event."""
        for part, events in surroundings(self.key.rule.shape, state, item)[1]:
            if part.within is not None and self.event.time - min(e.time for e in events) > part.within:
                return False
            others = [e for e in events if e is not self.event]
            if part.strict and others and self.gap(max(others, key=lambda e: e.idx)):
                return False
        return True

    def link(self, part, last, root):
        if last is None:
            return True
        if (part.link == "next" and self.gap(last)) or (part.link_within is not None and self.event.time - last.time > part.link_within):
            return False
        view = self.view(root(None))
        return not any(fits(part.nots, x, view) for x in self.between(last))

    def seq(self, part, state, last, root):
        def go_on(states, last):
            at = len(states)
            if at == len(part.parts):
                return [("leave", states, ())]
            inner, out = part.parts[at], []
            allowed = None
            for way in self.ways(inner, None, last, lambda s: root(states + (s,))):
                if way[0] == "leave":
                    out += with_choices(way[2], go_on(states + (None,), last))
                    continue
                if allowed is None:
                    allowed = at == 0 or self.link(inner, last, lambda s: root(states + (s,)))
                if allowed:
                    out.append(("take", states + (way[1],), way[2] or (at > 0 and inner.every and last is not None), way[3]))
            return out

        if state is None:
            out = go_on((), last)
        else:
            out, at = [], len(state) - 1
            before = self.newest_of(part.parts[:at], state[:at]) or last
            for way in self.ways(part.parts[at], state[at], before, lambda s: root(state[:at] + (s,))):
                if way[0] == "take":
                    out.append(("take", state[:at] + (way[1],), *way[2:]))
                else:
                    here = newest(part.parts[at], settled(part.parts[at], way[1])) or before
                    out += with_choices(way[2], go_on(state[:at] + (way[1],), here))
        return out

    def newest_of(self, parts, states):
        events = [newest(p, settled(p, s)) for p, s in zip(parts, states)]
        return max((e for e in events if e is not None), key=lambda e: e.idx, default=None)

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

    def turn(self, part, again, leave):
        """A round is complete: another one, or what stands behind the loop."""
        if part.any and again:
            return with_choices((next(self.choices),), again) + with_choices((next(self.choices),), leave)
        return again + leave if part.greedy else leave + again

    def alternative(self, part, states, n, last, root):
        """The state of one alternative after the event; None: it does not take it."""
        ways = self.ways(part.parts[n], states[n], last, lambda s: root(("run", states[:n] + (s,) + states[n + 1:])))
        gone = self.chosen(ways)
        return gone[0][1] if gone else None

    # `or` and `some` are words of Python or sound like it; the kinds are called so.

    def either(self, part, state, last, root):
        if state is not None and state[0] == "won":
            ways = self.ways(part.parts[state[1]], state[2], last, lambda s: root(("won", state[1], s)))
            return [(w[0], ("won", state[1], w[1]), *w[2:]) for w in ways]
        states = state[1] if state else (None,) * len(part.parts)
        began = state is not None and self.first in events_of(part, state)
        taken = [None if began and s is None else self.alternative(part, states, n, last, root) for n, s in enumerate(states)]
        if not any(t is not None for t in taken):
            return []
        after = tuple(s if t is None else t for s, t in zip(states, taken))
        won = [n for n, t in enumerate(taken) if t is not None and whole(part.parts[n], t)]
        return [("take", ("won", won[0], after[won[0]]) if won else ("run", after), False, ())]

    def some(self, part, state, last, root):
        states, ever = state or ((None,) * len(part.parts), ())

        def put(n, s):
            after = states[:n] + (s,) + states[n + 1:]
            if whole(part, (after, ())):
                after = tuple(x if x is not None and whole(p, x) else None for p, x in zip(part.parts, after))
            return after, ever + (self.event,)

        def operand(n):
            return self.ways(part.parts[n], states[n], last, lambda s: root((states[:n] + (s,) + states[n + 1:], ever)))

        def takes(n, ways):
            return [("take", put(n, w[1]), *w[2:]) for w in ways if w[0] == "take"]

        if state is None or not whole(part, state):
            if self.forbidden(part, state, last, root):
                return []
            return [w for n in range(len(states)) for w in takes(n, operand(n))]
        before, behind, out = [], [], list(states)
        for n, s in enumerate(states):
            ways = operand(n) if s is not None else []
            way_out = next((i for i, w in enumerate(ways) if w[0] == "leave"), len(ways))
            before += takes(n, ways[:way_out])
            behind += takes(n, ways[way_out + 1:])
            out[n] = ways[way_out][1] if s is not None else None
        return before + [("leave", (tuple(out), ever), ())] + behind

    def forbidden(self, part, state, last, root):
        own = state[1] if state else ()
        start = last or (own[0] if own else None)
        if not part.during or start is None:
            return False
        view = self.view(root(state))
        return any(fits(part.during, x, view) for x in self.between(start) if x not in own)


setattr(Offer, "or", Offer.either)


def with_choices(choices, ways):
    return [(*w[:-1], choices + w[-1]) for w in ways]


# ---- all attempts of a key ----

def ends_in_loop(part):
    if part.kind == "loop" and part.max != 1:
        return True
    return any(ends_in_loop(p) for p in (part.parts[-1:] if part.kind == "seq" else part.parts))


class BranchKey(SequenceKey):
    def __init__(self, rule, key, desk):
        super().__init__(rule, key, desk)
        self.streams |= {a.stream for part in tree_parts(rule.shape) for a in part.nots + part.during}

    def view(self, attempt):
        return View(self.desk, None, self.history, attempt.lists(attempt.final), key=self.key)

    def at_end(self, attempt):
        return whole(self.rule.shape, attempt.state)

    def crossed(self, attempt, at):
        return []               # what stands between parts is asked where the event is offered

    def met(self, attempt, event):
        """What becomes of an attempt (None: of none) that meets the event: attempts that took it; and is there one that left it out?"""
        if attempt and self.rule.within is not None and event.time - attempt.first.time > self.rule.within:
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
            return
        finished = [a for a in moved if self.at_end(a) and any(e is event for _, e in a.events)]
        complete = [a for a in finished if self.when_holds(a)]
        if not ends_in_loop(self.rule.shape):
            self.attempts = [a for a in self.attempts if a not in finished or a in complete]
        self.report(complete, event.time)

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
