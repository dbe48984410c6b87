"""Delays between tries: they grow, they scatter, and health forgets them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fastapi_maintenance.backends.kubernetes import reflector
from fastapi_maintenance.backends.kubernetes.pace import Pace
from fastapi_maintenance.backends.kubernetes.reflector import Backoff


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(reflector, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jitter takes the longest delay that it may."""
    monkeypatch.setattr(reflector, "random", SimpleNamespace(uniform=lambda low, high: high))


@pytest.mark.usefixtures("clock", "longest")
def test_delays_double_from_0_8_to_30_seconds() -> None:
    backoff = Backoff(Pace())
    assert [backoff.delay() for _ in range(8)] == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


def test_delays_are_spread_over_all_that_is_allowed() -> None:
    """Processes that lost the server together must not come back together."""
    delays = [Backoff(Pace()).delay() for _ in range(200)]
    assert all(0 <= delay <= 0.8 for delay in delays)
    assert min(delays) < 0.2
    assert max(delays) > 0.6


@pytest.mark.usefixtures("clock")
def test_what_the_server_asks_for_is_the_least_and_is_spread_too() -> None:
    delays = [Backoff(Pace()).delay(at_least=5.0) for _ in range(50)]
    assert all(5.0 <= delay <= 5.8 for delay in delays)
    assert len(set(delays)) > 1


def test_what_the_server_asks_for_is_bounded() -> None:
    """A proxy that says `Retry-After: 86400` must not leave a process deaf for a day."""
    delays = [Backoff(Pace()).delay(at_least=asked) for asked in (61.0, 86400.0, float("inf"))]
    assert all(60.0 <= delay <= 60.8 for delay in delays)


@pytest.mark.usefixtures("longest")
def test_a_wait_is_no_time_of_health(clock: list[float]) -> None:
    backoff = Backoff(Pace())
    assert backoff.delay(at_least=60.0) == 60.8
    clock[0] += 60.8 + 60.0  # waited, and then connected in vain
    assert backoff.delay() == 1.6


@pytest.mark.usefixtures("longest")
@pytest.mark.parametrize(("healthy", "next_delay"), [(119.0, 3.2), (121.0, 0.8)])
def test_two_healthy_minutes_forget_the_past(
    clock: list[float], healthy: float, next_delay: float
) -> None:
    backoff = Backoff(Pace())
    clock[0] += backoff.delay()
    clock[0] += backoff.delay()
    clock[0] += healthy
    assert backoff.delay() == next_delay
