"""What overrides, endedAt and exclusions make of a window's occurrences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_maintenance.windows import (
    Exclusion,
    Fixed,
    Occurrence,
    Override,
    Recurring,
    Window,
    next_occurrence,
    occurrence_at,
    occurrences_between,
    schedule,
)
from fastapi_maintenance.windows.occurrences import longest_between
from tests.unit.making import at, fixed, recurring, window

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
BEGIN, UNTIL = "2026-06-01T00:00Z", "2026-06-08T00:00Z"
NIGHTLY = window(recurring("0 2 * * *", hours=2))
SECOND_NIGHT = at("2026-06-02T02:00Z")


BUT_A_MINUTE = tuple(
    Exclusion(at(f"20{year}-01-01T00:00Z"), at(f"20{year}-12-31T23:59Z")) for year in range(26, 90)
)


def shown(found: Occurrence | None) -> str | None:
    """A stretch as ``day hour:minute - day hour:minute``, in June 2026."""
    if found is None:
        return None
    return f"{found.start:%d %H:%M} - " + (f"{found.end:%d %H:%M}" if found.end else "")


def opened(given: Window, begin: str = BEGIN, until: str = UNTIL) -> list[str | None]:
    return [shown(o) for o in occurrences_between(given, at(begin), at(until))]


def cut(start: str, end: str) -> Exclusion:
    return Exclusion(at(start), at(end))


def with_override(given: Window = NIGHTLY, /, **change: object) -> Window:
    override = Override(**{"occurrence": SECOND_NIGHT, **change})  # type: ignore[arg-type]
    return replace(given, overrides=(override,))


@pytest.mark.parametrize(
    ("change", "second"),
    [
        ({"skip": True}, []),
        ({"start": at("2026-06-02T05:00Z")}, ["02 05:00 - 02 07:00"]),
        ({"end": at("2026-06-02T02:30Z")}, ["02 02:00 - 02 02:30"]),
        (
            {"start": at("2026-06-02T01:00Z"), "end": at("2026-06-02T09:00Z")},
            ["02 01:00 - 02 09:00"],
        ),
    ],
    ids=["skip", "start", "end", "both"],
)
def test_an_override_changes_the_one_occurrence_that_it_names(
    change: dict[str, object], second: list[str]
) -> None:
    others = ["03 02:00 - 03 04:00", "04 02:00 - 04 04:00"]
    found = opened(with_override(**change), until="2026-06-05T00:00Z")
    assert found == ["01 02:00 - 01 04:00", *second, *others]


def test_an_override_names_an_instant_however_it_is_written() -> None:
    there = datetime.fromisoformat("2026-06-02T04:00+02:00")
    given = with_override(occurrence=there, skip=True)
    assert occurrence_at(given, SECOND_NIGHT) is None


@pytest.mark.parametrize("named", ["2026-06-02T03:00Z", "2026-06-02T02:00:00.5Z"])
def test_an_override_of_what_the_schedule_does_not_have_changes_nothing(named: str) -> None:
    given = with_override(occurrence=at(named), start=at("2026-06-02T20:00Z"))
    assert opened(given) == opened(NIGHTLY)


def test_a_postponed_occurrence_comes_in_the_order_of_its_new_start() -> None:
    given = with_override(start=at("2026-06-04T12:00Z"))
    others = ["03 02:00 - 03 04:00", "04 02:00 - 04 04:00"]
    assert opened(given)[1:4] == [*others, "04 12:00 - 04 14:00"]
    assert shown(next_occurrence(given, at("2026-06-04T04:00Z"))) == "04 12:00 - 04 14:00"


def test_a_postponed_occurrence_without_an_end_still_has_none() -> None:
    given = with_override(window(fixed(("2026-06-02T02:00Z", None))), start=at("2026-06-03T00:00Z"))
    assert opened(given) == ["03 00:00 - "]


def test_a_one_shot_window_can_be_skipped() -> None:
    given = with_override(window(fixed(("2026-06-02T02:00Z", "2026-06-02T03:00Z"))), skip=True)
    assert opened(given) == []


def test_an_occurrence_moved_to_where_another_starts_is_a_second_one() -> None:
    """Of those that start together, the one that ends last is named first, and counts."""
    given = with_override(start=at("2026-06-03T02:00Z"), end=at("2026-06-03T05:00Z"))
    assert opened(given)[1:3] == ["03 02:00 - 03 05:00", "03 02:00 - 03 04:00"]
    assert shown(next_occurrence(given, at("2026-06-02T12:00Z"))) == "03 02:00 - 03 05:00"
    assert shown(occurrence_at(given, at("2026-06-03T02:00Z"))) == "03 02:00 - 03 05:00"


@pytest.mark.parametrize(
    ("ended_at", "second"),
    [
        ("2026-06-02T02:30Z", ["02 02:00 - 02 02:30"]),
        ("2026-06-02T02:00Z", []),
        ("2026-06-02T04:00Z", ["02 02:00 - 02 04:00"]),
        ("2026-06-02T01:59Z", ["02 02:00 - 02 04:00"]),
    ],
    ids=["within", "at its start", "at its end", "before"],
)
def test_ended_at_ends_what_contains_it_and_the_next_opens_as_planned(
    ended_at: str, second: list[str]
) -> None:
    given = replace(NIGHTLY, ended_at=at(ended_at))
    found = opened(given, until="2026-06-04T00:00Z")
    assert found == ["01 02:00 - 01 04:00", *second, "03 02:00 - 03 04:00"]


def test_ended_at_with_parts_of_a_second_ends_there_all_the_same() -> None:
    half = timedelta(microseconds=500_000)
    given = replace(NIGHTLY, ended_at=SECOND_NIGHT + half)
    assert occurrence_at(given, SECOND_NIGHT) == Occurrence(SECOND_NIGHT, SECOND_NIGHT + half)
    assert occurrence_at(given, SECOND_NIGHT + half) is None


def test_ended_at_ends_all_overlapping_occurrences_and_those_to_come_are_whole() -> None:
    given = window(recurring("0 * * * *", hours=3), ended_at=at("2026-06-01T12:30Z"))
    assert occurrence_at(given, at("2026-06-01T12:29Z")) == Occurrence(
        at("2026-06-01T12:00Z"), at("2026-06-01T12:30Z")
    )
    assert occurrence_at(given, at("2026-06-01T12:30Z")) is None
    assert shown(next_occurrence(given, at("2026-06-01T12:30Z"))) == "01 13:00 - 01 16:00"
    assert opened(given, "2026-06-01T12:30Z", "2026-06-01T13:30Z") == ["01 13:00 - 01 16:00"]


def test_ended_at_ends_an_occurrence_as_the_override_left_it() -> None:
    given = with_override(start=at("2026-06-02T05:00Z"))
    ended = replace(given, ended_at=at("2026-06-02T05:30Z"))
    assert opened(ended)[1] == "02 05:00 - 02 05:30"


def test_an_exclusion_is_cut_out_and_leaves_a_piece_on_either_side() -> None:
    given = replace(NIGHTLY, exclusions=(cut("2026-06-02T02:30Z", "2026-06-02T03:00Z"),))
    assert opened(given)[1:3] == ["02 02:00 - 02 02:30", "02 03:00 - 02 04:00"]
    assert shown(occurrence_at(given, at("2026-06-02T02:29Z"))) == "02 02:00 - 02 02:30"
    assert occurrence_at(given, at("2026-06-02T02:30Z")) is None
    assert shown(next_occurrence(given, at("2026-06-02T02:00Z"))) == "02 03:00 - 02 04:00"
    assert shown(occurrence_at(given, at("2026-06-02T03:00Z"))) == "02 03:00 - 02 04:00"


@pytest.mark.parametrize(
    "exclusions",
    [
        (cut("2026-06-02T00:00Z", "2026-06-02T03:00Z"), cut("2026-06-02T02:00Z", "2026-06-05T00Z")),
        (cut("2026-06-02T02:00Z", "2026-06-05T00Z"), cut("2026-06-02T00:00Z", "2026-06-02T03:00Z")),
        (cut("2026-06-02T02:00Z", "2026-06-03T00Z"), cut("2026-06-03T00Z", "2026-06-05T00Z")),
        (cut("2026-06-02T00Z", "2026-06-05T00Z"), cut("2026-06-03T00Z", "2026-06-04T00Z")),
    ],
    ids=["overlapping", "unsorted", "adjoining", "nested"],
)
def test_exclusions_may_meet_each_other(exclusions: tuple[Exclusion, ...]) -> None:
    found = opened(replace(NIGHTLY, exclusions=exclusions), until="2026-06-06T00:00Z")
    assert found == ["01 02:00 - 01 04:00", "05 02:00 - 05 04:00"]


def test_an_exclusion_cuts_an_occurrence_that_has_no_end() -> None:
    given = window(
        fixed(("2026-06-02T00:00Z", None)),
        exclusions=(cut("2026-06-03T00:00Z", "2026-06-04T00:00Z"),),
    )
    assert opened(given) == ["02 00:00 - 03 00:00", "04 00:00 - "]


def test_an_exclusion_that_ends_in_the_midst_of_several_occurrences_begins_a_piece_of_each() -> (
    None
):
    given = window(
        recurring("0 * * * *", hours=3),
        exclusions=(cut("2026-06-01T00:00Z", "2026-06-01T12:30Z"),),
    )
    found = opened(given, "2026-06-01T12:00Z", "2026-06-01T13:30Z")
    assert found == [
        "01 12:30 - 01 13:00",
        "01 12:30 - 01 14:00",
        "01 12:30 - 01 15:00",
        "01 13:00 - 01 16:00",
    ]
    assert shown(next_occurrence(given, at("2026-06-01T06:00Z"))) == "01 12:30 - 01 15:00"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"exclusions": (cut("2026-06-01T00:00Z", "2999-01-01T00:00Z"),)},
        {"ended_at": at("2026-07-01T00:00Z")},
        {"exclusions": BUT_A_MINUTE},
    ],
    ids=["plain", "excluded for centuries", "ended", "excluded each year but a minute"],
)  # fmt: skip
def test_an_occurrence_each_minute_for_a_year_is_found_by_few_questions(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    """Each question to the calendar is answered without looking at the minutes one by one."""
    asked = 0
    ask = schedule._LocalTimes._time_from

    def counting(times: schedule._LocalTimes, minute: int) -> int:
        nonlocal asked
        asked += 1
        return ask(times, minute)

    monkeypatch.setattr(schedule._LocalTimes, "_time_from", counting)
    given = window(recurring("* * * * *", hours=9600), **changes)
    now = at("2026-07-01T00:00Z")
    occurrence_at(given, now)
    next_occurrence(given, now)
    assert len(list(islice(occurrences_between(given, now, now + DAY), 5))) in (0, 5)
    assert asked < 300


def test_the_first_and_the_last_years_of_the_calendar_are_no_error() -> None:
    given = window(
        recurring("0 0 * * *", "Pacific/Apia", hours=9600),
        overrides=(Override(at("9999-12-30T10:00Z"), skip=True),),
        exclusions=(cut("9999-12-01T00:00Z", "9999-12-02T00:00Z"),),
    )
    first, last = at("0001-01-01T00:00Z"), at("9999-12-31T23:59:59Z")
    assert next_occurrence(given, first) is not None
    assert next_occurrence(given, last) is None
    assert occurrence_at(given, last) is not None
    assert occurrence_at(given, first) in (None, next(occurrences_between(given, first, last)))


# A definition that is slow and plain: all occurrences, then each step upon all of them.


def _materialised(given: Window, begin: datetime, until: datetime) -> Iterator[Occurrence]:
    """Those before any step; a margin on either side is for what overrides bring in."""
    if isinstance(given.timing, Fixed):
        yield from given.timing.occurrences
        return
    for start in schedule.starts(given.timing, begin):
        if start >= until:
            return
        yield Occurrence(start, start + given.timing.duration)


def _overridden(occurrence: Occurrence, override: Override) -> Occurrence:
    start = override.start or occurrence.start
    if override.end is not None or occurrence.end is None:
        return Occurrence(start, override.end)
    return Occurrence(start, start + (occurrence.end - occurrence.start))


def _pieces(occurrence: Occurrence, exclusions: tuple[Exclusion, ...]) -> list[Occurrence]:
    pieces = [occurrence]
    for exclusion in exclusions:
        before = [
            Occurrence(p.start, exclusion.start) if p.end is None or p.end > exclusion.start else p
            for p in pieces
            if p.start < exclusion.start
        ]
        after = [
            Occurrence(max(p.start, exclusion.end), p.end)
            for p in pieces
            if p.end is None or p.end > exclusion.end
        ]
        pieces = before + after
    return pieces


def plainly(given: Window, begin: datetime, until: datetime) -> list[tuple[Occurrence, Occurrence]]:
    """Each piece, with the whole that it is of."""
    overrides = {override.occurrence: override for override in given.overrides}
    wholes = []
    for occurrence in _materialised(given, begin - 30 * DAY, until + 30 * DAY):
        override = overrides.get(occurrence.start)
        if override is not None and override.skip:
            continue
        changed = _overridden(occurrence, override) if override else occurrence
        if given.ended_at is not None and changed.contains(given.ended_at):
            changed = Occurrence(changed.start, given.ended_at)
        if changed.end is None or changed.start < changed.end:
            wholes.append(changed)
    return [(piece, whole) for whole in wholes for piece in _pieces(whole, given.exclusions)]


INSTANTS = st.integers(-2 * 24 * 4, 12 * 24 * 4).map(lambda n: at(BEGIN) + n * 15 * MINUTE)
STRETCHES = st.tuples(INSTANTS, st.integers(1, 200).map(lambda n: n * 15 * MINUTE))
SCHEDULES = st.builds(
    lambda expression, zone, hours: Recurring(expression, zone, hours * HOUR),
    st.sampled_from(["0 2 * * *", "30 */5 * * *", "0 * * * *", "15,45 1-3 * * MON-FRI"]),
    st.sampled_from(["Etc/UTC", "Europe/Berlin", "Asia/Kathmandu"]),
    st.sampled_from([0.25, 1, 3, 26, 100]),
)
ONCE = st.builds(
    lambda stretch, open_end: Fixed(
        (Occurrence(stretch[0], None if open_end else stretch[0] + stretch[1]),)
    ),
    STRETCHES,
    st.booleans(),
)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Windows with all that changes occurrences, near each other so that it meets."""
    timing = draw(st.one_of(SCHEDULES, ONCE))
    plain = window(timing)
    starts = sorted({o.start for o in _materialised(plain, at(BEGIN), at(UNTIL))})
    named = draw(st.lists(st.sampled_from(starts), max_size=4, unique=True)) if starts else []
    exclusions = draw(st.lists(STRETCHES, max_size=5))
    return replace(
        plain,
        overrides=tuple(draw(_override(start)) for start in named),
        ended_at=draw(st.none() | INSTANTS | st.sampled_from(starts or [at(BEGIN)])),
        exclusions=tuple(Exclusion(start, start + length) for start, length in exclusions),
    )


