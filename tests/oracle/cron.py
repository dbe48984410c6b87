"""Which local minutes a cron expression names; five fields, read as Debian's cron reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
SUNDAY_AGAIN = 7

DayRule = Callable[[date], bool]


@dataclass(frozen=True)
class Cron:
    """An expression, taken apart."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    of_month: DayRule
    of_week: DayRule
    both: bool
    """Whether a day must fit both of its fields; else one suffices."""
    elapsed: bool
    """A wildcard in the minutes or hours: it follows elapsed time, not the clock on the wall."""

    def names_day(self, day: date) -> bool:
        """Whether it opens on such a day."""
        if day.month not in self.months:
            return False
        fits = (self.of_month(day), self.of_week(day))
        return all(fits) if self.both else any(fits)

    def names(self, local: datetime) -> bool:
        """Whether it opens at such a minute of a clock on the wall."""
        return (
            local.minute in self.minutes
            and local.hour in self.hours
            and self.names_day(local.date())
        )

    def times_of_day(self) -> list[timedelta]:
        """From midnight by the clock on the wall, on each day that it names, in order."""
        return [
            timedelta(hours=h, minutes=m) for h in sorted(self.hours) for m in sorted(self.minutes)
        ]


def read(expression: str) -> Cron:
    """Take apart five fields: minute, hour, day of month, month, day of week."""
    minute, hour, day, month, weekday = expression.upper().split()
    return Cron(
        minutes=frozenset(_numbers(minute, 0, 59)),
        hours=frozenset(_numbers(hour, 0, 23)),
        months=frozenset(_numbers(month, 1, 12, ["", *MONTHS])),
        of_month=_any([_rule_of_month(term) for term in day.split(",")]),
        of_week=_any([_rule_of_week(term) for term in weekday.split(",")]),
        both=day.startswith("*") or weekday.startswith("*"),
        elapsed=minute.startswith("*") or hour.startswith("*"),
    )


def _numbers(field: str, low: int, high: int, names: list[str] | None = None) -> set[int]:
    """The numbers of a field without letters of its own."""
    return {n for term in field.split(",") for n in _term(term, low, high, names or [])}


def _term(term: str, low: int, high: int, names: list[str]) -> range:
    """One of ``*``, ``5``, ``1-5``, each perhaps with a step, ``/2``.

    A single number with a step goes on to the end of the field, and so does a range of one number.
    """
    stretch, _, step = term.partition("/")
    first, _, last = stretch.partition("-")
    if stretch == "*":
        begin, end = low, high
    else:
        begin = _number(first, names)
        end = _number(last, names) if last else begin
        if step and begin == end:
            end = high
    return range(begin, end + 1, int(step or 1))


def _number(text: str, names: list[str]) -> int:
    return names.index(text) if text in names else int(text)


def _any(rules: list[DayRule]) -> DayRule:
    return lambda day: any(rule(day) for rule in rules)


def _rule_of_month(term: str) -> DayRule:
    letters = term.partition("/")[0]
    if letters == "L":
        return _is_last_day
    if letters == "LW":
        return _is_last_working_day
    days = frozenset(_term(term, 1, 31, []))
    return lambda day: day.day in days


def _rule_of_week(term: str) -> DayRule:
    if term.endswith("L"):
        last = _number(term[:-1], WEEKDAYS) % SUNDAY_AGAIN
        return lambda day: _weekday(day) == last and _in_days(day, 7).month != day.month
    if "#" in term:
        name, _, which = term.partition("#")
        weekday = _number(name, WEEKDAYS) % SUNDAY_AGAIN
        # The second Friday has one Friday of its month before it.
        return lambda day: _weekday(day) == weekday and _weeks_before(day) + 1 == int(which)
    weekdays = frozenset(n % SUNDAY_AGAIN for n in _term(term, 0, SUNDAY_AGAIN, WEEKDAYS))
    return lambda day: _weekday(day) in weekdays


def _weekday(day: date) -> int:
    """Sunday is 0."""
    return day.isoweekday() % 7


def _weeks_before(day: date) -> int:
    """How many days of the same name the month had before."""
    return sum(_in_days(day, -7 * weeks).month == day.month for weeks in range(1, 5))


def _is_last_day(day: date) -> bool:
    return _in_days(day, 1).month != day.month


def _is_last_working_day(day: date) -> bool:
    """A Monday to Friday that only a weekend separates from the end of its month."""
    rest = [later for n in range(1, 7) if (later := _in_days(day, n)).month == day.month]
    return day.isoweekday() <= 5 and all(later.isoweekday() > 5 for later in rest)


def _in_days(day: date, days: int) -> date:
    return day + timedelta(days=days)
