"""When a window is open: half-open intervals, schedules, and what they cost."""

from __future__ import annotations

import itertools
import os
import sys
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_maintenance.windows import (
    Fixed,
    InvalidWindow,
    Recurring,
    next_occurrence,
    occurrence_at,
    occurrences,
    occurrences_between,
    schedule,
    uncut,
)
from fastapi_maintenance.windows.zones import DAY
from tests.python import python
from tests.unit.making import at, fixed, recurring, window

NIGHT = "2026-06-01T22:00Z"
MORNING = "2026-06-02T00:00Z"
TIMINGS: dict[str, Fixed | Recurring] = {
    "one-shot": fixed((NIGHT, MORNING)),
    "schedule": recurring("0 22 1 6 *", hours=2),
}
SECOND = timedelta(seconds=1)


@pytest.fixture(params=TIMINGS)
def timing(request: pytest.FixtureRequest) -> Fixed | Recurring:
    return TIMINGS[request.param]


def test_the_start_belongs_to_an_occurrence_and_the_end_does_not(
    timing: Fixed | Recurring,
) -> None:
    assert occurrence_at(window(timing), at(NIGHT) - SECOND) is None
    assert occurrence_at(window(timing), at(NIGHT)) == fixed((NIGHT, MORNING)).occurrences[0]
    assert occurrence_at(window(timing), at(MORNING) - SECOND) is not None
    assert occurrence_at(window(timing), at(MORNING)) is None


def test_the_next_occurrence_starts_after_the_instant(timing: Fixed | Recurring) -> None:
    before = next_occurrence(window(timing), at(NIGHT) - SECOND)
    assert before is not None
    assert before.start == at(NIGHT)
    after = next_occurrence(window(timing), at(NIGHT))
    assert after is None or after.start == at("2027-06-01T22:00Z")


def test_a_stretch_of_time_has_the_occurrences_that_overlap_it(
    timing: Fixed | Recurring,
) -> None:
    """One that ends where the stretch begins, or begins where it ends, is not among them."""

    def overlapping(begin: str, until: str) -> int:
        return len(list(occurrences_between(window(timing), at(begin), at(until))))

    assert overlapping("2026-06-01T23:00Z", "2026-06-01T23:01Z") == 1
    assert overlapping("2026-06-01T00:00Z", "2026-06-03T00:00Z") == 1
    assert overlapping(MORNING, "2026-06-03T00:00Z") == 0
    assert overlapping("2026-06-01T00:00Z", NIGHT) == 0


@pytest.mark.parametrize(
    ("schedule", "days"),
    [
        ("0 2 1-7 * MON", [1, 2, 3, 4, 5, 6, 7, 8, 15, 22, 29]),
        ("0 2 * * MON#1", [1]),
        ("0 2 */2 * MON", [1, 15, 29]),
    ],
)
def test_of_both_kinds_of_days_either_suffices_unless_one_begins_with_a_star(
    schedule: str, days: list[int]
) -> None:
    found = occurrences_between(
        window(recurring(schedule)), at("2026-06-01T00:00Z"), at("2026-07-01T00:00Z")
    )
    assert [occurrence.start.day for occurrence in found] == days


def test_a_window_without_an_end_stays_open() -> None:
    occurrence = occurrence_at(window(fixed((NIGHT, None))), at("2999-01-01T00:00Z"))
    assert occurrence is not None
    assert occurrence.end is None


def test_of_overlapping_occurrences_the_one_that_ends_last_counts() -> None:
    timing = fixed((NIGHT, "2026-06-05T00:00Z"), ("2026-06-02T00:00Z", "2026-06-03T00:00Z"))
    assert occurrence_at(window(timing), at("2026-06-02T12:00Z")) == timing.occurrences[0]


def test_each_start_of_an_overlapping_schedule_has_an_occurrence_of_its_own() -> None:
    timing = recurring("0 * * * *", hours=3)
    found = list(
        occurrences_between(window(timing), at("2026-06-01T12:30Z"), at("2026-06-01T12:40Z"))
    )
    assert [o.start.hour for o in found] == [10, 11, 12]
    assert occurrence_at(window(timing), at("2026-06-01T12:30Z")) == found[-1]


def test_nothing_opens_after_the_calendar_ends() -> None:
    assert next_occurrence(window(recurring("0 0 * * *")), at("9999-12-31T12:00Z")) is None


def test_an_occurrence_that_would_end_after_the_calendar_has_no_end() -> None:
    timing = recurring("0 0 * * *", hours=9600)
    current = occurrence_at(window(timing), at("9999-06-01T12:00Z"))
    following = next_occurrence(window(timing), at("9999-06-01T12:00Z"))
    assert current is not None
    assert following is not None
    assert (current.end, following.end) == (None, None)


