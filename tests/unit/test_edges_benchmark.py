"""The benchmark of edges runs and answers each of its questions; how fast is not asked here."""

from __future__ import annotations

import pytest

from benchmarks.edges import LATE
from benchmarks.recomputing import MIXES
from tests.python import python


def benchmark(*arguments: str) -> str:
    """What it prints."""
    return python("-m", "benchmarks.edges", *arguments)


@pytest.fixture(scope="module")
def report() -> str:
    """What the short form prints."""
    return benchmark("--quick", "--known", "200")


def cells(report: str, start: str) -> list[list[str]]:
    """The cells of the rows that start so."""
    rows = [line for line in report.splitlines() if line.startswith(f"| {start} |")]
    return [[cell.strip() for cell in row.strip("|").split("|")][1:] for row in rows]


@pytest.mark.parametrize("when", ["to come", "open"])
def test_many_windows_are_compared_with_one(report: str, when: str) -> None:
    ((_, ratio, goal),) = cells(report, f"200 windows, 50 of them ours, {when}")
    assert len(ratio.split()) == 2
    assert goal == "≤ 1.02"


@pytest.mark.parametrize("mix", MIXES)
def test_each_mix_of_windows_has_its_edges(report: str, mix: str) -> None:
    ((edges, *_, worst, goal, _wall),) = cells(report, mix)
    assert edges == "5"
    assert len(worst.split()) == 2
    assert goal == "< 5"


@pytest.mark.parametrize("clock", LATE)
def test_no_answer_is_wrong_after_an_edge_however_late(report: str, clock: str) -> None:
    rows = cells(report, clock)
    assert [row[0] for row in rows] == ["idle", "loaded"]
    assert [row[1] for row in rows] == ["4", "4"]
    assert [row[-1] for row in rows] == ["0", "0"]


def test_it_says_what_it_can_be_asked() -> None:
    text = benchmark("--help")
    for word in ("--known", "--only", "--quick", "request", "edge", "late", "loaded loop"):
        assert word in text
