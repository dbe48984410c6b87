"""What Prometheus is told: what each window does, and how the operator fares.

The labels ``namespace`` and ``window`` are the window's own, so scrape with ``honorLabels: true``;
without it Prometheus renames the first to ``exported_namespace``. Windows are read when they are
asked for, so one that is deleted is gone from the next scrape, and a standby tells of none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from .reconcile import Object, Observed

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10)
_LABELS = ("namespace", "window")
_STATES = {"registered", "enforcing", "draining"}


class Metrics:
    """The operator's metrics, in a registry of their own.

    Args:
        windows: Gives the windows that are known now, those of the cluster too.
        leading: Whether this process holds the Lease.
    """

    def __init__(
        self, windows: Callable[[], Iterable[Observed]], leading: Callable[[], bool]
    ) -> None:
        self._registry = CollectorRegistry()
        self._durations = Histogram(
            "fastapi_maintenance_reconcile_duration_seconds",
            "How long one window or plan took to be looked at and written",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._errors = Counter(
            "fastapi_maintenance_reconcile_errors",
            "Writes that failed, and were or will be tried again",
            registry=self._registry,
        )
        self._last_event = Gauge(
            "fastapi_maintenance_last_watch_event_timestamp_seconds",
            "When the API server last told of a change; 0 before the first",
            registry=self._registry,
        )
        leader = Gauge(
            "fastapi_maintenance_operator_leader",
            "1 for the operator that holds the Lease, 0 for a standby",
            registry=self._registry,
        )
        leader.set_function(lambda: float(leading()))
        self._registry.register(_Windows(windows))

    def reconciled(self, seconds: float) -> None:
        """One object was looked at, and written where that was due, in so many seconds."""
        self._durations.observe(seconds)

    def failed(self) -> None:
        """A write failed, and will be tried again."""
        self._errors.inc()

    def noticed(self) -> None:
        """The API server told of a change."""
        self._last_event.set(time.time())

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _Windows(Collector):
    """Reads windows when they are asked for: no label set of a deleted one stays behind."""

    def __init__(self, windows: Callable[[], Iterable[Observed]]) -> None:
        self._windows = windows

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families of all windows."""
        return iter(window_families(self._windows()))


def window_families(windows: Iterable[Observed]) -> tuple[GaugeMetricFamily, ...]:
    """What the statuses in the cluster say of windows; no sample where they say nothing."""
    active = _family("active", "1 while the window is open", "mode")
    since = _family("active_since_timestamp_seconds", "Since when the window is open")
    end = _family("end_timestamp_seconds", "When the open window ends, unless it has no end")
    following = _family("next_start_timestamp_seconds", "When the window opens next")
    processes = _family("processes", "Processes that report on the window", "state")
    stalled = _family("stalled", "1 while the window is invalid or can't be put into the plan")
    parents = GaugeMetricFamily(
        "fastapi_maintenance_cluster_window_stalled",
        "1 while the window of the cluster is invalid or can't be in every namespace",
        labels=["window"],
    )
    for window in windows:
        labels, status = [window.namespace, window.name], window.status
        if not window.namespace:
            if _is_stalled(status):
                parents.add_metric([window.name], 1)
            continue
        current, counts = status.get("current"), status.get("processes") or {}
        active.add_metric([*labels, _mode(window)], float(current is not None))
        if _is_stalled(status):
            stalled.add_metric(labels, 1)
        if current:
            since.add_metric(labels, _seconds(current["start"]))
            if "end" in current:
                end.add_metric(labels, _seconds(current["end"]))
        if "next" in status:
            following.add_metric(labels, _seconds(status["next"]["start"]))
        for state in _STATES & counts.keys():
            processes.add_metric([*labels, state], float(counts[state]))
    return active, since, end, following, processes, stalled, parents


def _family(name: str, text: str, *more: str) -> GaugeMetricFamily:
    labels = [*_LABELS, *more]
    return GaugeMetricFamily(f"fastapi_maintenance_window_{name}", text, labels=labels)


def _is_stalled(status: Object) -> bool:
    conditions = status.get("conditions") or ()
    return any(c["type"] == "Stalled" and c["status"] == "True" for c in conditions)


def _mode(window: Observed) -> str:
    return str((window.object.get("spec") or {}).get("mode") or "Full")


def _seconds(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()
