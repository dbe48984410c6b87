"""Metrics and traces, where the libraries for them are installed.

prometheus-client: ``fastapi_maintenance_active{mode}``, how many of the process's applications
refuse requests, and ``fastapi_maintenance_refused_requests_total{mode}``. OpenTelemetry:
attributes ``maintenance.mode`` and ``maintenance.source`` on the span of a refused request.
"""

from __future__ import annotations

import functools
import os
import weakref
from typing import Any, NamedTuple

from fastapi_maintenance.current import Gate
from fastapi_maintenance.windows import Mode, Refusal, State

_watched: weakref.WeakSet[Gate] = weakref.WeakSet()


class Telemetry:
    """What those who watch the application are told of a gate."""

    def __init__(self, gate: Gate) -> None:
        self._metrics = _metrics()
        self._span = _current_span()
        _watched.add(gate)

    def noticed(self, state: State) -> None:
        """Maintenance has begun, changed or ended."""
        # Where several processes share their metrics, nobody asks this one at the scrape.
        if self._metrics is not None and "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            for mode in Mode:
                self._metrics.active[mode].set(_is_in(mode, state))

    def refused(self, refusal: Refusal) -> None:
        """A request is refused."""
        mode = refusal.opening.mode
        if self._metrics is not None:
            self._metrics.refused[mode].inc()
        if self._span is not None and (span := self._span()).is_recording():
            span.set_attribute("maintenance.mode", mode.value)
            span.set_attribute("maintenance.source", refusal.opening.source or "switch")


class _Metrics(NamedTuple):
    active: dict[Mode, Any]
    refused: dict[Mode, Any]


@functools.cache
def _metrics() -> _Metrics | None:
    """The gauges and the counters, once for the process."""
    try:
        from prometheus_client import Counter, Gauge
    except ImportError:
        return None
    active = Gauge(
        "fastapi_maintenance_active",
        "How many of the process's applications refuse requests, by mode.",
        ["mode"],
        multiprocess_mode="livemax",
    )
    gauges = {mode: active.labels(mode=mode.value) for mode in Mode}
    for mode, gauge in gauges.items():
        gauge.set_function(functools.partial(_how_many_are_in, mode))
    refused = Counter(
        "fastapi_maintenance_refused_requests",
        "Requests refused because of maintenance, by the mode of what refuses them.",
        ["mode"],
    )
    return _Metrics(gauges, {mode: refused.labels(mode=mode.value) for mode in Mode})


@functools.cache
def _current_span() -> Any:
    try:
        from opentelemetry.trace import get_current_span
    except ImportError:
        return None
    return get_current_span


def _how_many_are_in(mode: Mode) -> int:
    return sum(_is_in(mode, gate.decide()) for gate in _watched)


def _is_in(mode: Mode, state: State) -> bool:
    return state.strongest is not None and state.strongest.opening.mode is mode
