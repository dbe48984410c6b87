"""What may be said at one moment, as windows, clocks and requests have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fastapi_maintenance.backends.kubernetes.process import WindowReport
from fastapi_maintenance.backends.kubernetes.report import Account
from fastapi_maintenance.backends.ledger import Flight
from fastapi_maintenance.windows import OFF, Window
from fastapi_maintenance.windows.scope import scope_of
from tests.unit.making import Held, at, fixed, recurring, window
from tests.unit.processes import Book

NIGHTLY = window(recurring("0 2 * * *", hours=1), apps=("orders",), uid="u", generation=3)
BEFORE, DURING, AFTER = at("2026-06-02T01:59Z"), at("2026-06-02T02:30Z"), at("2026-06-02T03:00Z")


class Process:
    """An account, and what it says."""

    def __init__(self, app: str | None = "orders") -> None:
        self.backend = Held()
        self.book = Book(self.backend)
        self.account = Account(self.backend, app)

    def says(self, now: Any, *windows: Window) -> tuple[WindowReport, ...]:
        return self.account.look(windows or (NIGHTLY,), (), now, stopping=False).windows

    def refuses(self, now: Any) -> bool:
        """Whether something is held though the clock says otherwise."""
        return self.account.held(now.timestamp()) != OFF


def test_a_window_is_reported_while_it_is_open_with_what_identifies_the_occurrence() -> None:
    process = Process()
    assert process.says(BEFORE) == ()
    (report,) = process.says(DURING)
    assert (report.occurrence, report.until) == (at("2026-06-02T02:00Z"), AFTER)
    assert (report.uid, report.generation, report.scope) == ("u", 3, scope_of(NIGHTLY))
    assert report.is_drained
    assert process.says(AFTER) == ()


def test_r4_each_occurrence_is_acknowledged_by_its_own_start() -> None:
    process = Process()
    starts = [process.says(at(f"2026-06-0{day}T02:30Z"))[0].occurrence for day in (2, 3)]
    assert starts == [at("2026-06-02T02:00Z"), at("2026-06-03T02:00Z")]


@pytest.mark.parametrize("back", ["2026-06-02T01:00Z", "2026-06-01T02:30Z", "2026-05-01T00:00Z"])
def test_r9_whatever_time_the_clock_steps_back_to_the_occurrence_is_held(back: str) -> None:
    """To before it, into the one before, or to before the window was made."""
    process = Process()
    said = process.says(DURING)
    assert not process.refuses(DURING), "the clock itself says so then"
    for _ in range(2):
        assert process.refuses(at(back))
        assert process.says(at(back)) == said
    assert process.says(AFTER) == ()
    assert not process.refuses(BEFORE), "it came to its end"


@pytest.mark.parametrize(
    "edit",
    [
        {"suspend": True},
        {"timing": recurring("0 5 * * *", hours=1)},
        {"timing": fixed(("2026-06-02T02:10Z", None))},
        {"uid": "another"},
    ],
    ids=["suspended", "at five", "ten minutes later", "recreated"],
)
def test_r9_an_edit_takes_away_what_only_the_clock_could_not(edit: dict[str, Any]) -> None:
    process = Process()
    process.says(DURING)
    assert process.says(BEFORE, replace(NIGHTLY, **edit)) == ()
    assert not process.refuses(BEFORE)


def test_r9_a_window_that_is_gone_is_held_no_more() -> None:
    process = Process()
    process.says(DURING)
    process.account.look((), (), BEFORE, stopping=False)
    assert not process.refuses(BEFORE)


def test_each_window_counts_for_itself_and_the_oldest_five_are_named() -> None:
    """What was let in before anything was counted counts for all."""
    process = Process()
    process.book.flights = [Flight(float(age), "POST", f"/{age}") for age in (7, 3, 9, 1, 5, 8)]
    process.book.unseen = 2
    other = replace(NIGHTLY, uid="v", name="other")
    reports = process.says(DURING, NIGHTLY, other)
    assert [report.in_flight for report in reports] == [8, 8]
    assert [flight.route for flight in reports[0].oldest] == ["/1", "/3", "/5", "/7", "/8"]


def test_r11_a_reason_is_said_for_all_windows_and_names_the_first_that_does_not_enforce() -> None:
    process = Process()
    process.book.why = "UnderTest"
    (report,) = process.says(DURING)
    assert (report.enforcing, report.reason) == (False, "UnderTest")


def test_r5_ledgers_are_asked_once_the_windows_have_been_looked_at() -> None:
    """By then what is open is held: nothing new can slip by between the look and the count."""
    process = Process()
    held: list[bool] = []
    covered = process.book.covered

    def look(state: Any) -> Any:
        held.append(process.account.held(BEFORE.timestamp()) != OFF)
        return covered(state)

    process.book.covered = look  # type: ignore[method-assign]
    process.says(DURING)
    assert held == [True]
