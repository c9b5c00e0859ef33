"""branch.py: patterns that are a tree: groups, `or`, `and`, `any n of`, `then any`, `any` loops.

What forks multiplies attempts, so rules that do get few events and small loops; the naive matcher tries every branch.
"""
from generator.choices import WITHIN_MS
from meaning.branch import ends_in_loop, nullable
from rules import Absence, Atom, Item, Part, tree_parts

TIMES = ((2, 2), (2, None), (1, 2), (1, 3), (0, 1), (0, 2), (1, None), (0, None), (2, 3))
FEW_TIMES = ((1, 2), (2, 2), (2, 3), (1, 3))


def firm(part):
    """Makes it need an event."""
    if part.kind == "loop":
        part.min = max(part.min, 1)
    elif part.kind == "seq" and nullable(part):
        firm(part.parts[0])


class Branches:
    def branch(self, rule, streams):
        """inside: what stands around a part: "or", "some", "loop"; "firm": something that must be there comes before it."""
        r = self.r
        rule.shape = Part("seq")
        self.most_items = r.choice((3, 4, 4, 5, 6))
        self.quiet = self.chance(0.3)           # many silences
        rule.shape = self.group(rule, streams, r.choice((1, 2, 2, 3)), r.choices((1, 2, 3), (25, 50, 25))[0], [], set())
        rule.shape.within = None
        if nullable(rule.shape):
            firm(rule.shape)
        alone = rule.shape
        while len(alone.parts) == 1 and alone.parts[0].kind == "seq":       # its `within` would be that of the rule
            alone = alone.parts[0]
            alone.within = None
        if any(p.any or p.every for p in tree_parts(rule.shape)):
            rule.limits = {"attempts": 1000000}     # more than there ever are: what a limit drops is not part of the meaning
        rule.within = self.span(rule, r.choice(WITHIN_MS)) if self.chance(0.45) else None
        if self.chance(0.25):
            self.silence_at_end(rule, streams)
        self.close_gaps(rule, rule.shape, not rule.absence)
        self.sequence_clauses(rule, streams)
        if rule.when is None and ends_in_loop(rule.shape) and self.chance(0.3):
            rule.when = (r.choice((">", ">=", "==", "!=")), self.step_value(rule, range(len(rule.items))), ("const", r.randint(0, 3)))

    def step(self, rule, streams, before):
        item = Item(f"s{len(rule.items) + 1}", [])
        rule.items.append(item)
        item.atoms = self.atoms(rule, streams, before)
        number = len(rule.items) - 1
        before.append(number)
        return Part("step", item=number)

    def close_gaps(self, rule, part, ends):
        """An absence needs an event that ends it: none where all may be left out that stands behind. ends: the match, or an operand, does."""
        for at, inner in enumerate(part.parts):
            behind = part.kind != "seq" or all(nullable(p) for p in part.parts[at + 1:])
            here = behind and (ends or part.kind in ("or", "some"))
            if here and nullable(inner):
                inner.nots = []
            self.close_gaps(rule, inner, here)

    def group(self, rule, streams, depth, length, before, inside):
        seq = Part("seq", within=self.span(rule) if self.chance(0.25) else None)
        root = rule.shape.parts == [] and not inside and not rule.items
        firm_here = set()
        for at in range(length):
            gap = list(before)
            part = self.part(rule, streams, depth, before, inside | firm_here)
            if at:
                self.link(rule, streams, part, gap, inside | firm_here)
            elif gap and not root and self.chance(0.3 if self.quiet else 0.08):
                part.nots = [self.gap(rule, streams, gap, inside, False)]
            firm_here = firm_here if nullable(part) else {"firm"}
            seq.parts.append(part)
        if not root and (inside | firm_here) & {"firm"} and self.chance(0.25 if self.quiet else 0.08):
            time = None if seq.within is not None and self.chance(0.5) else self.inner_time(rule, before)
            seq.parts.append(Part("silence", during=self.atoms(rule, streams, before), time=time))
        return seq

    def inner_time(self, rule, before):
        """Of a silence that is a part: more than nothing, as a loop of them would never end."""
        time = self.silence_time(rule, before)
        return ("seconds", ("call", "greatest", time[1], ("const", 1))) if isinstance(time, tuple) and time[0] == "seconds" else time

    def gap(self, rule, streams, before, inside, follows):
        """An absence between parts. follows: a link leads to it."""
        gap = Absence(self.atoms(rule, streams, before))
        kind = self.r.random()
        gap.next = follows and kind < 0.2
        if 0.2 <= kind < 0.5 and "firm" in inside:
            gap.time = self.silence_time(rule, before)
        return gap

    def link(self, rule, streams, part, before, inside):
        part.link = "next" if self.chance(0.15) else "then"
        part.link_within = self.span(rule) if self.chance(0.2) else None
        if part.link == "then" and self.forks_left() and self.chance(0.15):
            part.every = True
            self.forks += 1
        while self.chance(0.35 if self.quiet else 0.15):
            part.nots.append(self.gap(rule, streams, before, inside, True))

    def forks_left(self):
        return self.forks < 2

    def part(self, rule, streams, depth, before, inside):
        r = self.r
        room = len(rule.items) < self.most_items
        kinds = ("step", "loop", "seq", "or", "some", "of", "many")
        kind = r.choices(kinds, (24, 14, 8, 16, 16, 8, 14))[0] if depth and room else r.choices(kinds, (60, 40, 0, 0, 0, 0, 0))[0]
        if kind == "step":
            return self.step(rule, streams, before)
        if kind == "loop":
            return self.repeat(rule, streams, self.step(rule, streams, before), before, inside)
        if kind == "seq":
            return self.group(rule, streams, depth - 1, r.choice((1, 2, 2)), before, inside)
        if kind == "many":
            again = inside | {"loop"}
            return self.repeat(rule, streams, self.group(rule, streams, depth - 1, r.choice((2, 2, 3)), before, again), before, inside)
        return self.several(rule, streams, depth, before, inside, kind)

    def until_in_tree(self, rule, loop, streams, before):
        last = max(part.item for part in tree_parts(loop) if part.kind == "step")
        inner = {part.item for part in tree_parts(loop) if part.kind == "step"}
        seen = [n for n in before if n not in inner] + [last]
        loop.until_own = self.chance(0.6)
        cond = self.condition(rule, seen) or self.own_condition()
        loop.until = [Atom(self.r.choice(rule.items[last].atoms).stream if loop.until_own else self.r.choice(streams), cond)]

    def repeat(self, rule, streams, body, before, inside):
        """A loop around it. What it repeats needs an event each time."""
        if nullable(body):
            firm(body)
        loop = Part("loop", [body])
        loop.any = self.forks_left() and self.chance(0.25)
        if loop.any:
            self.forks += 1
            loop.min, loop.max = self.r.choice(FEW_TIMES)
        else:
            loop.min, loop.max = self.r.choice(TIMES)
        loop.strict, loop.greedy = self.chance(0.15), self.chance(0.2)
        if loop.max != 1 and self.chance(0.2):
            self.until_in_tree(rule, loop, streams, before)
        return loop

    def several(self, rule, streams, depth, before, inside, kind):
        """Alternatives or operands: each sees what stands before all of them, and what follows sees them all."""
        standing = list(before)
        r = self.r
        part = Part("or" if kind == "or" else "some")
        seen = list(before)
        for _ in range(r.choices((2, 3), (75, 25))[0]):
            own = list(seen)
            inner = self.part(rule, streams, depth - 1, own, inside | {part.kind})
            if nullable(inner):
                firm(inner)
            part.parts.append(inner)
            before += [n for n in own if n not in before]
        if ("firm" in inside or kind != "or") and self.chance(0.4 if self.quiet else 0.15):
            time = self.inner_time(rule, standing) if standing else self.looked_up(rule)
            part.parts.insert(r.randint(0, len(part.parts)), Part("silence", during=self.atoms(rule, streams, standing), time=time))
        if kind == "of":
            part.min = r.randint(1, len(part.parts))
        elif kind == "some":
            part.min = len(part.parts)
            if self.chance(0.25):
                part.during = self.atoms(rule, streams, seen)
        return part

    def branch_size(self, rules, size):
        """How many events a naive matcher can stand."""
        parts = [p for rule in rules for p in tree_parts(rule.shape)]
        forks = sum(p.any * 2 + p.every for p in parts)
        return size if not parts else min(size, 24) if not forks else min(size, 16) if forks < 3 else min(size, 12)
