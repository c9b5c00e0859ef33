"""known.py: lists and tables; profiles, and conditions on what the key's earlier events say."""
from generator.choices import ODD_TEXTS, ZONES
from rules import Atom, Content, Duration, Table


class Known:
    def history_condition(self, rule):
        r, n = self.r, self.r.random()
        if rule.profile and n < 0.6:
            member = r.choice(rule.profile[1])[0]
            if self.chance(0.3):
                return (r.choice((">", "<=", ">=")), ("prof of", member, *(self.key_part(name) for name in rule.keys)), ("const", r.randint(0, 3)))
            if self.chance(0.3):
                return (r.choice((">", "<=")), ("f", "v"), ("prof", member))
            return (r.choice((">", "<=", ">=")), ("prof", member), ("const", r.randint(0, 3)))
        if n < 0.15:
            return (r.choice((">=", "<")), ("-", ("f", "v"), ("prev", "v")), ("const", r.randint(0, 2)))
        if n < 0.75:
            return (r.choice((">", "<", "==", "!=", ">=")), ("f", "v"), ("prev", "v"))
        name = r.choice("vws")
        return ("changed", name) if n < 0.87 else ("new", name, self.bound())

    def key_part(self, name):
        """A value for a part of a key, mostly of some other one."""
        return ("f", name) if self.chance(0.2) else ("const", self.r.choice(("k1", "k2", "k3")) if name == "k" else self.r.randint(0, 1))

    def profile(self, rule, streams):
        members = [("n", ("win", "count", None, None, None, None)), ("mean", ("win", "avg", None, "v", None, None)),
                   ("tot", ("win", "sum", None, "v", None, ("sliding", self.bound()))),
                   ("top", ("win", "max", None, "v", None, ("sliding", self.bound()))),
                   ("few", ("win", "count", None, None, None, ("sliding", self.bound()))),
                   ("late", ("win", "avg", None, "v", None, ("last", self.r.randint(1, 3)))), ("today", ("win", "sum", None, "v", None, self.tumbling())),
                   ("sitting", ("win", self.r.choice(("sum", "max")), None, "v", None, ("session", self.bound()))),
                   ("was", ("win", "last", None, "v", None, None)), ("kinds", ("win", "distinct", None, "v", None, None))]
        source = Atom(self.r.choice(streams), self.own_condition() if self.chance(0.4) else None)
        rule.profile = (source, self.r.sample(members, 3))

    def content(self):
        """The same of all rules of a pair."""
        r = self.r
        names = [f"k{i + 1}" for i in range(4) if self.chance(0.7)]
        places = [{"name": name, "tz": r.choice((*ZONES, "Nowhere")), "top": r.choice((None, 0, 1, 2)), "owner": r.choice(("p", "q", None)),
                   "gap": r.choice((None, *(Duration(n) for n in (1000, 2000, 3000, 5000))))} for name in names]
        grid = [{"k": name, "g": g, "top": r.randint(0, 3)} for name in ("k1", "k2") for g in (0, 1) if self.chance(0.7)]
        tables = {"places": Table(("name",), {"name": "string", "tz": "string", "top": "int?", "owner": "string?", "gap": "duration?"}, places),
                  "grid": Table(("k", "g"), {"k": "string", "g": "int", "top": "int"}, grid)}
        lists = {"some_texts": tuple(t for t in ODD_TEXTS if t.strip() == t and t and self.chance(0.4)), "some_numbers": tuple(n for n in range(4) if self.chance(0.5))}
        return Content(lists, tables, self.calendars())

    def content_condition(self):
        """Looks into a list or a table."""
        r, n = self.r, self.r.random()
        if n < 0.3:
            x = ("in list", "some_texts", ("f", "s")) if self.chance(0.6) else ("in list", "some_numbers", ("f", r.choice("vw")))
        elif n < 0.6:
            x = ("null?", ("cell", "places", r.choice(("top", "gap")), ("f", "k")))
        else:
            top = ("cell", "places", "top", ("f", r.choice("kks"))) if n < 0.85 else ("cell", "grid", "top", ("f", "k"), ("f", "g"))
            return (r.choice((">", "<=", "==", "!=")), ("f", "v"), top)
        return x if self.chance(0.7) else ("not", x)
