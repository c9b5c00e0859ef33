"""hours.py: functions of dates, during, calendars, active."""
from printer.values import expression, operand, writes

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def clock_text(clock):
    return "-".join(f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in clock)


def hours_text(hours):
    words = ["not"] if hours.without else []
    if hours.weekdays:
        first, last = (DAYS[n - 1] for n in hours.weekdays)
        words.append(first if first == last else f"{first}-{last}")
    elif hours.dates:
        first, last = hours.dates
        words.append(str(first) if first == last else f"{first}..{last}")
    words += [clock_text(hours.clock)] if hours.clock else []
    return " ".join(words + ([hours.zone] if hours.zone else []))


def declaration(name, entries):
    return f"calendar {name}: " + ", ".join(f'"{hours_text(e)}"' for e in entries)


def zone_text(zone, rule):
    return f", {expression(zone, rule)}" if zone else ""


@writes("local")
def local(x, rule):
    return f"{x[1]}({expression(x[2], rule)}{zone_text(x[3], rule)})"


@writes("during")
def during(x, rule):
    return f'during({expression(x[1], rule)}, "{clock_text(x[2])}"{zone_text(x[3], rule)})'


@writes("in calendar")
def in_calendar(x, rule):
    return f"{operand(x[2], rule)} in {x[1]}"


def clauses(rule):
    return [f'active "{hours_text(rule.active)}"'] if rule.active else []
