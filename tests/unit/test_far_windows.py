"""Windows of unusual length or rarity: leap days, last days, months, years, the end of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fastapi_maintenance.windows import (
    Exclusion,
    Occurrence,
    Override,
    Timeline,
    Window,
    next_occurrence,
    occurrence_at,
    occurrences_between,
)
from tests.oracle.judge import expected
from tests.unit.making import at, fixed, recurring, window

DAY = timedelta(days=1)


def starts(given: Window, begin: str, until: str) -> list[str]:
    found = occurrences_between(given, at(begin), at(until))
    return [f"{o.start:%Y-%m-%dT%H:%MZ}" for o in found]


def test_the_29th_of_february_comes_every_four_years_but_not_in_2100() -> None:
    leap = window(recurring("0 0 29 2 *", hours=24))
    assert starts(leap, "2094-01-01T00:00Z", "2106-01-01T00:00Z") == [
        "2096-02-29T00:00Z",
        "2104-02-29T00:00Z",
    ]


def test_a_leap_day_that_must_be_a_sunday_is_found_28_years_ahead() -> None:
    leap = window(recurring("0 0 29 2 */7", hours=24))
    found = next_occurrence(leap, at("2032-03-01T00:00Z"))
    assert found == Occurrence(at("2060-02-29T00:00Z"), at("2060-03-01T00:00Z"))


def test_the_last_day_of_the_month_is_that_of_each_month() -> None:
    last = window(recurring("0 23 L * *", "Europe/Berlin", hours=1))
    assert starts(last, "2028-01-01T00:00Z", "2028-05-01T00:00Z") == [
        "2028-01-31T22:00Z",
        "2028-02-29T22:00Z",
        "2028-03-31T21:00Z",
        "2028-04-30T21:00Z",
    ]


@pytest.mark.parametrize(
    ("schedule", "zone", "hours"),
    [
        ("0 2 1 * *", "Europe/Berlin", 9600),
        ("30 1 * * SUN", "America/New_York", 9600),
        ("0 0 1 1,7 *", "Australia/Lord_Howe", 4400),
        ("0 0 29 2 *", "Pacific/Chatham", 9600),
    ],
)
def test_windows_that_overlap_themselves_for_a_year_have_an_occurrence_for_each_start(
    schedule: str, zone: str, hours: int
) -> None:
    timing = recurring(schedule, zone, hours=hours)
    begin, until = at("2027-11-01T00:00Z"), at("2029-04-01T00:00Z")
    written_down = expected(timing, begin, until)
    assert list(occurrences_between(window(timing), begin, until)) == written_down
    now = at("2028-12-31T23:59:59Z")
    opened = [o for o in written_down if o.contains(now)]
    assert occurrence_at(window(timing), now) == (opened[-1] if opened else None)


def test_a_window_of_years_is_open_in_each_of_them_whenever_a_process_was_born() -> None:
    long = window(fixed(("2019-05-01T00:00Z", "2031-05-01T00:00Z")))
    for year in range(2020, 2031):
        fresh = Timeline([long], "orders").at(datetime(year, 1, 1, tzinfo=UTC).timestamp())
        assert fresh.reads is not None
        assert fresh.reads.until == at("2031-05-01T00:00Z")
        assert fresh.valid_until == at("2031-05-01T00:00Z").timestamp()


def test_an_occurrence_that_began_400_days_ago_still_counts_for_a_process_born_today() -> None:
    once_a_year = window(recurring("0 0 1 1 *", hours=9600))
    found = occurrence_at(once_a_year, at("2027-02-04T23:59Z"))
    assert found == Occurrence(at("2027-01-01T00:00Z"), at("2028-02-05T00:00Z"))
    only_this_year = window(
        recurring("0 0 1 1 *", hours=9600),
        overrides=(Override(at("2027-01-01T00:00Z"), skip=True),),
    )
    found = occurrence_at(only_this_year, at("2027-02-04T23:59:59Z"))
    assert found == Occurrence(at("2026-01-01T00:00Z"), at("2027-02-05T00:00Z"))


def test_ending_a_window_that_overlaps_itself_ends_all_that_contain_the_instant() -> None:
    weekly = window(recurring("0 0 * * MON", hours=24 * 20), ended_at=at("2026-06-03T12:00Z"))
    assert occurrence_at(weekly, at("2026-06-03T12:00Z")) is None
    found = next_occurrence(weekly, at("2026-06-03T12:00Z"))
    assert found == Occurrence(at("2026-06-08T00:00Z"), at("2026-06-28T00:00Z"))


def test_an_exclusion_cuts_a_window_of_years_in_two() -> None:
    long = window(
        fixed(("2026-01-01T00:00Z", None)),
        exclusions=(Exclusion(at("2027-01-01T00:00Z"), at("2029-01-01T00:00Z")),),
    )
    assert list(occurrences_between(long, at("2020-01-01T00:00Z"), at("2040-01-01T00:00Z"))) == [
        Occurrence(at("2026-01-01T00:00Z"), at("2027-01-01T00:00Z")),
        Occurrence(at("2029-01-01T00:00Z"), None),
    ]


@pytest.mark.parametrize("leap", [DAY * 3650, DAY, timedelta(minutes=1)])
def test_a_clock_that_jumps_forward_and_back_finds_what_holds_then(leap: timedelta) -> None:
    nightly = window(recurring("0 2 * * *", "Europe/Berlin", hours=2))
    timeline = Timeline([nightly], "orders")
    opened = at("2026-06-01T00:30Z")
    for now in (opened, opened + leap, opened, opened - leap, opened + 2 * leap, opened):
        is_open = occurrence_at(nightly, now) is not None
        assert (timeline.at(now.timestamp()).reads is not None) is is_open
