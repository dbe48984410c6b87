"""The log, and metrics and traces where the libraries for them are installed.

prometheus-client: ``fastapi_maintenance_active{mode}``, how many of the process's applications
refuse requests, ``fastapi_maintenance_refused_requests_total{mode}``, and
``fastapi_maintenance_last_sync_timestamp_seconds`` of those that follow a cluster. OpenTelemetry:
attributes ``maintenance.mode`` and ``maintenance.source`` on the span of a refused request.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

from fastapi_maintenance._gates import all_known
from fastapi_maintenance.windows import Mode, Refusal, State

_ACTIVE = (
    "fastapi_maintenance_active",
    "How many of the process's applications refuse requests, by mode.",
)
_REFUSED = (
    "fastapi_maintenance_refused_requests",
    "Requests refused because of maintenance, by the mode of what refuses them.",
)
_LAST_SYNC = (
    "fastapi_maintenance_last_sync_timestamp_seconds",
    "When what is followed was last known to be current; of several, the longest ago.",
)

logger = logging.getLogger("fastapi_maintenance.middleware")

_refused: dict[Mode, int] = dict.fromkeys(Mode, 0)


class Telemetry:
    """What those who watch the application are told of a gate."""

    def __init__(self) -> None:
        self._shared = _shared_metrics()
        self._span = _current_span()
        _register()

    def noticed(self, state: State) -> None:
        """Maintenance has begun or ended."""
        strongest = state.strongest
        if strongest is None:
            logger.info("maintenance has ended", extra={"maintenance_active": False})
        else:
            _log_begin(strongest)
        if self._shared is not None:
            states = [gate.decide() for gate in all_known()]
            for mode in Mode:
                now = sum(_is_in(mode, each) for each in states)
                self._shared[0].labels(mode=mode.value).set(now)

    def refused(self, refusal: Refusal) -> None:
        """A request is refused."""
        mode = refusal.opening.mode
        _refused[mode] += 1
        if self._shared is not None:
            self._shared[1].labels(mode=mode.value).inc()
        if self._span is not None and (span := self._span()).is_recording():
            span.set_attribute("maintenance.mode", mode.value)
            span.set_attribute("maintenance.source", refusal.opening.source or "switch")


def _log_begin(refusal: Refusal) -> None:
    opening = refusal.opening
    source = opening.source or "a switch"
    logger.info(
        "maintenance has begun: %s (%s), until %s",
        source,
        opening.mode.value,
        refusal.until.isoformat() if refusal.until else "it is ended",
        extra={
            "maintenance_active": True,
            "maintenance_mode": opening.mode.value,
            "maintenance_source": source,
        },
    )


class _Collector:
    """Says at a scrape what is so by then: a request only counts."""

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        active = GaugeMetricFamily(*_ACTIVE, labels=["mode"])
        refused = CounterMetricFamily(*_REFUSED, labels=["mode"])
        synced = GaugeMetricFamily(*_LAST_SYNC)
        gates = all_known()
        states = [gate.decide() for gate in gates]
        for mode in Mode:
            active.add_metric([mode.value], sum(_is_in(mode, state) for state in states))
            refused.add_metric([mode.value], _refused[mode])
        times = [at for gate in gates if (at := gate.backend.last_sync()) is not None]
        if times:
            synced.add_metric([], min(times))
        yield from (active, refused, synced)


@functools.cache
def _register() -> None:
    try:
        from prometheus_client import REGISTRY
    except ImportError:
        return
    if not _is_shared():
        REGISTRY.register(_Collector())


@functools.cache
def _shared_metrics() -> tuple[Any, Any] | None:
    """The gauge and the counter of processes that share theirs: nobody asks each at a scrape."""
    if not _is_shared():
        return None
    try:
        from prometheus_client import Counter, Gauge
    except ImportError:
        return None
    return Gauge(*_ACTIVE, ["mode"], multiprocess_mode="livemax"), Counter(*_REFUSED, ["mode"])


def _is_shared() -> bool:
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ


@functools.cache
def _current_span() -> Callable[[], Any] | None:
    try:
        from opentelemetry.trace import get_current_span
    except ImportError:
        return None
    found: Callable[[], Any] = get_current_span
    return found


def _is_in(mode: Mode, state: State) -> bool:
    strongest = state.strongest
    return strongest is not None and strongest.opening.mode is mode
