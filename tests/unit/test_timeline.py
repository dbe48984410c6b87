"""The state of a process, worked out at edges only."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_maintenance.windows import (
    Allow,
    Exclusion,
    Fixed,
    Match,
    Mode,
    Occurrence,
    Opening,
    Override,
    State,
    Timeline,
    Window,
    next_edge,
    phases,
    state_at,
    switched,
    timeline,
)
from fastapi_maintenance.windows.occurrences import Course
from fastapi_maintenance.windows.phases import Phase
from fastapi_maintenance.windows.schedule import Calendar
from fastapi_maintenance.windows.zones import Stretch
from tests.unit.making import Asking, at, fixed, recurring, window

NOON = at("2026-06-01T12:00Z").timestamp()
HOUR = 3600.0
WINDOW = window(fixed(("2026-06-01T12:00Z", "2026-06-01T13:00Z")))


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> mock.Mock:
    """Counts how often a state is worked out."""
    counting = mock.Mock(wraps=timeline._state)
    monkeypatch.setattr(timeline, "_state", counting)
    return counting


def is_open(timeline: Timeline, now: float) -> bool:
    return timeline.at(now).writes is not None


def test_a_state_is_worked_out_at_edges_only(computed: mock.Mock) -> None:
    timeline = Timeline([WINDOW], "orders")
    opened = [is_open(timeline, NOON + minute * 60) for minute in range(-60, 120)]
    assert opened == [False] * 60 + [True] * 60 + [False] * 60
    assert computed.call_count == 3


def test_nothing_is_worked_out_before_somebody_asks(computed: mock.Mock) -> None:
    Timeline([WINDOW], "orders")
    assert computed.call_count == 0


@pytest.mark.parametrize("stepped_to", [NOON - HOUR, NOON - 1])
def test_a_clock_that_steps_back_finds_the_state_of_then(stepped_to: float) -> None:
    timeline = Timeline([WINDOW], "orders")
    assert is_open(timeline, NOON + 1)
    assert not is_open(timeline, stepped_to)
    assert is_open(timeline, NOON + 1)


def test_a_clock_that_leaps_over_an_occurrence_finds_it_closed() -> None:
    timeline = Timeline([WINDOW], "orders")
    assert not is_open(timeline, NOON - HOUR)
    assert not is_open(timeline, NOON + 2 * HOUR)


def test_a_window_opens_at_the_very_instant_of_its_start() -> None:
    timeline = Timeline([WINDOW], "orders")
    assert not is_open(timeline, NOON - 0.001)
    assert is_open(timeline, NOON)
    assert is_open(timeline, NOON + HOUR - 0.001)
    assert not is_open(timeline, NOON + HOUR)


def test_without_windows_one_look_lasts_for_ever(computed: mock.Mock) -> None:
    timeline = Timeline([], "orders")
    assert not any(is_open(timeline, NOON + year * 31e6) for year in range(50))
    assert computed.call_count == 1


def test_a_switch_stays_in_force_when_the_windows_close() -> None:
    timeline = Timeline([WINDOW], "orders", switched(Opening(Mode.READ_ONLY)))
    assert timeline.at(NOON).reads is not None
    assert timeline.at(NOON + HOUR).reads is None
    assert timeline.at(NOON + HOUR).writes is not None


# What a timeline says is what `state_at` says, whichever way the clock goes.

REQUESTS = [
    Asking("GET", "/books"),
    Asking("POST", "/books"),
    Asking("GET", "/orders/1"),
    Asking("WEBSOCKET", "/orders/1"),
    Asking("POST", "/allowed"),
]
BEGIN = at("2026-06-01T00:00Z")
INSTANTS = st.integers(0, 4 * 24 * 12).map(lambda n: BEGIN + n * timedelta(minutes=5))
STRETCHES = st.tuples(INSTANTS, st.integers(1, 300).map(lambda n: n * timedelta(minutes=5)))
TIMINGS = st.builds(
    lambda expression, hours: recurring(expression, "Europe/Berlin", hours=hours),
    st.sampled_from(["0 2 * * *", "*/30 * * * *", "0 */6 * * *", "15 1-5 * * *"]),
    st.sampled_from([0.25, 0.5, 1, 7, 30]),
) | STRETCHES.map(lambda s: Fixed((Occurrence(s[0], s[0] + s[1]),)))


MATCHES = [Match(), Match(paths=("/orders/*",)), Match(methods=("POST",))]


@st.composite
def windows(draw: st.DrawFn, name: str) -> Window:
    """A window with whatever it may have."""
    return window(
        draw(TIMINGS),
        name=name,
        apps=draw(st.sampled_from([("*",), ("orders",), ("billing",)])),
        mode=draw(st.sampled_from(list(Mode))),
        match=draw(
            st.sampled_from([Match(), Match(paths=("/orders/*",)), Match(methods=("POST",))])
        ),
        allow=draw(st.sampled_from([Allow(), Allow(paths=("/allowed",))])),
        suspend=draw(st.sampled_from([False, False, False, True])),
        overrides=tuple(
            Override(start, start=moved)
            for start, moved in draw(st.lists(st.tuples(NAMED, INSTANTS), max_size=2))
        ),
        ended_at=draw(st.none() | INSTANTS),
        exclusions=tuple(Exclusion(s, s + d) for s, d in draw(st.lists(STRETCHES, max_size=3))),
        announce_before=draw(st.none() | st.just(timedelta(hours=2))),
    )


NAMED = st.integers(0, 4).map(lambda n: BEGIN + timedelta(days=n))
SETS = st.integers(0, 4).flatmap(lambda n: st.tuples(*[windows(f"w{i}") for i in range(n)]))


def told(state: State) -> list[object]:
    """What each of some requests is told."""
    said: list[object] = [state.quiet, state.calm, state.upcoming]
    for request in REQUESTS:
        refusal = state.refusal(request)
        said.append((refusal, None if refusal else state.announcement(request)))
    return said


@given(SETS, st.lists(INSTANTS, min_size=2, max_size=20))
@settings(max_examples=200, deadline=None)
def test_a_timeline_says_what_the_definition_says_forward_and_backward(
    known: tuple[Window, ...], instants: list[datetime]
) -> None:
    timeline = Timeline(known, "orders")
    for now in instants:
        state = timeline.at(now.timestamp())
        assert told(state) == told(state_at(known, "orders", now))
        assert state.valid_from <= now.timestamp() < state.valid_until


@given(SETS, INSTANTS)
@settings(max_examples=150, deadline=None)
def test_nothing_changes_before_the_next_edge_and_at_it_the_state_is_over(
    known: tuple[Window, ...], now: datetime
) -> None:
    edge = next_edge(known, "orders", now)
    state = state_at(known, "orders", now)
    assert state.valid_until == (edge.timestamp() if edge else math.inf)
    last = (edge or now + timedelta(days=400)) - timedelta(seconds=1)
    for instant in (now + (last - now) * part for part in (0.25, 0.5, 1)):
        if instant >= now:
            assert told(state_at(known, "orders", instant)) == told(state)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of windows whose occurrences were looked for."""
    names: list[str] = []
    ask = phases.phase_at

    def asking(window: Window, now: float, course: Course | None = None) -> Phase:
        names.append(window.name)
        return ask(window, now, course)

    monkeypatch.setattr(timeline, "phase_at", asking)
    return names


