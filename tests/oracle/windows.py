"""Random windows of a few days, with all that can change their occurrences."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta

from hypothesis import strategies as st

from fastapi_maintenance.windows import (
    Exclusion,
    Fixed,
    Match,
    Mode,
    Occurrence,
    Override,
    Recurring,
    Window,
)
from tests.unit.making import at

from .calendar import starts_by_day

BEGIN, UNTIL = at("2026-03-26T00:00Z"), at("2026-04-02T00:00Z")
"""A week in which Berlin's clocks jump, and those of Lord Howe Island shortly after it."""
CALENDAR = (BEGIN - timedelta(days=45), UNTIL + timedelta(days=45))
"""What is written down of a calendar: no occurrence is longer, or postponed by more."""

_SCHEDULES = (
    "30 2 * * *", "0 */6 * * *", "0 22 * * SAT", "0 0,12 * * *", "15 1 28,29,30 * *", "0 4 L * *",
    "*/20 3 * * SUN",
)  # fmt: skip
_HALF_HOUR = timedelta(minutes=30)
_ANNOUNCED = (None, timedelta(minutes=30), timedelta(hours=5), timedelta(days=3))


def instants() -> st.SearchStrategy[datetime]:
    """Of the week, on a grid, so that edges meet."""
    return st.integers(0, 7 * 48).map(lambda n: BEGIN + n * _HALF_HOUR)


@st.composite
def windows(draw: st.DrawFn, name: str = "w", *, plain: bool = True) -> Window:
    """A window for every app."""
    timing = draw(_schedules() | _one_shots())
    planned = _starts(timing)
    overrides = draw(st.lists(_overrides(planned), max_size=4, unique_by=lambda o: o.occurrence))
    return Window(
        namespace="shop",
        name=name,
        apps=("*",),
        timing=timing,
        mode=draw(st.sampled_from(Mode)),
        suspend=not plain and draw(st.sampled_from([False, False, True])),
        match=Match() if plain else draw(st.sampled_from([Match(), Match(paths=("/a",))])),
        overrides=tuple(overrides),
        ended_at=draw(st.none() | instants() | _starts_of_the_week(planned)),
        announce_before=None if plain else draw(st.sampled_from(_ANNOUNCED)),
        exclusions=tuple(draw(st.lists(_exclusions(), max_size=3))),
    )


def _schedules() -> st.SearchStrategy[Recurring]:
    lengths = st.sampled_from([0.5, 1, 5, 6, 12, 30, 24 * 8]).map(lambda h: timedelta(hours=h))
    zones = st.sampled_from(["Europe/Berlin", "Etc/UTC", "Australia/Lord_Howe"])
    return st.builds(Recurring, st.sampled_from(_SCHEDULES), zones, lengths)


def _one_shots() -> st.SearchStrategy[Fixed]:
    return _stretches().flatmap(
        lambda s: st.sampled_from([Fixed((Occurrence(*s),)), Fixed((Occurrence(s[0]),))])
    )


def _stretches() -> st.SearchStrategy[tuple[datetime, datetime]]:
    ends = st.lists(instants(), min_size=2, max_size=2, unique=True).map(sorted)
    return ends.map(lambda pair: (pair[0], pair[1]))


def _exclusions() -> st.SearchStrategy[Exclusion]:
    return _stretches().map(lambda stretch: Exclusion(*stretch))


@functools.cache
def _starts(timing: Fixed | Recurring) -> list[datetime]:
    if isinstance(timing, Fixed):
        return [o.start for o in timing.occurrences]
    return starts_by_day(timing.schedule, timing.time_zone, *CALENDAR)


def _starts_of_the_week(planned: list[datetime]) -> st.SearchStrategy[datetime]:
    """Or any instant, where there are none."""
    near = [start for start in planned if BEGIN <= start < UNTIL]
    return st.sampled_from(near) if near else instants()


@st.composite
def _overrides(draw: st.DrawFn, planned: list[datetime]) -> Override:
    """Of an occurrence of about this week, or of one that there is not."""
    occurrence = draw(_starts_of_the_week(planned) | instants())
    kind = draw(st.sampled_from(["skip", "start", "end", "both"]))
    if kind == "skip":
        return Override(occurrence, skip=True)
    if kind == "start":
        return Override(occurrence, start=draw(instants()))
    if kind == "end":
        later = st.integers(1, 100).map(lambda n: occurrence + n * _HALF_HOUR)
        return Override(occurrence, end=draw(later))
    start, end = draw(_stretches())
    return Override(occurrence, start=start, end=end)
