# /// sample
# title: A calendar with recurring events and time zones
# tier: realworld
# ///
"""Recurrence rules, exceptions, overlaps, free slots, fixed-offset and rule-based zones, and dates at their limits."""

import calendar
import heapq
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta, timezone, tzinfo
from itertools import count, islice, takewhile

DAYS = {name: index for index, name in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))}


class Europe(tzinfo):
    """One hour ahead of UTC, two from the last Sunday of March to that of October, at 1:00 UTC."""

    @staticmethod
    def change(year, month):
        last = calendar.monthrange(year, month)[1]
        return datetime(year, month, last - (date(year, month, last).weekday() + 1) % 7, 1)

    def dst(self, when):
        start, end = self.change(when.year, 3), self.change(when.year, 10)
        local = when.replace(tzinfo=None)
        in_repeated_hour = end + timedelta(hours=1) <= local < end + timedelta(hours=2)
        summer = start + timedelta(hours=1) <= local < end + timedelta(hours=2) and not (in_repeated_hour and when.fold)
        return timedelta(hours=int(summer))

    def utcoffset(self, when):
        return timedelta(hours=1) + self.dst(when)

    def tzname(self, when):
        return "CEST" if self.dst(when) else "CET"

    def fromutc(self, when):
        start, end = self.change(when.year, 3), self.change(when.year, 10)
        utc = when.replace(tzinfo=None)
        local = when + timedelta(hours=2 if start <= utc < end else 1)
        return local.replace(fold=int(end <= utc < end + timedelta(hours=1)))


BERLIN = Europe()


def rule(text):
    """FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR;COUNT=5;UNTIL=20251231 as a dict."""
    parts = dict(part.split("=", 1) for part in text.split(";"))
    unknown = parts.keys() - {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "COUNT", "UNTIL"}
    if unknown or parts.get("FREQ") not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"):
        raise ValueError(f"bad rule {text!r}")
    return parts


def month_days(year, month, parts, default):
    last = calendar.monthrange(year, month)[1]
    if "BYMONTHDAY" in parts:
        for number in map(int, parts["BYMONTHDAY"].split(",")):
            day = number if number > 0 else last + 1 + number
            if 1 <= day <= last:
                yield day
    elif "BYDAY" in parts:
        for item in parts["BYDAY"].split(","):
            matching = [day for day in range(1, last + 1) if date(year, month, day).weekday() == DAYS[item[-2:]]]
            if item[:-2]:
                index = int(item[:-2])
                if abs(index) <= len(matching):
                    yield matching[index - (index > 0)]
            else:
                yield from matching
    elif default <= last:
        yield default


def candidates(start, parts):
    step = int(parts.get("INTERVAL", 1))
    for n in count(0, step):
        match parts["FREQ"]:
            case "DAILY":
                yield start + timedelta(days=n)
            case "WEEKLY":
                monday = start - timedelta(days=start.weekday()) + timedelta(weeks=n)
                yield from (monday + timedelta(days=DAYS[d]) for d in sorted(parts.get("BYDAY", list(DAYS)[start.weekday()]).split(","), key=DAYS.get))
            case "MONTHLY":
                year, month = divmod(start.year * 12 + start.month - 1 + n, 12)
                yield from (start.replace(year=year, month=month + 1, day=d) for d in sorted(month_days(year, month + 1, parts, start.day)))
            case "YEARLY":
                if start.day <= calendar.monthrange(start.year + n, start.month)[1]:
                    yield start.replace(year=start.year + n)


@dataclass(order=True)
class Event:
    start: datetime
    length: timedelta = field(compare=False)
    name: str
    repeat: str = field(default="", compare=False)
    without: frozenset = field(default=frozenset(), compare=False)

    @property
    def end(self):
        return self.start + self.length

    def occurrences(self):
        if not self.repeat:
            yield self
            return
        parts = rule(self.repeat)
        until = datetime.strptime(parts["UNTIL"], "%Y%m%d").date() if "UNTIL" in parts else date.max
        days = (when for when in candidates(self.start, parts) if when >= self.start)
        days = takewhile(lambda when: when.date() <= until, islice(days, int(parts["COUNT"]) if "COUNT" in parts else None))
        for when in days:
            if when.date() not in self.without:
                yield Event(when, self.length, self.name)

    def __str__(self):
        return f"{self.start:%a %d %b %Y %H:%M} +{self.length} {self.name}"


