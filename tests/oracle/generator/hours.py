"""hours.py: times in zones: functions of dates, hours of the day, calendars, active."""
from datetime import date

from generator.choices import ZONES
from rules import Duration, Hours

CLOCKS = ((8 * 60, 18 * 60), (22 * 60, 6 * 60), (0, 24 * 60), (1, 60), (23 * 60 + 59, 24 * 60), (2 * 60, 3 * 60), (18 * 60, 17 * 60 + 59))
WEEKDAYS = ((1, 5), (6, 7), (7, 7), (5, 1), (4, 4))
DATES = ((date(2026, 12, 24), date(2026, 12, 24)), (date(2026, 1, 1), date(2026, 1, 3)), (date(2026, 3, 29), date(2026, 3, 29)), (date(1970, 1, 1), date(2025, 12, 31)))


class Times:
    def zone(self):
        """None (UTC), a name, or what a table says."""
        r = self.r
        return r.choice((None, ("const", r.choice(ZONES)), ("const", r.choice(ZONES)), ("cell", "places", "tz", ("f", "k"))))

    def time_value(self, get):
        r = self.r
        n = r.random()
        if n < 0.5:
            return ("local", r.choice(("hour", "hour", "minute", "weekday", "day", "month", "year")), get("t"), self.plain_zone())
        return r.choice((get("t"), ("+", get("t"), ("const", Duration(90_000))), ("/", ("-", get("t"), get("t")), ("const", Duration(1000)))))

    def plain_zone(self):
        zone = self.zone()
        return None if zone and zone[0] == "cell" else zone

    def time_condition(self, get):
        r, n = self.r, self.r.random()
        own = get("t")[0] == "f"
        t = ("now",) if own and self.chance(0.2) else get("t")
        zone = self.zone() if own else self.plain_zone()
        if n < 0.35:
            part, bound = r.choice((("hour", 8), ("hour", 18), ("minute", 0), ("weekday", 5), ("day", 28), ("month", 10), ("year", 2025)))
            return (r.choice((">", "==", "<")), ("local", part, t, zone), ("const", bound))
        x = ("during", t, r.choice(CLOCKS), zone) if n < 0.7 else ("in calendar", r.choice(("office", "days")), t)
        return x if self.chance(0.7) else ("not", x)

    def hours(self, without=0.2):
        r = self.r
        hours = Hours(self.chance(without))
        n = r.random()
        if n < 0.4:
            hours.weekdays = r.choice(WEEKDAYS)
        elif n < 0.6:
            hours.dates = r.choice(DATES)
        if self.chance(0.6) or (hours.weekdays is None and hours.dates is None):
            hours.clock = r.choice(CLOCKS)
        hours.zone = r.choice(ZONES) if self.chance(0.5) else None
        return hours

    def calendars(self):
        return {"office": [self.hours() for _ in range(self.r.randint(1, 3))], "days": [self.hours(0.5) for _ in range(self.r.randint(1, 2))]}
