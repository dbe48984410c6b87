"""A file with MaintenanceWindow manifests opens and closes by the clock."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from fastapi_maintenance.backends import LocalFileBackend, file, file_settling
from tests.unit.making import at, manifest

NOON = at("2026-06-01T12:00Z").timestamp()
HOUR = 3600
LUNCH: dict[str, Any] = {"start": "2026-06-01T12:00:00Z", "duration": "1h"}


class Clock:
    """The time of day, as the backend knows it."""

    now = NOON


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(file, "wall_clock", lambda: clock.now)
    monkeypatch.setattr(file, "_LOOK_EVERY", 0.0)
    monkeypatch.setattr(file_settling, "_SETTLED_AFTER", 0.0)
    return clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "window.yaml"


def is_on(backend: LocalFileBackend) -> bool:
    return backend.state().reads is not None


def test_a_window_opens_and_closes_by_its_own_clock(clock: Clock, path: Path) -> None:
    path.write_text(json.dumps(manifest(**LUNCH)))
    backend = LocalFileBackend(path)
    seen = []
    for clock.now in (NOON - 1, NOON, NOON + HOUR - 1, NOON + HOUR, NOON):
        seen.append(is_on(backend))
    assert seen == [False, True, True, False, True]


@pytest.mark.parametrize(
    "nothing", ["# {}\n#x: y\n", "#x", "---\n", "--- # a: b\n...\n", "\ufeff# {}"]
)
def test_a_file_whose_windows_are_commented_out_is_off(
    clock: Clock, path: Path, nothing: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(json.dumps(manifest(**LUNCH)))
    backend = LocalFileBackend(path)
    assert is_on(backend)
    path.write_text(nothing)
    assert not is_on(backend)
    assert caplog.messages == []


def test_a_schedule_in_a_file_comes_again(clock: Clock, path: Path) -> None:
    spec = {"schedule": "0 14 * * *", "timeZone": "Europe/Berlin", "duration": "1h"}
    path.write_text(json.dumps(manifest(**spec)))
    backend = LocalFileBackend(path)
    seen = []
    for day in range(3):
        for clock.now in (NOON + day * 24 * HOUR, NOON + (day * 24 + 1) * HOUR):
            seen.append(is_on(backend))
    assert seen == [True, False] * 3


def test_a_file_may_hold_several_windows(clock: Clock, path: Path) -> None:
    later = manifest("later", start="2026-06-01T13:00:00Z", duration="1h")
    path.write_text("\n---\n".join(json.dumps(item) for item in (manifest(**LUNCH), later)))
    backend = LocalFileBackend(path)
    refusal = backend.state().writes
    assert refusal is not None
    assert refusal.until == at("2026-06-01T14:00Z")


def test_a_window_that_changes_in_the_file_counts_at_once(clock: Clock, path: Path) -> None:
    path.write_text(json.dumps(manifest(**LUNCH)))
    backend = LocalFileBackend(path)
    assert is_on(backend)
    path.write_text(json.dumps(manifest(**LUNCH, suspend=True)))
    assert not is_on(backend)


def test_a_broken_manifest_keeps_the_windows_with_their_clock(
    clock: Clock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(json.dumps(manifest(**LUNCH)))
    backend = LocalFileBackend(path)
    assert is_on(backend)
    path.write_text(json.dumps(manifest(**LUNCH, mood="Full")))
    assert is_on(backend)
    clock.now += HOUR
    assert not is_on(backend)
    (record,) = caplog.records
    assert "spec.mood: unknown field: did you mean 'mode'?" in record.getMessage()


@pytest.mark.parametrize(("app", "on"), [("orders", True), ("billing", False), (None, False)])
def test_a_window_is_for_the_apps_it_names(
    clock: Clock, path: Path, app: str | None, on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FASTAPI_MAINTENANCE_APP", raising=False)
    path.write_text(json.dumps(manifest(**LUNCH, apps=["orders"])))
    assert is_on(LocalFileBackend(path, app=app)) is on


def test_the_app_may_be_named_by_the_environment(
    clock: Clock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTAPI_MAINTENANCE_APP", "orders")
    path.write_text(json.dumps(manifest(**LUNCH, apps=["orders"])))
    assert is_on(LocalFileBackend(path))
    assert not is_on(LocalFileBackend(path, app="billing"))


def test_a_window_for_another_app_is_told_of_once(
    clock: Clock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(json.dumps(manifest("lunch", **LUNCH, apps=["orders", "billing"])))
    backend = LocalFileBackend(path, app="stock")
    for _ in range(3):
        assert not is_on(backend)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"{path}: window lunch is for orders, billing and not for this application (stock): "
        "pass app= or set FASTAPI_MAINTENANCE_APP if it should be"
    )


def test_a_window_lets_health_checks_pass_and_names_itself(clock: Clock, path: Path) -> None:
    path.write_text(json.dumps(manifest(**LUNCH)))
    refusal = LocalFileBackend(path).state().reads
    assert refusal is not None
    assert refusal.opening.probes_pass
    assert refusal.opening.source == "window=shop/w"


@pytest.mark.parametrize(
    "text",
    ["kind: List", "- on", "metadata: w", "a: !!bool x", "[" * 500, "9999-12-31: 1"],
    ids=lambda text: text[:12],
)
def test_whatever_the_file_holds_the_state_can_be_asked_for(
    clock: Clock, path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(text)
    backend = LocalFileBackend(path)
    assert not is_on(backend)
    assert not is_on(backend)
    assert len(caplog.records) == 1