def free_slots(busy, day, opens=time(9), closes=time(17)):
    cursor, end = datetime.combine(day, opens), datetime.combine(day, closes)
    for event in sorted(busy):
        if event.start > cursor:
            yield cursor.time().isoformat("minutes"), min(event.start, end).time().isoformat("minutes")
        cursor = max(cursor, event.end)
    if cursor < end:
        yield cursor.time().isoformat("minutes"), closes.isoformat("minutes")


events = [
    Event(datetime(2024, 1, 31, 9), timedelta(hours=1), "month end", "FREQ=MONTHLY;COUNT=4"),
    Event(datetime(2024, 1, 1, 10, 30), timedelta(minutes=90), "last friday", "FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20240331"),
    Event(datetime(2024, 2, 29, 8), timedelta(days=1), "leap day", "FREQ=YEARLY;COUNT=3"),
    Event(datetime(2024, 3, 27, 9, 30), timedelta(hours=2), "class", "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR,WE,MO;COUNT=5", frozenset({date(2024, 3, 29)})),
    Event(datetime(2024, 3, 28, 11), timedelta(hours=3), "once"),
    Event(datetime(2024, 3, 28, 8), timedelta(hours=2), "daily", "FREQ=DAILY;INTERVAL=1;UNTIL=20240330"),
    Event(datetime(2024, 1, 1), timedelta(0), "paydays", "FREQ=MONTHLY;BYMONTHDAY=15,-1;COUNT=5"),
]
print("== recurrences")
for event in heapq.merge(*(event.occurrences() for event in events)):
    print(event)
day = date(2024, 3, 28)
busy = [o for e in events for o in e.occurrences() if o.start.date() <= day <= o.end.date()]
print([o.name for o in sorted(busy)], list(free_slots(busy, day)), list(free_slots([], day)))
print([(a.name, b.name) for a in busy for b in busy if a < b and b.start < a.end])
for text in ("FREQ=HOURLY", "FREQ=DAILY;BYSETPOS=1", "nonsense"):
    try:
        print(rule(text))
    except ValueError as error:
        print("ValueError:", error)

print("== zones")
for utc in (datetime(2024, 3, 31, 0, 59), datetime(2024, 3, 31, 1), datetime(2024, 10, 27, 0, 30), datetime(2024, 10, 27, 1, 30)):
    local = utc.replace(tzinfo=UTC).astimezone(BERLIN)
    print(f"{utc:%d.%m. %H:%M} UTC = {local:%H:%M %Z %z} fold={local.fold}", local.astimezone(UTC).replace(tzinfo=None) == utc)
early, late = datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN), datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1)
print(late - early, late.astimezone(UTC) - early.astimezone(UTC), early == late, datetime(2024, 3, 31, 12, tzinfo=BERLIN) - datetime(2024, 3, 30, 12, tzinfo=BERLIN))
tokyo = timezone(timedelta(hours=9), "JST")
print(datetime(2024, 1, 1, 3, tzinfo=tokyo).astimezone(timezone(-timedelta(hours=9, minutes=30))).isoformat(), tokyo, timezone(timedelta(seconds=-1)))
print(datetime.fromtimestamp(1709251199.999999, UTC), datetime.fromtimestamp(-1, UTC), datetime(1970, 1, 1, tzinfo=tokyo).timestamp())

print("== limits and parsing")
print(date.max - date.min, timedelta.max.days, timedelta(microseconds=-1), timedelta(days=1, seconds=-1) / timedelta(hours=1), divmod(timedelta(hours=25), timedelta(days=1)))
print([date.fromisoformat(text).isocalendar()[:] for text in ("2020-12-31", "2021-W01-1", "20210104")], datetime.fromisoformat("2024-02-29T23:59:59.5+05:30"))
print(calendar.TextCalendar(6).formatmonth(2024, 2), calendar.isleap(1900), calendar.isleap(2000), MINYEAR, MAXYEAR)
for action in (lambda: date(2023, 2, 29), lambda: date.max + timedelta(1), lambda: datetime(2024, 1, 1) < datetime(2024, 1, 1, tzinfo=UTC), lambda: date.fromisoformat("2024-1-1"), lambda: timedelta(1) * "x"):
    try:
        print(action())
    except (ValueError, OverflowError, TypeError) as error:
        print(f"{type(error).__name__}: {error}")
