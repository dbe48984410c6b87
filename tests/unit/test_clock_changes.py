"""What a schedule means where the clocks of its zone jump."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fastapi_maintenance.windows import Recurring, occurrence_at, occurrences_between
from tests.unit.making import at, recurring, window

LORD_HOWE = "Australia/Lord_Howe"
QUARTERS = ["14:15Z", "14:30Z", "14:45Z", "15:00Z"]


def opens(timing: Recurring, begin: str, until: str) -> list[str]:
    """Its starts from one instant to another, in UTC."""
    found = occurrences_between(window(timing), at(begin), at(until))
    return [f"{o.start:%Y-%m-%dT%H:%MZ}" for o in found]


@pytest.mark.parametrize(
    ("zone", "schedule", "day_before", "jump", "day_after"),
    [
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-03-28T01:30Z",
            "2026-03-29T01:00Z",
            "2026-03-30T00:30Z",
        ),
        (
            "America/New_York",
            "30 2 * * *",
            "2026-03-07T07:30Z",
            "2026-03-08T07:00Z",
            "2026-03-09T06:30Z",
        ),
        # The clocks of Lord Howe Island jump by half an hour.
        (
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2026-10-02T15:45Z",
            "2026-10-03T15:30Z",
            "2026-10-04T15:15Z",
        ),
        # Samoa had no 30 December 2011.
        (
            "Pacific/Apia",
            "0 12 * * *",
            "2011-12-29T22:00Z",
            "2011-12-30T10:00Z",
            "2011-12-30T22:00Z",
        ),
    ],
)
def test_a_time_in_a_gap_opens_at_the_first_instant_after_it(
    zone: str, schedule: str, day_before: str, jump: str, day_after: str
) -> None:
    end = f"{at(day_after) + timedelta(minutes=1):%Y-%m-%dT%H:%MZ}"
    assert opens(recurring(schedule, zone, minutes=1), day_before, end) == [
        day_before,
        jump,
        day_after,
    ]


@pytest.mark.parametrize(
    ("zone", "schedule", "first", "next_day"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-10-25T00:30Z", "2026-10-26T01:30Z"),
        ("America/New_York", "30 1 * * *", "2026-11-01T05:30Z", "2026-11-02T06:30Z"),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T14:45Z", "2026-04-05T15:15Z"),
    ],
)
def test_a_time_that_comes_twice_opens_once_at_the_first(
    zone: str, schedule: str, first: str, next_day: str
) -> None:
    end = f"{at(next_day) + timedelta(minutes=1):%Y-%m-%dT%H:%MZ}"
    assert opens(recurring(schedule, zone, minutes=1), first, end) == [first, next_day]


def test_at_the_second_pass_of_an_overlap_the_window_is_closed() -> None:
    timing = recurring("30 2 * * *", "Europe/Berlin", minutes=20)
    assert occurrence_at(window(timing), at("2026-10-25T00:40Z")) is not None
    assert occurrence_at(window(timing), at("2026-10-25T01:40Z")) is None


@pytest.mark.parametrize(
    ("schedule", "gap"),
    [("15,45 2 * * *", ["2026-03-29T01:00Z"]), ("0 2,3 * * *", ["2026-03-29T01:00Z"])],
)
def test_scheduled_times_that_a_gap_joins_open_once(schedule: str, gap: list[str]) -> None:
    timing = recurring(schedule, "Europe/Berlin", minutes=1)
    assert opens(timing, "2026-03-29T00:00Z", "2026-03-29T12:00Z") == gap


def test_every_start_on_the_day_of_a_gap_is_found_from_anywhere() -> None:
    """Cron that begins within the gap would step over it."""
    timing = recurring("30 2 * * *", "Europe/Berlin", minutes=10)
    for minute in range(10):
        assert occurrence_at(window(timing), at("2026-03-29T01:00Z") + timedelta(minutes=minute))
    assert occurrence_at(window(timing), at("2026-03-29T01:10Z")) is None


def test_a_wildcard_in_the_minutes_is_skipped_in_a_gap() -> None:
    timing = recurring("*/30 2 * * *", "Europe/Berlin", minutes=1)
    assert opens(timing, "2026-03-29T00:00Z", "2026-03-29T12:00Z") == []


def test_a_wildcard_in_the_minutes_runs_in_both_hours_of_an_overlap() -> None:
    timing = recurring("*/30 2 * * *", "Europe/Berlin", minutes=1)
    assert opens(timing, "2026-10-25T00:00Z", "2026-10-25T12:00Z") == [
        "2026-10-25T00:00Z",
        "2026-10-25T00:30Z",
        "2026-10-25T01:00Z",
        "2026-10-25T01:30Z",
    ]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_an_hourly_schedule_follows_elapsed_time(day: str) -> None:
    timing = recurring("0 * * * *", "Europe/Berlin", minutes=1)
    assert opens(timing, f"{day}T00:00Z", f"{day}T06:00Z") == [
        f"{day}T{hour:02}:00Z" for hour in range(6)
    ]


@pytest.mark.parametrize(
    ("night", "end"),
    [("2026-03-29T00:30Z", "2026-03-29T02:30Z"), ("2026-10-24T23:30Z", "2026-10-25T01:30Z")],
)
def test_a_duration_is_elapsed_time_whatever_the_clocks_do(night: str, end: str) -> None:
    timing = recurring("30 1 * * *", "Europe/Berlin", hours=2)
    occurrence = occurrence_at(window(timing), at(night))
    assert occurrence is not None
    assert (occurrence.start, occurrence.end) == (at(night), at(end))


@pytest.mark.parametrize(
    ("zone", "schedule", "begin", "expected"),
    [
        # Where clocks jump at other times, or by other lengths, than full hours.
        (LORD_HOWE, "0,30 */2 * * *", "2026-10-03T15:00Z", ["15:30Z", "17:00Z", "17:30Z"]),
        (LORD_HOWE, "*/30 2 * * *", "2026-04-04T14:30Z", ["15:30Z", "16:00Z"]),
        ("Pacific/Chatham", "*/15 3 * * *", "2026-04-04T13:50Z", QUARTERS),
        # Where a gap is at midnight: a day begins at one o'clock.
        ("America/Santiago", "*/30 0 * * SUN", "2026-09-06T03:00Z", []),
        ("Asia/Beirut", "*/30 0 29 3 *", "2026-03-28T21:00Z", []),
        ("Pacific/Apia", "*/20 * 30 12 *", "2011-12-30T09:00Z", []),
    ],
)
def test_a_wildcard_fits_local_times_wherever_the_clocks_jump(
    zone: str, schedule: str, begin: str, expected: list[str]
) -> None:
    until = f"{at(begin) + timedelta(hours=3):%Y-%m-%dT%H:%MZ}"
    found = opens(recurring(schedule, zone, minutes=1), begin, until)
    assert [start.partition("T")[2] for start in found] == expected


def test_looking_on_from_the_midst_of_an_overlap_misses_no_second_pass() -> None:
    timing = recurring("*/30 2 * * *", "Europe/Berlin", minutes=1)
    assert opens(timing, "2026-10-25T00:40Z", "2026-10-25T03:00Z") == [
        "2026-10-25T01:00Z",
        "2026-10-25T01:30Z",
    ]
