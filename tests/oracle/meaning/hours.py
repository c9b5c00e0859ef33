"""hours.py: times as clocks on the wall show them: functions of dates in a zone, during, calendars, active."""
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from meaning.values import means, value

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
PARTS = {"year": lambda t: t.year, "month": lambda t: t.month, "day": lambda t: t.day, "hour": lambda t: t.hour, "minute": lambda t: t.minute,
         "weekday": lambda t: t.isoweekday()}


def on_the_wall(ms, zone):
    """None: there is no such zone."""
    try:
        return (EPOCH + timedelta(milliseconds=ms)).astimezone(ZoneInfo(zone))
    except (KeyError, ValueError):
        return None


def local_time(time, zone, view):
    ms, name = value(time, view), value(zone, view) if zone else "UTC"
    return None if ms is None or name is None else on_the_wall(ms, name)


def minutes(t):
    """Of the day, exactly."""
    return t.hour * 60 + t.minute + (t.second * 1000 + t.microsecond / 1000) / 60000


def in_clock(clock, t):
    """The days on which the hours began that t is in: both ends belong to them; those that end before they begin go over midnight."""
    start, end = clock
    if start < end:
        return [t.date()] if start <= minutes(t) <= end else []
    return [t.date()] * (minutes(t) >= start) + [t.date() - DAY] * (minutes(t) <= end)


def has_day(hours, day):
    if hours.dates:
        return hours.dates[0] <= day <= hours.dates[1]
    if hours.weekdays:
        first, last = hours.weekdays
        return day.isoweekday() in ([*range(first, last + 1)] if first <= last else [*range(first, 8), *range(1, last + 1)])
    return True


def in_hours(hours, ms, zone):
    t = on_the_wall(ms, hours.zone or zone)
    return any(has_day(hours, day) for day in in_clock(hours.clock or (0, 24 * 60), t))


def in_entries(entries, ms):
    """In one of them, and in none that begins with `not`; when all do, in none."""
    zone = next((e.zone for e in entries if e.zone), "UTC")
    positive = [e for e in entries if not e.without]
    return (not positive or any(in_hours(e, ms, zone) for e in positive)) and not any(in_hours(e, ms, zone) for e in entries if e.without)


@means("local")
def local(x, view):
    t = local_time(x[2], x[3], view)
    return None if t is None else PARTS[x[1]](t)


@means("during")
def during(x, view):
    t = local_time(x[1], x[3], view)
    return t is not None and bool(in_clock(x[2], t))


@means("in calendar")
def in_calendar(x, view):
    ms = value(x[2], view)
    return ms is not None and in_entries(view.rule.content.calendars[x[1]], ms)