@pytest.mark.parametrize(
    ("timing", "now", "most"),
    [
        (recurring("* * * * *", hours=9600), "2026-06-10T12:00:30Z", 4),
        (recurring("* * * * *", "Europe/Berlin", hours=9600), "2026-10-25T12:00Z", 4),
        (recurring("0-59 0-23 * * *", "Europe/Berlin", hours=9600), "2026-10-25T12:00Z", 4),
        (recurring("0 0 1 * *", hours=1), "2026-06-10T12:00Z", 40),
        (recurring("0 0 29 2 *", hours=1), "2026-06-10T12:00Z", 300),
        (recurring("0 0 */31 * MON#5", hours=1), "2026-06-10T12:00Z", 20_000),
    ],
    ids=str,
)
def test_finding_an_occurrence_looks_at_few_days(
    monkeypatch: pytest.MonkeyPatch, timing: Recurring, now: str, most: int
) -> None:
    """A dense schedule is not costly, nor a long duration, nor one that never opens."""
    looked_at = itertools.count()
    cron = schedule._cron(timing.schedule)
    fits = cron.match_day
    cron.match_day = lambda day: next(looked_at) >= 0 and fits(day)
    monkeypatch.setattr(schedule, "_cron", lambda _: cron)
    calendar = schedule.Calendar(timing.schedule, timing.time_zone)
    monkeypatch.setattr(uncut, "calendar_of", lambda *_: calendar)
    course = occurrences.Course(timing)
    for _ in range(100):
        course.at(at(now))
        course.after(at(now))
    assert next(looked_at) <= most


@given(
    timing=st.builds(
        recurring,
        st.sampled_from(["30 2 * * *", "15,45 2 * * *", "*/30 2 * * *", "0 2,3 * * *"]),
        st.sampled_from(["Europe/Berlin", "America/New_York", "Etc/UTC"]),
    ),
    day=st.sampled_from(["2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01"]),
    minutes=st.integers(0, 48 * 60),
    later=st.integers(0, 12 * 60),
)
@settings(max_examples=60, deadline=None)
def test_what_opens_does_not_depend_on_where_one_begins_to_look(
    timing: Recurring, day: str, minutes: int, later: int
) -> None:
    begin = at(f"{day}T00:00Z") + timedelta(minutes=minutes - 24 * 60)
    middle, end = begin + timedelta(minutes=later), begin + timedelta(days=2)
    early = list(occurrences_between(window(timing), begin, end))
    late = list(occurrences_between(window(timing), middle, end))
    assert late == [o for o in early if o.end is None or o.end > middle]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("0 2 * *", "has 4 fields"),
        ("0 0 2 * * *", "has 6 fields"),
        ("@daily", "has 1 fields"),
        ("0\u00a02 * * *", "fields"),
        ("60 2 * * *", "Bad minute"),
        ("0 24 * * *", "Bad hour"),
        ("0 0 30 2 *", "Bad day-of-month"),
        ("0 0 * 13 *", "Bad month"),
        ("0 0 * * FRI-MON", "Bad day-of-week"),
        ("*/0 0 * * *", "Bad minute"),
    ],
)
def test_a_schedule_that_cron_cannot_read_is_refused(expression: str, problem: str) -> None:
    with pytest.raises(InvalidWindow, match=problem) as caught:
        schedule.check_schedule(expression)
    assert caught.value.field == "spec.schedule"
    assert "0 2 * * SUN" in caught.value.mend


@pytest.mark.parametrize(
    "expression", ["0 2 * * SUN", "30 1 L * *", "0 3 * * MON#1", "0 0 LW * *", "0 0 * JAN-MAR 5L"]
)
def test_a_schedule_may_use_names_and_the_last_and_the_nth_day(expression: str) -> None:
    schedule.check_schedule(expression)


@pytest.mark.parametrize(
    "name", ["Mars/Base", "", "Europe", "../etc/passwd", "Europe/Berlin\0", "localtime"]
)
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidWindow, match="is not a time zone known here") as caught:
        schedule.zone(name)
    assert caught.value.field == "spec.timeZone"
    assert "Europe/Berlin" in caught.value.mend


WITHOUT_A_DATABASE = """
import sys
sys.modules["tzdata"] = None
from fastapi_maintenance.windows import InvalidWindow, schedule
try:
    schedule.zone("Europe/Berlin")
except InvalidWindow as error:
    print(error.field, "|", error.mend)
"""


def test_where_there_is_no_zone_database_the_error_names_the_package_that_has_one() -> None:
    places = os.pathsep.join(sys.path)
    told = python("-c", WITHOUT_A_DATABASE, PYTHONTZPATH="", PYTHONPATH=places)
    field, _, mend = told.partition(" | ")
    assert field == "spec.timeZone"
    assert "the package tzdata" in mend


@pytest.mark.parametrize("expression", ["0 0 31 2 MON#5", "0 0 */31 * MON#5", "0 0 29 2 *"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Etc/UTC"])
@pytest.mark.parametrize("now", ["0001-01-01T00:00Z", "9999-12-31T23:59:59Z"])
def test_the_ends_of_the_calendar_neither_loop_nor_raise(
    expression: str, zone: str, now: str
) -> None:
    given = window(recurring(expression, zone, hours=1))
    assert occurrence_at(given, at(now)) is None
    is_first = now.startswith("0001") and "*/31" not in expression
    assert (next_occurrence(given, at(now)) is not None) is is_first


def test_a_leap_day_that_is_a_monday_may_be_forty_years_away() -> None:
    """The year 2100 has no leap day."""
    found = next_occurrence(window(recurring("0 0 31 2 MON#5")), at("2072-03-01T00:00Z"))
    assert found is not None
    assert found.start == at("2112-02-29T00:00Z")


def test_a_schedule_that_never_opens_is_found_out_once() -> None:
    """Wherever one looks afterwards, forward or backward, no day is looked at."""
    calendar = schedule.Calendar("0 0 */31 * MON#5", "Etc/UTC")
    calendar._times._fits = lambda day: pytest.fail(f"looks at {day}")
    for second in range(0, 9000 * 366 * DAY, 366 * DAY):
        assert calendar.first(second) is calendar.last(second) is None