def test_after_a_change_only_what_changed_is_asked(asked: list[str]) -> None:
    """With a thousand windows, each event of a watch would else cost a request 0.1 s."""
    old = [window(recurring("0 * * * *", minutes=9), name=f"w{n}") for n in range(20)]
    before = Timeline(old, "orders")
    before.at(NOON)
    asked.clear()
    edited = replace(old[7], timing=recurring("30 * * * *", minutes=9))
    now = Timeline([*old[:7], edited, *old[8:]], "orders", before=before)
    instant = datetime.fromtimestamp(NOON + 1, UTC)
    state = now.at(NOON + 1)
    assert asked == ["w7"]
    assert told(state) == told(state_at(now.windows, "orders", instant))


def test_at_an_edge_only_the_window_is_asked_whose_edge_it_is(asked: list[str]) -> None:
    hourly = [
        window(recurring(f"{n} * * * *", minutes=1), name=f"w{n}", apps=("orders",))
        for n in range(0, 50, 2)
    ]
    others = [replace(hourly[0], name=f"o{n}", apps=("billing",)) for n in range(10_000)]
    known = Timeline([*hourly, *others], "orders")
    known.at(NOON - 30)
    assert len(asked) == 25
    asked.clear()
    known.at(NOON)
    known.at(NOON + 1)
    assert asked == ["w0"]
    known.at(NOON - 30)
    assert asked == ["w0", "w0"]


def test_threads_that_ask_at_once_are_told_the_same() -> None:
    """At each edge both of two threads may find that the state is over."""
    known = [window(recurring("* * * * *", minutes=1, seconds=-30), name=f"w{n}") for n in range(5)]
    shared = Timeline(known, "orders")
    instants = [NOON + second * 7 for second in range(300)]

    def look(step: int) -> list[bool]:
        return [shared.at(now).writes is not None for now in instants[::step]]

    with ThreadPoolExecutor(4) as pool:
        forward, backward = [pool.submit(look, 1), pool.submit(look, 1)], pool.submit(look, -1)
    expected = [now % 60 < 30 for now in instants]
    assert [work.result() for work in forward] == [expected, expected]
    assert backward.result() == expected[::-1]


def crowded(number: int, zone: str) -> Window:
    """A window with as many overrides and exclusions as there may be."""
    night, morning = timedelta(days=1), timedelta(hours=5, minutes=number)
    first = at("2026-06-10T00:00Z")
    return window(
        recurring("0 2 * * *", zone, hours=2),
        name=f"w{number}",
        overrides=tuple(
            Override(first + n * night, start=first + n * night + morning) for n in range(16)
        ),
        exclusions=tuple(
            Exclusion(first + (20 + n) * night, first + (20.5 + n) * night) for n in range(64)
        ),
        announce_before=timedelta(hours=1),
    )


def test_an_edge_of_fifty_crowded_windows_asks_the_calendar_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even where all are due at once, and beyond nights that are all excluded."""
    known = Timeline([crowded(n, "Europe/Berlin") for n in range(50)], "orders")
    asked = 0
    ask = Calendar._stretch

    def counting(calendar: Calendar, at: int) -> Stretch:
        nonlocal asked
        asked += 1
        return ask(calendar, at)

    monkeypatch.setattr(Calendar, "_stretch", counting)
    for day in range(0, 90, 3):
        asked = 0
        known.at(at("2026-06-08T01:00Z").timestamp() + day * 86_400)
        assert asked < 50 * 8
