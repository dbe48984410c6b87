"""The state of a process, worked out at edges only."""

from __future__ import annotations

from unittest import mock

import pytest

from fastapi_maintenance.windows import Mode, Opening, Timeline, switched, timeline
from tests.unit.making import at, fixed, window

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
