"""What Prometheus is told of windows and of the operator."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fastapi_maintenance_operator.meter import Meter
from fastapi_maintenance_operator.metrics import Metrics
from fastapi_maintenance_operator.reconcile import Observed, read
from fastapi_maintenance_operator.windows import Windows
from tests.unit.making import stored

OPEN = {"current": {"start": "2026-06-01T12:00:00Z", "end": "2026-06-01T13:00:00Z"}}
ENDLESS = {"current": {"start": "2026-06-01T12:00:00Z"}}
NEXT = {"next": {"start": "2026-06-02T12:00:00Z"}}
NOON = 1780315200.0


def window(name: str, status: dict[str, Any] | None, **spec: Any) -> Observed:
    item = stored(name, 1, **({"start": "2026-06-01T12:00:00Z"} | spec))
    if status is not None:
        item["status"] = status
    return read(item)


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Each sample under its name without the prefix, and its labels' values by name of label."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            labels = [value for _, value in sorted(sample.labels.items())]
            found[sample.name.removeprefix("fastapi_maintenance_"), *labels] = sample.value
    return found


def of(*windows: Observed) -> dict[tuple[str, ...], float]:
    """The samples of windows alone."""
    every = samples(Metrics(lambda: windows, lambda: True))
    return {key: value for key, value in every.items() if key[0].startswith("window_")}


def test_an_open_window_is_active_with_its_start_and_end() -> None:
    assert of(window("lunch", OPEN)) == {
        ("window_active", "Full", "shop", "lunch"): 1,
        ("window_active_since_timestamp_seconds", "shop", "lunch"): NOON,
        ("window_end_timestamp_seconds", "shop", "lunch"): NOON + 3600,
    }


def test_a_window_without_an_end_has_no_sample_of_it() -> None:
    assert ("window_end_timestamp_seconds", "shop", "lunch") not in of(window("lunch", ENDLESS))


def test_a_window_to_come_says_when_it_opens() -> None:
    assert of(window("night", NEXT, mode="ReadOnly")) == {
        ("window_active", "ReadOnly", "shop", "night"): 0,
        ("window_next_start_timestamp_seconds", "shop", "night"): NOON + 86400,
    }


@pytest.mark.parametrize("status", [None, {}, {"conditions": []}])
def test_a_window_without_a_status_is_not_active(status: dict[str, Any] | None) -> None:
    assert of(window("new", status)) == {("window_active", "Full", "shop", "new"): 0}


@pytest.mark.parametrize(("status", "told"), [("True", 1), ("False", None), ("Unknown", None)])
def test_a_window_that_is_stalled_is_told_of(status: str, told: float | None) -> None:
    """Most are not, and cost no sample."""
    conditions = [{"type": "Ready", "status": "True"}, {"type": "Stalled", "status": status}]
    found = of(window("bad", {"conditions": conditions}))
    assert found.get(("window_stalled", "shop", "bad")) == told


@pytest.mark.parametrize("status", ["True", "False"])
def test_a_window_of_the_cluster_is_told_of_only_while_it_is_stalled(status: str) -> None:
    """Its windows are counted where they are."""
    item = stored("move", 1, start="2026-06-01T12:00:00Z")
    del item["metadata"]["namespace"]
    item["kind"], item["spec"]["namespaceSelector"] = "ClusterMaintenanceWindow", {}
    item["status"] = {**OPEN, "conditions": [{"type": "Stalled", "status": status}]}
    found = samples(Metrics(lambda: [read(item)], lambda: True))
    told = {key: value for key, value in found.items() if "move" in key}
    assert told == ({("cluster_window_stalled", "move"): 1} if status == "True" else {})


def test_an_invalid_window_is_not_active() -> None:
    assert of(window("bad", None, schedule="x"))["window_active", "Full", "shop", "bad"] == 0


def test_processes_are_counted_by_state() -> None:
    """What was claimed stands beside the counts, and is none."""
    counts = {"registered": 3, "enforcing": 2, "draining": 1}
    claim = {"scope": "1:abc", "until": "2026-06-01T13:00:00Z"}
    found = of(window("lunch", {**OPEN, "processes": {**counts, **claim}}))
    assert {k[2]: v for k, v in found.items() if k[0] == "window_processes"} == counts


def test_a_window_that_is_gone_is_gone_from_the_next_scrape() -> None:
    windows = [window("lunch", OPEN)]
    metrics = Metrics(lambda: windows, lambda: True)
    assert ("window_active", "Full", "shop", "lunch") in samples(metrics)
    windows.clear()
    assert [key for key in samples(metrics) if key[0] == "window_active"] == []


def test_windows_may_come_and_go_while_a_scrape_reads_them() -> None:
    """Which it does in a thread of its own."""
    windows, errors, stop = Windows(), list[RuntimeError](), threading.Event()
    for number in range(500):
        windows.take("ADDED", stored(f"w{number}", start="2026-06-01T12:00:00Z"))

    def scrape() -> None:
        while not stop.is_set() and not errors:
            try:
                windows.namespaced()
            except RuntimeError as error:
                errors.append(error)

    before, thread = sys.getswitchinterval(), threading.Thread(target=scrape)
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        for version in range(2, 20_000, 2):
            windows.take("ADDED", stored("another", version, start="2026-06-01T12:00:00Z"))
            windows.take("DELETED", stored("another", version + 1, start="2026-06-01T12:00:00Z"))
    finally:
        sys.setswitchinterval(before)
        stop.set()
        thread.join()
    assert errors == []


def test_the_operators_work_is_counted() -> None:
    metrics = Metrics(list, lambda: True)
    meter: Meter = metrics
    meter.reconciled(0.02)
    meter.reconciled(0.3)
    meter.failed()
    found = samples(metrics)
    assert found["reconcile_duration_seconds_count",] == 2
    assert found["reconcile_duration_seconds_bucket", "0.025"] == 1
    assert found["reconcile_errors_total",] == 1


def test_the_last_event_of_a_watch_is_known() -> None:
    metrics = Metrics(list, lambda: True)
    assert samples(metrics)["last_watch_event_timestamp_seconds",] == 0
    before = time.time()
    metrics.noticed()
    assert samples(metrics)["last_watch_event_timestamp_seconds",] >= before


def test_whoever_holds_the_lease_says_so() -> None:
    leading = [False]
    metrics = Metrics(list, lambda: leading[0])
    assert samples(metrics)["operator_leader",] == 0
    leading[0] = True
    assert samples(metrics)["operator_leader",] == 1
