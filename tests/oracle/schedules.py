"""Random schedules, of all that the API server lets through; near an instant, if one is given."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import strategies as st

from .cron import MONTHS, WEEKDAYS

Text = st.SearchStrategy[str]

_AROUND = (-60, -30, -1, 0, 1, 15, 30, 45, 60, 90)
"""Minutes from a jump of the clock that are worth a look."""


def schedules(shown: tuple[datetime, ...] = ()) -> Text:
    """Any schedule; given what clocks show when they jump, mostly one that opens around then."""
    minute, hour, day = _numbers(0, 59), _numbers(0, 23), _days()
    if shown:
        near = [t + timedelta(minutes=m) for t in shown for m in _AROUND]
        minute = _mostly(_listed([str(t.minute) for t in near]) | st.just("*/15"), minute)
        hour = _mostly(_listed([str(t.hour) for t in near]), hour)
        day = _mostly(st.just("*"), day)
    months = _mostly(st.just("*"), _numbers(1, 12, ["", *MONTHS]))
    fields = st.tuples(minute, hour, day, months, _mostly(st.just("*"), _weekdays()))
    return st.tuples(fields, st.sampled_from([" ", "  "]), st.booleans()).map(_written)


def sparse_schedules() -> Text:
    """Those that open a few times on a day that they name, so that a decade can be looked at."""
    time = st.tuples(_listed([*map(str, range(60))]), _listed([*map(str, range(24))]))
    months = _mostly(st.just("*"), _numbers(1, 12, ["", *MONTHS]))
    fields = st.tuples(time, _days(), months, _weekdays()).map(lambda f: (*f[0], *f[1:]))
    return st.tuples(fields, st.just(" "), st.booleans()).map(_written)


def _written(parts: tuple[tuple[str, ...], str, bool]) -> str:
    fields, between, lower = parts
    text = between.join(fields)
    return text.lower() if lower else text


def _mostly(first: Text, second: Text) -> Text:
    return st.sampled_from([first, first, first, second]).flatmap(lambda chosen: chosen)


def _listed(words: list[str]) -> Text:
    return st.lists(st.sampled_from(words), min_size=1, max_size=3).map(",".join)


def _lists(term: Text) -> Text:
    return st.lists(term, min_size=1, max_size=3).map(",".join)


def _days() -> Text:
    return _lists(_mostly(_term(1, 31), st.sampled_from(["L", "LW"])))


def _weekdays() -> Text:
    day = _number(0, 7) | st.sampled_from(WEEKDAYS)
    which = st.tuples(day, st.integers(1, 5).map(str)).map("#".join)
    last = _number(0, 7).map(lambda number: f"{number}L")
    return _lists(_term(0, 7, WEEKDAYS) | which | last)


def _numbers(low: int, high: int, names: list[str] | None = None) -> Text:
    return _lists(_term(low, high, names))


def _term(low: int, high: int, names: list[str] | None = None) -> Text:
    number = _number(low, high, names)
    ends = st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)
    stretch = ends.flatmap(lambda e: st.tuples(*(_number(n, n, names) for n in e))).map("-".join)
    step = st.sampled_from(["", "", "", "/1", "/2", "/3", "/5", "/7", "/10", "/30", "/45", "/200"])
    return st.tuples(number | stretch | st.just("*"), step).map("".join)


def _number(low: int, high: int, names: list[str] | None = None) -> Text:
    """Also with a zero before it, or by its name."""

    def written(number: int) -> Text:
        name = names[number] if names and number < len(names) else ""
        return st.sampled_from([str(number), f"{number:02}", name or str(number)])

    return st.integers(low, high).flatmap(written)
