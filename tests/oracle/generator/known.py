"""known.py: profiles, and conditions on what the key's earlier events say."""
from rules import Atom


class Known:
    def history_condition(self, rule):
        r, n = self.r, self.r.random()
        if rule.profile and n < 0.6:
            member = r.choice(rule.profile[1])[0]
            if self.chance(0.3):
                return (r.choice((">", "<=")), ("f", "v"), ("prof", member))
            return (r.choice((">", "<=", ">=")), ("prof", member), ("const", r.randint(0, 3)))
        if n < 0.15:
            return (r.choice((">=", "<")), ("-", ("f", "v"), ("prev", "v")), ("const", r.randint(0, 2)))
        if n < 0.75:
            return (r.choice((">", "<", "==", "!=", ">=")), ("f", "v"), ("prev", "v"))
        name = r.choice("vvs")
        return ("changed", name) if n < 0.87 else ("new", name, self.bound())

    def profile(self, rule, streams):
        members = [("n", ("win", "count", None, None, None, None)), ("mean", ("win", "avg", None, "v", None, None)),
                   ("tot", ("win", "sum", None, "v", None, ("sliding", self.bound()))),
                   ("top", ("win", "max", None, "v", None, ("sliding", self.bound()))),
                   ("few", ("win", "count", None, None, None, ("sliding", self.bound()))),
                   ("was", ("win", "last", None, "v", None, None)), ("kinds", ("win", "distinct", None, "v", None, None))]
        source = Atom(self.r.choice(streams), self.own_condition() if self.chance(0.4) else None)
        rule.profile = (source, self.r.sample(members, 3))
