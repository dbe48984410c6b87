"""A plan past its time: said once and loudly, and kept to."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from fastapi_maintenance.backends import LocalFileBackend, file
from fastapi_maintenance.backends.plan_age import PlanAge
from fastapi_maintenance.windows import Window, make_plan, parse_plan
from tests.unit.making import at, fixed, recurring, window

MADE = at("2026-06-01T00:00Z")
UNTIL = at("2026-06-09T00:00Z").timestamp()
DAY = 86_400.0

NIGHTLY = window(recurring("0 2 * * *", hours=1), name="nightly")
ONCE = window(fixed(("2026-06-01T00:00Z", None)), name="once", mode="ReadOnly")


def planned(*windows: Window) -> tuple[Window, ...]:
    return parse_plan(make_plan(windows, MADE)[0])


def test_a_plan_past_its_time_is_told_of_once_with_its_windows_and_since_when(
    caplog: pytest.LogCaptureFixture,
) -> None:
    age = PlanAge("plan shop")
    age.take(planned(NIGHTLY, ONCE), UNTIL - 1)
    age.look(UNTIL - 0.001)
    assert caplog.records == []
    for now in (UNTIL, UNTIL + 1, UNTIL + 30 * DAY):
        age.look(now)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == (
        "plan shop: it says nothing of the time from 2026-06-09T00:00:00Z on about shop/nightly: "
        "what is known stays in force, changes and later occurrences are missed; see that the "
        "operator runs"
    )


def test_until_then_a_look_is_one_comparison() -> None:
    age = PlanAge("plan")
    age.take(planned(NIGHTLY), UNTIL - 1)
    assert age.valid_until == UNTIL


def test_a_window_that_is_known_for_ever_is_never_too_old(
    caplog: pytest.LogCaptureFixture,
) -> None:
    age = PlanAge("plan")
    age.take(planned(ONCE), UNTIL + 1000 * DAY)
    assert caplog.records == []


def test_a_plan_that_is_too_old_when_it_comes_is_told_of_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    PlanAge("plan").take(planned(NIGHTLY), UNTIL + DAY)
    assert len(caplog.records) == 1


def test_a_newer_plan_is_told_of_and_may_age_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    age = PlanAge("plan")
    age.take(planned(NIGHTLY), UNTIL)
    age.take(planned(NIGHTLY), UNTIL + 1)
    age.take(parse_plan(make_plan([NIGHTLY], MADE.replace(day=20))[0]), UNTIL + DAY)
    age.look(UNTIL + 30 * DAY)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO", "ERROR"]


def test_many_windows_are_not_all_named(caplog: pytest.LogCaptureFixture) -> None:
    windows = [replace(NIGHTLY, name=f"w{number}") for number in range(9)]
    PlanAge("plan").take(planned(*windows), UNTIL)
    assert "about shop/w0, shop/w1, shop/w2, shop/w3, shop/w4 and 4 more:" in caplog.text


def test_a_mounted_plan_past_its_time_is_told_of_and_kept_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimpleNamespace(now=UNTIL - 1)
    monkeypatch.setattr(file, "wall_clock", lambda: clock.now)
    monkeypatch.setattr(file, "_LOOK_EVERY", 0.0)
    path = tmp_path / "windows.json"
    path.write_text(make_plan([NIGHTLY, ONCE], MADE)[0])
    backend = LocalFileBackend(path)
    assert backend.state().writes is not None
    assert caplog.records == []
    clock.now = UNTIL + DAY
    for _ in range(3):
        state = backend.state()
    assert state.writes is not None
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert caplog.messages[0].startswith(f"{path}: it says nothing of the time from 2026-06-09T")
    path.write_text("off")
    assert backend.state().writes is None
    assert len(caplog.records) == 1
