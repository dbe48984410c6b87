"""Delays between tries: they grow, they scatter, and health forgets them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fastapi_maintenance.backends.kubernetes import reflector
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
    backoff = Backoff()
    assert [backoff.delay() for _ in range(8)] == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


def test_delays_are_spread_over_all_that_is_allowed() -> None:
    """Processes that lost the server together must not come back together."""
    delays = [Backoff().delay() for _ in range(200)]
    assert all(0 <= delay <= 0.8 for delay in delays)
    assert min(delays) < 0.2
    assert max(delays) > 0.6


@pytest.mark.usefixtures("clock")
def test_what_the_server_asks_for_is_the_least_and_is_spread_too() -> None:
    delays = [Backoff().delay(at_least=5.0) for _ in range(50)]
    assert all(5.0 <= delay <= 5.8 for delay in delays)
    assert len(set(delays)) > 1


@pytest.mark.usefixtures("longest")
@pytest.mark.parametrize(("healthy", "next_delay"), [(119.0, 3.2), (121.0, 0.8)])
def test_two_healthy_minutes_forget_the_past(
    clock: list[float], healthy: float, next_delay: float
) -> None:
    backoff = Backoff()
    backoff.delay()
    backoff.delay()
    clock[0] += healthy
    assert backoff.delay() == next_delay
