"""The plan: the same windows, worked out for a week, small enough for a ConfigMap."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_maintenance.windows import (
    HORIZON,
    Fixed,
    InvalidWindow,
    Refusal,
    Response,
    State,
    Window,
    make_plan,
    parse_plan,
    state_at,
)
from tests.unit.making import at, fixed, recurring, window

NOW = at("2026-03-27T15:30Z")
DAYS = timedelta(days=1)
LONG = "x" * 1024
LIMIT = 64 * 1024

HEAD = '{"apiVersion":"fastapi-maintenance.io/v1alpha1","kind":"MaintenancePlan","windows":'
ENTRY = {"namespace": "shop", "name": "w", "apps": ["*"], "occurrences": []}


def planned(*windows: Window, now: datetime = NOW) -> tuple[Window, ...]:
    return parse_plan(make_plan(windows, now)[0])


def names(windows: tuple[Window, ...]) -> list[str]:
    return [window.name for window in windows]


@pytest.mark.parametrize(
    "given_window",
    [
        window(fixed(("2026-03-28T00:00Z", None)), uid="u", generation=3, apps=("a", "b-*")),
        window(fixed(("2026-03-28T00:00Z", "2026-03-28T01:00Z")), mode="ReadOnly"),
        window(
            fixed(("2026-03-28T00:00Z", None)),
            response=Response("Zurück um zehn", 500, 0, (("X-A", "b"), ("X-C", "d"))),
        ),
        window(fixed(("2999-06-01T00:00Z", "3000-07-01T00:00Z"))),
    ],
)
def test_a_one_shot_window_comes_back_as_it_was(given_window: Window) -> None:
    assert planned(given_window) == (given_window,)


def test_a_one_shot_window_beyond_the_horizon_is_in_the_plan() -> None:
    """An operator that is away for a week must not cost it."""
    far = window(fixed(("2027-01-01T00:00Z", "2027-01-02T00:00Z")))
    assert planned(far) == (far,)


def test_a_schedule_becomes_occurrences_that_are_valid_until_the_horizon() -> None:
    (read,) = planned(window(recurring("0 2 * * *", "Europe/Berlin", hours=1)))
    assert isinstance(read.timing, Fixed)
    assert [o.start for o in read.timing.occurrences][1:3] == [
        at("2026-03-28T01:00Z"),
        at("2026-03-29T01:00Z"),
    ]
    assert read.timing.valid_until == at("2026-03-27T00:00Z") + HORIZON


def test_an_occurrence_that_began_before_the_day_is_in_the_plan() -> None:
    (read,) = planned(window(recurring("0 0 1 * *", hours=9600)))
    assert state_at([read], None, NOW).writes is not None


def test_a_suspended_window_is_not_in_the_plan() -> None:
    assert planned(window(fixed(("2026-03-28T00:00Z", None)), suspend=True)) == ()


@given(st.integers(0, 86_399))
@settings(max_examples=25, deadline=None)
def test_the_plan_is_the_same_all_day_and_known_for_a_week_at_least(second: int) -> None:
    windows = [window(recurring("*/45 3 * * *", "Europe/Berlin", hours=1), name="s")]
    now = at("2026-03-28T00:00Z") + timedelta(seconds=second)
    assert make_plan(windows, now) == make_plan(windows, at("2026-03-28T23:59:59.999Z"))
    (read,) = planned(*windows, now=now)
    assert isinstance(read.timing, Fixed)
    assert read.timing.valid_until is not None
    assert read.timing.valid_until - now >= 7 * DAYS


def test_the_day_of_a_plan_is_one_of_utc_wherever_it_is_made() -> None:
    local = NOW.astimezone(datetime.fromisoformat("2026-03-27T23:00+14:00").tzinfo)
    windows = [window(recurring("0 2 * * *", hours=1))]
    assert make_plan(windows, local) == make_plan(windows, NOW)


def test_the_order_in_which_windows_are_known_makes_no_other_plan() -> None:
    windows = [window(fixed(("2026-03-28T00:00Z", None)), name=name) for name in "cab"]
    assert make_plan(windows, NOW) == make_plan(windows[::-1], NOW)
    assert names(planned(*windows)) == ["a", "b", "c"]


def test_a_window_that_opens_too_often_is_left_out_and_the_others_stay() -> None:
    windows = [
        window(recurring("*/20 * * * *", minutes=1), name="dense", uid="1"),
        window(recurring("*/30 * * * *", minutes=1), name="half-hourly", uid="2"),
        window(recurring("* * * * *", hours=9600), name="overlapping", uid="3"),
        window(fixed(("2026-03-28T00:00Z", None)), name="plain", uid="4"),
    ]
    text, too_large = make_plan(windows, NOW)
    assert too_large == {"1", "3"}
    assert names(parse_plan(text)) == ["half-hourly", "plain"]


@pytest.mark.parametrize(
    "changes", [{}, {"response": Response(LONG)}, {"response": Response("ü" * 1024)}],
    ids=["small", "ascii", "other letters"],
)  # fmt: skip
def test_a_plan_has_at_most_64_kib_however_many_windows_there_are(changes: dict[str, Any]) -> None:
    timing = fixed(("2026-03-28T00:00Z", None))
    windows = [window(timing, name=f"w{n}", uid=f"{n}", **changes) for n in range(700)]
    text, too_large = make_plan(windows, NOW)
    assert LIMIT - 4096 < len(text.encode()) <= LIMIT
    kept = {read.uid for read in parse_plan(text)}
    assert kept
    assert kept | too_large == {w.uid for w in windows}


def test_a_window_that_fits_is_kept_behind_one_that_does_not() -> None:
    timing = fixed(("2026-03-28T00:00Z", None))
    large = {"apps": tuple("a" * 63 for _ in range(64)), "response": Response(LONG)}
    windows = [window(timing, name=f"a{n:02}", uid=f"{n}", **large) for n in range(20)]
    windows.append(window(timing, name="z", uid="last"))
    text, too_large = make_plan(windows, NOW)
    assert too_large
    assert names(parse_plan(text))[-1] == "z"


def refused(refusal: Refusal | None, before: datetime) -> object:
    """What a refusal tells, as far as a plan that ends at an instant can know it."""
    if refusal is None:
        return None
    known = refusal.until is not None and refusal.until < before
    return refusal.opening, refusal.until if known else "later, or nobody knows"


def told(state: State, before: datetime) -> tuple[object, object]:
    return refused(state.reads, before), refused(state.writes, before)


def make_fixed(hours: int, length: int | None) -> Fixed:
    start = NOW + timedelta(hours=hours)
    end = f"{start + timedelta(hours=length):%Y-%m-%dT%H:%MZ}" if length else None
    return fixed((f"{start:%Y-%m-%dT%H:%MZ}", end))


TIMINGS = st.builds(
    make_fixed, st.integers(-300, 300), st.none() | st.integers(1, 100)
) | st.builds(
    recurring,
    st.sampled_from(["30 2 * * *", "0 */6 * * *", "0 22 * * SAT,SUN", "15,45 2 29 3 *"]),
    st.sampled_from(["Europe/Berlin", "Etc/UTC", "Australia/Lord_Howe"]),
    minutes=st.sampled_from([1, 45, 360, 2000]),
)
WINDOWS = st.lists(
    st.builds(
        window,
        TIMINGS,
        name=st.sampled_from("abcde"),
        mode=st.sampled_from(["Full", "ReadOnly"]),
        apps=st.sampled_from([("*",), ("orders",), ("billing",)]),
        suspend=st.booleans(),
    ),
    max_size=4,
    unique_by=lambda given: given.name,
)


@given(WINDOWS, st.lists(st.integers(0, 7 * 24 * 60), min_size=3, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_plan_means_what_its_windows_mean_as_long_as_it_is_valid(
    windows: list[Window], minutes: list[int]
) -> None:
    read = planned(*windows)
    end = NOW.replace(hour=0, minute=0, tzinfo=UTC) + HORIZON
    for instant in [NOW + timedelta(minutes=minute) for minute in minutes]:
        expected = told(state_at(windows, "orders", instant), end)
        assert told(state_at(read, "orders", instant), end) == expected


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "windows.json"),
        ("{", "windows.json"),
        ("[" * 100_000, "windows.json"),
        ("[]", "windows.json"),
        ("{}", "windows.json.kind"),
        (HEAD.replace("v1alpha1", "v2") + "[]}", "windows.json.kind"),
        (HEAD + "{}}", "windows.json.windows"),
        (HEAD + "[],\"more\":1}", "windows.json.more"),
        (HEAD + "[1]}", "windows[0]"),
        (HEAD + json.dumps([{**ENTRY, "apps": None}]) + "}", "windows[0].apps"),
        (HEAD + json.dumps([{**ENTRY, "generation": "x"}]) + "}", "windows[0].generation"),
        (HEAD + json.dumps([{**ENTRY, "occurrences": None}]) + "}", "windows[0].occurrences"),
        (
            HEAD + json.dumps([{**ENTRY, "occurrences": [{"end": "x"}]}]) + "}",
            "windows[0].occurrences[0].end",
        ),
        (HEAD + json.dumps([{**ENTRY, "validUntil": "soon"}]) + "}", "windows[0].validUntil"),
    ],
    ids=lambda text: text[-40:],
)  # fmt: skip
def test_a_text_that_is_no_plan_is_the_documented_error(text: str, field: str) -> None:
    with pytest.raises(InvalidWindow) as caught:
        parse_plan(text)
    assert caught.value.field == field