@st.composite
def _override(draw: st.DrawFn, start: datetime) -> Override:
    length = draw(st.integers(1, 200)) * 15 * MINUTE
    moved = draw(INSTANTS)
    return draw(
        st.sampled_from(
            [
                Override(start, skip=True),
                Override(start, start=moved),
                Override(start, end=start + length),
                Override(start, start=moved, end=moved + length),
            ]
        )
    )


def _end(occurrence: Occurrence) -> float:
    return occurrence.end.timestamp() if occurrence.end else float("inf")


@given(windows(), st.lists(INSTANTS, min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_what_is_found_quickly_is_what_the_plain_definition_says(
    given_window: Window, instants: list[datetime]
) -> None:
    pieces = plainly(given_window, at(BEGIN) - 2 * DAY, at(UNTIL) + 20 * DAY)
    for now in instants:
        open_now = [
            (_end(whole), whole.start, piece) for piece, whole in pieces if piece.contains(now)
        ]
        expected = max(open_now, key=lambda found: found[:2])[2] if open_now else None
        assert occurrence_at(given_window, now) == expected
        later = [piece for piece, _ in pieces if piece.start > now]
        following = min(later, key=lambda p: (p.start, -_end(p))) if later else None
        assert next_occurrence(given_window, now) == following


@given(windows(), INSTANTS, st.integers(1, 400).map(lambda n: n * 15 * MINUTE))
@settings(max_examples=200, deadline=None)
def test_a_stretch_of_time_has_the_pieces_of_the_plain_definition(
    given_window: Window, begin: datetime, length: timedelta
) -> None:
    until = begin + length
    expected = [
        piece
        for piece, _ in plainly(given_window, begin, until)
        if piece.start < until and _end(piece) > begin.timestamp()
    ]
    found = list(occurrences_between(given_window, begin, until))
    assert sorted(found, key=lambda p: (p.start, _end(p))) == sorted(
        expected, key=lambda p: (p.start, _end(p))
    )
    assert [p.start for p in found] == sorted(p.start for p in found)


@given(windows(), INSTANTS, st.integers(1, 400).map(lambda n: n * 15 * MINUTE))
@settings(max_examples=200, deadline=None)
def test_of_those_that_start_together_the_one_that_ends_last_can_be_asked_for(
    given_window: Window, begin: datetime, length: timedelta
) -> None:
    longest: dict[datetime, Occurrence] = {}
    for piece in occurrences_between(given_window, begin, begin + length):
        longest[piece.start] = max(longest.get(piece.start, piece), piece, key=_end)
    found = list(longest_between(given_window, begin, begin + length))
    assert found == list(longest.values())
