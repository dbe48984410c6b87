"""The calendar beside an oracle that walks through local time minute by minute (tests/oracle)."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fastapi_maintenance.windows import InvalidWindow
from fastapi_maintenance.windows.schedule import check_schedule
from tests.oracle.calendar import starts_by_day, starts_by_minute
from tests.oracle.cron import read
from tests.oracle.judge import library_starts
from tests.oracle.schedules import schedules
from tests.oracle.zones import DECADES, ZONES, jumps, local
from tests.unit.making import at

ROOT = Path(__file__).parents[2]
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)

JUMPING = [zone for zone in ZONES if any(jumps(zone, year) for year in range(2010, 2020))]


def moments(zone: str) -> list[datetime]:
    """When its clocks jump, in both decades."""
    return [jump for first, last in DECADES for y in range(first, last) for jump in jumps(zone, y)]


@pytest.mark.parametrize("zone", JUMPING)
@settings(max_examples=12, deadline=None)
@given(st.data())
def test_where_clocks_jump_it_opens_when_the_walk_by_minutes_says(
    zone: str, data: st.DataObject
) -> None:
    jump = data.draw(st.sampled_from(moments(zone)), "jump")
    schedule = data.draw(schedules((local(jump - MINUTE, zone), local(jump, zone))), "schedule")
    begin, until = jump - DAY, jump + DAY
    walked = starts_by_minute(schedule, zone, begin, until)
    assert library_starts(schedule, zone, begin, until) == walked


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.integers(0, 10 * 365 * 24 * 60),
    st.sampled_from(DECADES),
    schedules(),
)
def test_on_any_day_in_any_zone_it_opens_when_the_walk_by_minutes_says(
    zone: str, minutes: int, decade: tuple[int, int], schedule: str
) -> None:
    begin = datetime(decade[0], 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    until = begin + DAY
    walked = starts_by_minute(schedule, zone, begin, until)
    assert library_starts(schedule, zone, begin, until) == walked


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_walk_by_days_finds_what_the_walk_by_minutes_finds(data: st.DataObject) -> None:
    """Else the long form, `make oracle`, would judge by another rule."""
    zone = data.draw(st.sampled_from(JUMPING))
    jump = data.draw(st.sampled_from(moments(zone)))
    schedule = data.draw(schedules((local(jump - MINUTE, zone), local(jump, zone))))
    stretch = (jump - DAY, jump + DAY)
    assert starts_by_day(schedule, zone, *stretch) == starts_by_minute(schedule, zone, *stretch)


def opens_ever(schedule: str) -> bool:
    """Whether a calendar has such a day: it repeats itself after 28 years, but for 2100."""
    cron = read(schedule)
    return any(cron.names_day(date(2001, 1, 1) + n * DAY) for n in range(28 * 366))


@settings(max_examples=150, deadline=None)
@given(schedules())
def test_a_schedule_that_opens_one_day_is_never_refused(schedule: str) -> None:
    assume(opens_ever(schedule))
    check_schedule(schedule)


@pytest.mark.parametrize("schedule", ["0 0 30 2 *", "0 0 31 4,6 *", "0 0 30-31/2 FEB */2"])
def test_a_schedule_whose_months_lack_its_day_is_refused(schedule: str) -> None:
    assert not opens_ever(schedule)
    with pytest.raises(InvalidWindow, match="schedule"):
        check_schedule(schedule)


@pytest.mark.parametrize(
    ("expression", "year", "days"),
    [
        ("0 0 29 2 *", 2028, ["02-29"]),
        ("0 0 29 2 *", 2027, []),
        ("0 0 L 2 *", 2027, ["02-28"]),
        ("0 0 L 2 *", 2028, ["02-29"]),
        ("0 0 LW 1,5 *", 2026, ["01-30", "05-29"]),
        ("0 0 * 3 FRI#2", 2026, ["03-13"]),
        ("0 0 * 2 5L", 2026, ["02-27"]),
        ("0 0 * 3 SUN#5", 2026, ["03-29"]),
        ("0 0 13 2 7", 2026, ["02-01", "02-08", "02-13", "02-15", "02-22"]),
        ("0 0 */13 2 7", 2026, ["02-01"]),
        ("0 0 20/5 2 *", 2026, ["02-20", "02-25"]),
        ("0 0 1 */5 *", 2026, ["01-01", "06-01", "11-01"]),
        ("0 0 * 2 6-7/2", 2026, ["02-07", "02-14", "02-21", "02-28"]),
    ],
)
def test_the_oracle_reads_days_as_a_paper_calendar_shows_them(
    expression: str, year: int, days: list[str]
) -> None:
    cron = read(expression)
    named = [day for n in range(366) if cron.names_day(day := date(year, 1, 1) + n * DAY)]
    assert [f"{day:%m-%d}" for day in named if day.year == year] == days
    stretch = (at(f"{year}-01-01T00:00Z"), at(f"{year + 1}-01-01T00:00Z"))
    assert [f"{s:%m-%d}" for s in library_starts(expression, "Etc/UTC", *stretch)] == days


@pytest.mark.parametrize(
    ("zone", "expression", "around", "starts"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-03-29", ["03-29T01:00"]),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25", ["10-25T00:30"]),
        ("Europe/Berlin", "*/30 2 * * *", "2026-03-29", []),
        ("Europe/Berlin", "*/60 2 * * *", "2026-10-25", ["10-25T00:00", "10-25T01:00"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04", ["04-04T14:45"]),
        ("Pacific/Apia", "0 12 * * *", "2011-12-30", ["12-30T10:00", "12-30T22:00"]),
    ],
)  # fmt: skip
def test_the_oracle_knows_what_the_design_says_of_jumps(
    zone: str, expression: str, around: str, starts: list[str]
) -> None:
    """By hand, so that the oracle and the library can't both be wrong."""
    day = at(f"{around}T00:00Z")
    for walk in (starts_by_minute, starts_by_day):
        assert [f"{s:%m-%dT%H:%M}" for s in walk(expression, zone, day, day + DAY)] == starts


def test_the_long_form_ends_with_what_it_found() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.oracle", "--zone", "Asia/Kolkata", "--examples", "2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    last = done.stdout.splitlines()[-1]
    assert last.startswith("1 zones, 4 schedules, ")
    assert last.endswith("starts: no difference.")
