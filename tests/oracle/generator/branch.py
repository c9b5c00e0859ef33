"""branch.py: patterns that are a tree: groups, `or`, `and`, `any n of`, `then any`, `any` loops.

What forks multiplies attempts, so rules that do get few events and small loops; the naive matcher tries every branch.
"""
from generator.choices import WITHIN_MS
from meaning.branch import ends_in_loop, nullable
from rules import Item, Part, tree_parts

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
        """inside: what stands around a part: "or", "some", "loop"; "round": it begins a round."""
        r = self.r
        rule.shape = Part("seq")
        self.most_items = r.choice((3, 4, 4, 5, 6))
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
        rule.within = r.choice(WITHIN_MS) if self.chance(0.45) else None
        if not nullable(rule.shape.parts[-1]) and self.chance(0.2):
            self.silence_at_end(rule, streams)
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

    def group(self, rule, streams, depth, length, before, inside):
        seq = Part("seq", within=self.bound() if self.chance(0.25) else None)
        for at in range(length):
            gap = list(before)
            part = self.part(rule, streams, depth, before, inside - ({"round"} if at else set()))
            if at:
                self.link(rule, streams, seq.parts[-1], part, gap, inside)
            seq.parts.append(part)
        return seq

    def link(self, rule, streams, last, part, before, inside):
        part.link = "next" if self.chance(0.15) else "then"
        part.link_within = self.bound() if self.chance(0.2) else None
        if part.link == "then" and "or" not in inside and self.forks_left() and self.chance(0.15):
            part.every = True
            self.forks += 1
        if part.link == "then" and not nullable(last) and not nullable(part) and self.chance(0.15):
            part.nots = self.atoms(rule, streams, before)

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
            return self.repeat(self.step(rule, streams, before), inside)
        if kind == "seq":
            return self.group(rule, streams, depth - 1, r.choice((1, 2, 2)), before, inside)
        if kind == "many":
            again = inside | {"loop", "round"}
            return self.repeat(self.group(rule, streams, depth - 1, r.choice((2, 2, 3)), before, again), inside)
        return self.several(rule, streams, depth, before, inside, kind)

    def repeat(self, body, inside):
        """A loop around it. What it repeats needs an event each time."""
        if nullable(body):
            firm(body)
        loop = Part("loop", [body])
        loop.any = not inside & {"or", "some"} and self.forks_left() and self.chance(0.25)
        if loop.any:
            self.forks += 1
            loop.min, loop.max = self.r.choice(FEW_TIMES)
        else:
            loop.min, loop.max = self.r.choice(TIMES)
        loop.strict, loop.greedy = self.chance(0.15), self.chance(0.2)
        return loop

    def several(self, rule, streams, depth, before, inside, kind):
        """Alternatives or operands: each sees what stands before all of them, and what follows sees them all."""
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
        if kind == "of":
            part.min = r.randint(1, len(part.parts))
        elif kind == "some":
            part.min = len(part.parts)
            if "round" not in inside and self.chance(0.25):
                part.during = self.atoms(rule, streams, seen)
        return part

    def branch_size(self, rules, size):
        """How many events a naive matcher can stand."""
        parts = [p for rule in rules for p in tree_parts(rule.shape)]
        forks = sum(p.any * 2 + p.every for p in parts)
        return size if not parts else min(size, 24) if not forks else min(size, 16) if forks < 3 else min(size, 12)
