"""The plan: the same windows, worked out for a week, small enough for a ConfigMap."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from ipaddress import ip_network
from random import Random
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastapi_maintenance.windows import (
    HORIZON,
    Allow,
    Exclusion,
    Fixed,
    InvalidWindow,
    Match,
    Response,
    Window,
    make_plan,
    next_occurrence,
    occurrence_at,
    parse_manifest,
    parse_plan,
    plan_tail,
    schedule,
    state_at,
)
from fastapi_maintenance.windows.plan import format_duration
from fastapi_maintenance.windows.plan_tail import MOST_BEHIND
from tests.decisions import TOKEN_HASH, decisions, random_manifests
from tests.unit.making import at, fixed, parsed, recurring, window

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


def each_day(hour: int, days: int) -> tuple[Exclusion, ...]:
    """An hour of each of some days from the day of the plan on."""
    begin = NOW.replace(hour=hour, minute=0)
    return tuple(
        Exclusion(begin + n * DAYS, begin + n * DAYS + timedelta(hours=1)) for n in range(days)
    )


def test_exclusions_do_not_make_a_window_that_fits_too_large() -> None:
    """Of what they cut, many pieces start together: only the one that ends last is asked for."""
    dense = window(recurring("0 * * * *", hours=100), uid="1", exclusions=each_day(12, 7))
    text, too_large = make_plan([dense], NOW)
    assert not too_large
    (read,) = parse_plan(text)
    for instant in (NOW + hours * timedelta(hours=1) for hours in range(7 * 24)):
        assert occurrence_at(read, instant) == occurrence_at(dense, instant)
        assert next_occurrence(read, instant) == next_occurrence(dense, instant)


def test_a_plan_does_not_look_at_all_that_exclusions_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind each of them nearly ten thousand start together."""
    asked = 0
    ask = schedule._LocalTimes._time_from

    def counting(times: schedule._LocalTimes, minute: int) -> int:
        nonlocal asked
        asked += 1
        return ask(times, minute)

    monkeypatch.setattr(schedule._LocalTimes, "_time_from", counting)
    before = Exclusion(NOW - 400 * DAYS, NOW.replace(hour=0, minute=0))
    exclusions = (before, *each_day(12, 7))
    hourly = window(recurring("0 * * * *", hours=9600), uid="1", exclusions=exclusions)
    assert not make_plan([hourly], NOW)[1]
    assert 0 < asked <= 1_000


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


END = NOW.replace(hour=0, minute=0) + HORIZON


def windows_of(random: Random, most: int) -> list[Window]:
    return [parse_manifest(item) for item in random_manifests(random, "shop", NOW, most)]


@given(st.randoms(use_true_random=False), st.integers(0, 7 * 86_400))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_plan_means_what_its_windows_mean_as_long_as_it_is_valid(
    random: Random, seconds: int
) -> None:
    """Who is refused, until when, what comes next, and when that changes."""
    windows = windows_of(random, 4)
    read = planned(*windows)
    for instant in (
        NOW + timedelta(seconds=seconds),
        END - timedelta(seconds=seconds % 86_400 + 1),
    ):
        assert decisions(read, "orders", instant) == decisions(windows, "orders", instant)


@pytest.mark.parametrize("seed", range(4))
def test_at_a_thousand_random_instants_a_plan_decides_as_its_windows_do(seed: int) -> None:
    random = Random(seed)
    windows = windows_of(random, 12)
    read = planned(*windows)
    stretch = END - NOW
    for instant in (NOW + random.random() * stretch for _ in range(250)):
        assert decisions(read, "orders", instant) == decisions(windows, "orders", instant)


def test_the_next_occurrence_is_in_the_plan_however_far_it_is() -> None:
    """It is told of, and announced, before it starts."""
    yearly = window(recurring("0 0 1 1 *", hours=1), announce_before=timedelta(hours=720))
    (read,) = planned(yearly)
    assert read.announce_before == timedelta(hours=720)
    assert state_at([read], None, NOW).upcoming == at("2027-01-01T00:00Z")


def test_a_union_that_runs_on_behind_the_plans_end_is_told_of_as_it_is() -> None:
    """Each covers the other's end for weeks, and a third one opens in between, and does not."""
    windows = [
        window(recurring("0 0 * * *", hours=13), name="days"),
        window(recurring("0 12 * * *", hours=13), name="nights"),
        window(recurring("0 0 * * *", minutes=5), name="short"),
    ]
    read = planned(*windows)
    instant = END - timedelta(hours=1)
    refusal = state_at(read, None, instant).writes
    assert refusal is not None
    assert refusal.until is not None
    assert refusal.until > END + 7 * DAYS
    assert decisions(read, None, instant) == decisions(windows, None, instant)
    (short,) = (w for w in read if w.name == "short")
    assert isinstance(short.timing, Fixed)
    assert [o.start for o in short.timing.occurrences if o.start >= END] == [END]


