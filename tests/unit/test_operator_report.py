"""What the benchmark of the operator says of its figures."""

from __future__ import annotations

import dataclasses

from benchmarks.operator_report import Result, report

GOOD = Result(1_000, 6.0, 5.0, 9.0, 4.0, 120.0, 110.0, 600.0, 3.0, 0, [0.05] * 99 + [0.06], 1.5)


def cells(text: str, start: str) -> list[str]:
    """The cells of the only row that starts so."""
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_a_goal_that_is_reached_is_marked() -> None:
    text = report([GOOD])
    assert cells(text, "from cold") == ["6 ✓", "≤ 60"]
    assert cells(text, "cold / bare") == ["1.5", "-"]
    assert cells(text, "most memory") == ["120 ✓", "≤ 200"]
    assert cells(text, "idle,") == ["0.5 ✓", "≤ 1"]
    assert cells(text, "an edit to its status, p99") == ["50.1 ✓", "≤ 200"]


def test_a_goal_that_is_missed_is_marked() -> None:
    bad = dataclasses.replace(
        GOOD, converged=61, peak=201, idle_cpu=7, idle_writes=1, edits=[0.3] * 100, opened=6
    )
    missed = [line for line in report([bad]).splitlines() if "✗" in line]
    assert len(missed) == 6


def test_growth_is_drawn_beside_linear_growth() -> None:
    """The bar goes to where the processor time is, the mark to where linear growth would be."""
    ten = dataclasses.replace(GOOD, windows=10_000, converged_cpu=25.0)
    *_, first, last, _ = report([GOOD, ten]).splitlines()
    assert (first.count("#"), last.count("#")) == (6, 30)
    assert last.index("|") == last.index("#") + 60
