"""Whose word counts on a window: the operator's while it is there and up to date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from fastapi_maintenance.cli._judging import by_operator, by_processes, lease_is_fresh
from fastapi_maintenance.cli._seen import Seen, see
from fastapi_maintenance.windows import parse_manifest
from tests.unit.making import at
from tests.unit.proving import NOW, flights, report, stored_process

WINDOW: dict[str, Any] = {
    "apiVersion": "fastapi-maintenance.io/v1alpha1",
    "kind": "MaintenanceWindow",
    "metadata": {"name": "w", "namespace": "shop", "uid": "uid-of-w", "generation": 2},
    "spec": {"apps": ["orders"], "start": "2026-06-01T12:00:00Z", "end": "2026-06-01T13:00:00Z"},
}


def told(**changes: Any) -> Seen:
    """The window with what an operator has said of it, changed in places."""
    condition = {
        "type": "Drained",
        "status": "True",
        "reason": "AllDrained",
        "message": "all",
        "observedGeneration": 2,
    }
    status = {
        "observedGeneration": 2,
        "current": {"start": "2026-06-01T12:00:00Z"},
        "conditions": [condition],
    }
    return see({**WINDOW, "status": status | changes}, at(NOW))


def test_a_true_condition_of_this_generation_and_occurrence_counts() -> None:
    judged = by_operator(told(), "drained")
    assert judged is not None
    assert judged.met


def test_instants_are_told_on_the_clock_of_the_reader(reader_in: Callable[[str], None]) -> None:
    """As `processes` tells them; with the day where it is another one."""
    reader_in("Europe/Berlin")
    message = "orders-1: 1 request, GET /export/{id} since %s"
    condition = {"type": "Drained", "status": "False", "observedGeneration": 2}
    for since, shown in (
        ("2026-06-01T12:04:48Z", "14:04:48"),
        ("2026-05-31T09:00:00Z", "Sun 31 May 11:00:00"),
    ):
        judged = by_operator(
            told(conditions=[{**condition, "message": message % since}]), "drained"
        )
        assert judged is not None
        assert judged.message == message % shown
    counted = acknowledged(**flights("2026-06-01T12:04:48Z"))
    judged = by_processes(see(WINDOW, at(NOW)), "drained", [counted], None, at(NOW))
    assert judged.message == message % "14:04:48"


@pytest.mark.parametrize(
    "changes",
    [
        {"observedGeneration": 1},
        {"current": {"start": "2026-06-01T00:00:00Z"}},
        {"current": None},
        {"current": {"start": "noon"}},
        {"conditions": []},
        {"conditions": [{"type": "Drained", "status": "True", "observedGeneration": 1}]},
    ],
)
def test_a_status_that_is_behind_says_nothing(changes: dict[str, Any]) -> None:
    assert by_operator(told(**changes), "drained") is None


def test_a_window_without_a_status_has_nobodys_word() -> None:
    assert by_operator(see(WINDOW, at(NOW)), "drained") is None


def lease(seconds_ago: float = 1, **changes: Any) -> dict[str, Any]:
    renewed = at(NOW) - timedelta(seconds=seconds_ago)
    spec = {"holderIdentity": "a", "leaseDurationSeconds": 12, "renewTime": renewed.isoformat()}
    return {"spec": spec | changes}


@pytest.mark.parametrize(
    ("found", "fresh"),
    [
        (lease(), True),
        (lease(13), True),  # clocks differ
        (lease(15), False),
        (lease(holderIdentity=""), False),
        (lease(renewTime="then"), False),
        (lease(renewTime=None), False),
        (None, False),
        ({}, False),
    ],
)
def test_a_lease_is_fresh_while_its_holder_renews_it(found: Any, fresh: bool) -> None:
    assert lease_is_fresh(found, at(NOW)) is fresh


def acknowledged(**changes: Any) -> dict[str, Any]:
    """A process that says of the window that it refuses requests."""
    return stored_process("orders-1", report(parse_manifest(WINDOW), **changes))


def test_what_all_processes_say_is_proof_without_an_operator() -> None:
    seen = see(WINDOW, at(NOW))
    assert by_processes(seen, "drained", [acknowledged()], None, at(NOW)).met
    silent = [acknowledged(), stored_process("orders-2")]
    judged = by_processes(seen, "enforced", silent, None, at(NOW))
    assert (judged.met, judged.reason) == (False, "NotAcknowledged")


PLAN = '{"windows": [{"uid": "uid-of-w", "generation": %d}]}'


@pytest.mark.parametrize(
    ("plan", "met"), [(None, True), (PLAN % 2, True), (PLAN % 1, False), ("{}", False), ("", False)]
)
def test_a_plan_that_lacks_the_window_may_be_somebodys_to_follow(
    plan: str | None, met: bool
) -> None:
    """No plan at all is nobody's: for readers, an absent one is not one without windows."""
    judged = by_processes(see(WINDOW, at(NOW)), "drained", [acknowledged()], plan, at(NOW))
    assert judged.met is met
    assert judged.reason == ("AllDrained" if met else "PlanNotWritten")


def test_no_process_counts_only_where_that_was_said_to_be_fine() -> None:
    """Those that are there must have spoken all the same."""
    seen, ok = see(WINDOW, at(NOW)), {"unreported_is_ok": True}
    assert by_processes(seen, "drained", [], None, at(NOW)).reason == "NoProcesses"
    assert by_processes(seen, "drained", [], None, at(NOW), **ok).met
    late = by_processes(seen, "drained", [stored_process()], None, at(NOW), **ok)
    assert late.reason == "NotAcknowledged"