def test_a_union_may_come_behind_the_plans_end_in_the_midst_of_a_turn() -> None:
    """By its turn the short one is next, which opens behind the plan's end and adds a step."""
    long = recurring("*/30 1-3 * * *", zone="Europe/Berlin", hours=33, minutes=20)
    short = recurring("15,45 2 * * *", hours=6)
    windows = [window(long, name="long"), window(short, name="short")]
    instant = END - timedelta(hours=46, minutes=30)
    assert decisions(planned(*windows), None, instant) == decisions(windows, None, instant)


def test_many_windows_that_reach_behind_the_end_are_looked_at_with_bounded_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each end could be followed by any other window: the square of them, a step each time."""
    looking = mock.Mock(side_effect=occurrence_at)
    monkeypatch.setattr(plan_tail, "occurrence_at", looking)
    windows = [
        window(fixed(("2026-03-01T00:00Z", f"2026-05-01T{n // 24:02}:{n % 24:02}Z")), name=f"w{n}")
        for n in range(200)
    ]
    assert len(planned(window(recurring("0 0 * * *", hours=24), name="daily"), *windows)) == 201
    assert 0 < looking.call_count <= 20_000


def test_windows_that_never_close_do_not_make_the_plan_large() -> None:
    """Any step of the dense one could be followed by the long one."""
    windows = [
        window(recurring("*/30 * * * *", minutes=30), name="dense"),
        window(recurring("0 0 * * *", hours=24), name="long"),
    ]
    read = planned(*windows)
    assert len(read) == 2
    for w in read:
        assert isinstance(w.timing, Fixed)
        assert len([o for o in w.timing.occurrences if o.start >= END]) <= MOST_BEHIND
    for seconds in range(1, 86_400, 3_600):
        instant = END - timedelta(seconds=seconds)
        for kept in ([0, 1], [0], [1]):
            given = [windows[k] for k in kept]
            assert decisions([read[k] for k in kept], None, instant) == decisions(
                given, None, instant
            )


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
        (HEAD + json.dumps([{**ENTRY, "apps": None}]) + "}", "windows.json"),
        (HEAD + json.dumps([{**ENTRY, "apps": []}]) + "}", "windows[0].apps"),
        (HEAD + json.dumps([{**ENTRY, "name": "a\nb"}]) + "}", "windows[0].name"),
        (HEAD + json.dumps([{**ENTRY, "uid": 0}]) + "}", "windows[0].uid"),
        (HEAD + '[],"windows":[]}', "windows.json"),
        (HEAD + json.dumps([{**ENTRY, "generation": "x"}]) + "}", "windows[0].generation"),
        (HEAD + json.dumps([{**ENTRY, "occurrences": 1}]) + "}", "windows[0].occurrences"),
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


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"apiVersion": "fastapi-maintenance.io/v1", "drains": 1}, "windows.json.kind"),
        ({"drains": 1}, "windows.json.drains"),
        ({"windows": [{**ENTRY, "canary": "10%"}]}, "windows[0].canary"),
        ({"windows": [{**ENTRY, "match": {"hosts": ["a"]}}]}, "windows[0].match.hosts"),
    ],
)
def test_what_a_newer_operator_writes_is_refused_and_asks_for_an_upgrade(
    change: dict[str, Any], field: str
) -> None:
    """A field that is left out might have narrowed a window, or widened it."""
    text = json.dumps({**json.loads(HEAD + "[]}"), **change})
    with pytest.raises(InvalidWindow, match="upgrade fastapi-maintenance here") as caught:
        parse_plan(text)
    assert caught.value.field == field


def test_what_narrows_a_window_and_who_passes_are_in_the_plan() -> None:
    given = window(
        fixed(("2026-03-28T00:00Z", None)),
        match=Match(("/orders/*",), ("POST",), ("orders-db",)),
        allow=Allow(("/status",), (ip_network("10.0.0.0/8"),), (TOKEN_HASH,)),
        announce_before=timedelta(hours=26, minutes=30, seconds=1),
    )
    assert planned(given) == (given,)


def test_what_is_for_people_is_not_in_the_plan() -> None:
    """Whoever reads the plan need not know why a window is moved, or who pays for it."""
    given = parsed(
        description="secret one",
        exclusions=[
            {"start": "2026-04-01T00:00:00Z", "end": "2026-04-02T00:00:00Z", "reason": "secret two"}
        ],
        allow={"tokens": [{"name": "secret-three", "sha256": TOKEN_HASH}]},
    )
    assert "secret" not in make_plan([given], NOW)[0]


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1s"), (90, "1m30s"), (3600, "1h"), (2_592_000, "720h")]
)
def test_a_duration_is_written_as_manifests_have_it(seconds: int, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text
